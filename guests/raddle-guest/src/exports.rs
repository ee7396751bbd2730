//! What makes an actor of a type: the macro that exports it.

/// Makes a type the actor of this component, and exports what it implements:
/// `actor!(Echo)`, or `actor!(Counter: lifecycle, health)`. After the colon may be
/// `lifecycle`, `health`, `batch`, `replies`, `subscriber`, `signals` and `names`.
#[macro_export]
macro_rules! actor {
    ($actor:ty $(: $($optional:ident),+)?) => {
        const _: () = {
            ::std::thread_local! {
                static ACTOR: ::core::cell::RefCell<$actor> =
                    ::core::cell::RefCell::new(<$actor as ::core::default::Default>::default());
            }
            const IN_PLACE: bool = $crate::__takes_batches!($($($optional)+)?);
            $crate::__export!(handler, $actor, ACTOR);
            $($($crate::__export!($optional, $actor, ACTOR);)+)?
        };
    };
}

/// Is `batch` among these?
#[doc(hidden)]
#[macro_export]
macro_rules! __takes_batches {
    () => { false };
    (batch $($others:ident)*) => { true };
    ($other:ident $($others:ident)*) => { $crate::__takes_batches!($($others)*) };
}

/// One export of [`actor!`]. Names such as `raddle:actor/handler@0.1.0#handle`
/// only link on wasm; elsewhere, in unit tests, the types are checked and no more.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (handler, $actor:ty, $instance:ident) => {
        #[cfg(target_family = "wasm")]
        #[unsafe(export_name = "raddle:actor/handler@0.1.0#handle")]
        unsafe extern "C" fn handle(sender: i64, start: *mut u8, len: usize) -> *const $crate::__Flat {
            $crate::__enter();
            $instance.with_borrow_mut(|actor| {
                // SAFETY: the runtime hands over what the contract says.
                unsafe { $crate::__handle::<$actor, IN_PLACE>(actor, sender as u64, start, len) }
            })
        }
        const _: fn() = $crate::__assert_actor::<$actor>;
    };
    (lifecycle, $actor:ty, $instance:ident) => {
        struct Lifecycle;
        impl $crate::__bindings::lifecycle::Guest for Lifecycle {
            fn init(start: $crate::Start) -> ::core::result::Result<(), ::std::string::String> {
                $instance.with_borrow_mut(|actor| <$actor as $crate::Lifecycle>::init(actor, start))
            }
            fn stop(reason: $crate::StopReason) {
                $instance.with_borrow_mut(|actor| <$actor as $crate::Lifecycle>::stop(actor, reason))
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::lifecycle::export!(Lifecycle with_types_in $crate::__bindings::lifecycle);
        const _: fn() = $crate::__bindings::lifecycle::assert_guest::<Lifecycle>;
    };
    (health, $actor:ty, $instance:ident) => {
        struct Health;
        impl $crate::__bindings::health::Guest for Health {
            fn check() -> $crate::Status {
                $instance.with_borrow_mut(|actor| <$actor as $crate::Health>::check(actor))
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::health::export!(Health with_types_in $crate::__bindings::health);
        const _: fn() = $crate::__bindings::health::assert_guest::<Health>;
    };
    (batch, $actor:ty, $instance:ident) => {
        struct BatchHandler;
        impl $crate::__bindings::batch_handler::Guest for BatchHandler {
            fn handle_batch(frames: ::std::vec::Vec<u8>) -> u32 {
                $instance.with_borrow_mut(|actor| $crate::__handle_frames(actor, frames))
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::batch_handler::export!(BatchHandler with_types_in $crate::__bindings::batch_handler);
        const _: fn() = $crate::__bindings::batch_handler::assert_guest::<BatchHandler>;
    };
    (replies, $actor:ty, $instance:ident) => {
        struct ReplyHandler;
        impl $crate::__bindings::reply_handler::Guest for ReplyHandler {
            fn handle_reply(
                request: $crate::RequestId,
                outcome: ::core::result::Result<::std::vec::Vec<u8>, $crate::RequestError>,
            ) {
                $instance.with_borrow_mut(|actor| {
                    <$actor as $crate::Replies>::handle_reply(actor, request, outcome)
                })
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::reply_handler::export!(ReplyHandler with_types_in $crate::__bindings::reply_handler);
        const _: fn() = $crate::__bindings::reply_handler::assert_guest::<ReplyHandler>;
    };
    (subscriber, $actor:ty, $instance:ident) => {
        struct Subscriber;
        impl $crate::__bindings::subscriber::Guest for Subscriber {
            fn handle_publication(
                subject: ::std::string::String,
                sender: $crate::ActorId,
                payload: ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<(), $crate::Failure> {
                $instance.with_borrow_mut(|actor| {
                    <$actor as $crate::Subscriber>::handle_publication(actor, &subject, sender, payload)
                })
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::subscriber::export!(Subscriber with_types_in $crate::__bindings::subscriber);
        const _: fn() = $crate::__bindings::subscriber::assert_guest::<Subscriber>;
    };
    (signals, $actor:ty, $instance:ident) => {
        struct Signals;
        impl $crate::__bindings::signals::Guest for Signals {
            fn handle_down(
                monitor: $crate::MonitorId,
                ended: $crate::ActorId,
                reason: $crate::ExitReason,
            ) {
                $instance.with_borrow_mut(|actor| {
                    <$actor as $crate::Signals>::handle_down(actor, monitor, ended, reason)
                })
            }
            fn handle_exit(ended: $crate::ActorId, reason: $crate::ExitReason) {
                $instance.with_borrow_mut(|actor| {
                    <$actor as $crate::Signals>::handle_exit(actor, ended, reason)
                })
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::signals::export!(Signals with_types_in $crate::__bindings::signals);
        const _: fn() = $crate::__bindings::signals::assert_guest::<Signals>;
    };
    (names, $actor:ty, $instance:ident) => {
        struct Names;
        impl $crate::__bindings::names::Guest for Names {
            fn handle_registered(
                name: ::std::string::String,
                outcome: ::core::result::Result<(), $crate::ActorId>,
            ) {
                $instance.with_borrow_mut(|actor| {
                    <$actor as $crate::Names>::handle_registered(actor, &name, outcome)
                })
            }
            fn handle_holder(
                name: ::std::string::String,
                holder: ::core::option::Option<$crate::ActorId>,
            ) {
                $instance.with_borrow_mut(|actor| {
                    <$actor as $crate::Names>::handle_holder(actor, &name, holder)
                })
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::names::export!(Names with_types_in $crate::__bindings::names);
        const _: fn() = $crate::__bindings::names::assert_guest::<Names>;
    };
    ($unknown:ident, $actor:ty, $instance:ident) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($unknown), "`: an actor exports `lifecycle`, `health`, `batch`, `replies`, `subscriber`, `signals` and `names`"
        ));
    };
}
