//! What `wit-bindgen` makes of the contract in `wit/`.
//!
//! One world per optional export, since a component has to have every export of
//! the worlds it is linked with. Unused imports, in contrast, fall away.

#![allow(missing_docs)]

/// What the runtime offers to guests.
pub mod imports {
    wit_bindgen::generate!({ path: "../../wit", world: "imports" });
}

/// What the runtime offers to guests that may be suspended. Importing it makes a
/// guest one of them.
pub mod suspends {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package raddle:guest; world suspends { import raddle:actor/ask@0.1.0; }",
        world: "raddle:guest/suspends",
        with: {
            "raddle:actor/ask@0.1.0": generate,
            "raddle:actor/types@0.1.0": crate::bindings::imports::raddle::actor::types,
        },
    });
}

/// What guests export. The `assert_guest`s are for unit tests: exports only link
/// on wasm, and elsewhere it is they that use the actor.
pub mod exports {
    /// Only what says that it is exported: see [`crate::handler`].
    pub mod handler {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "package raddle:guest; world handles { export raddle:actor/handler@0.1.0; }",
            world: "raddle:guest/handles",
            with: { "raddle:actor/types@0.1.0": crate::bindings::imports::raddle::actor::types },
        });
    }

    pub mod batch_handler {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "package raddle:guest; world batches { export raddle:actor/batch-handler@0.1.0; }",
            world: "raddle:guest/batches",
            pub_export_macro: true,
        });
        pub use exports::raddle::actor::batch_handler::Guest;
        pub fn assert_guest<T: Guest>() {}
    }

    pub mod lifecycle {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "package raddle:guest; world lives { export raddle:actor/lifecycle@0.1.0; }",
            world: "raddle:guest/lives",
            with: { "raddle:actor/types@0.1.0": crate::bindings::imports::raddle::actor::types },
            pub_export_macro: true,
        });
        pub use exports::raddle::actor::lifecycle::{Guest, Start, StopReason};
        pub fn assert_guest<T: Guest>() {}
    }

    pub mod health {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "package raddle:guest; world checks { export raddle:actor/health@0.1.0; }",
            world: "raddle:guest/checks",
            pub_export_macro: true,
        });
        pub use exports::raddle::actor::health::{Guest, Status};
        pub fn assert_guest<T: Guest>() {}
    }

    pub mod reply_handler {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "package raddle:guest; world hears-replies { export raddle:actor/reply-handler@0.1.0; }",
            world: "raddle:guest/hears-replies",
            with: { "raddle:actor/types@0.1.0": crate::bindings::imports::raddle::actor::types },
            pub_export_macro: true,
        });
        pub use exports::raddle::actor::reply_handler::Guest;
        pub fn assert_guest<T: Guest>() {}
    }

    pub mod subscriber {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "package raddle:guest; world subscribes { export raddle:actor/subscriber@0.1.0; }",
            world: "raddle:guest/subscribes",
            with: { "raddle:actor/types@0.1.0": crate::bindings::imports::raddle::actor::types },
            pub_export_macro: true,
        });
        pub use exports::raddle::actor::subscriber::Guest;
        pub fn assert_guest<T: Guest>() {}
    }

    pub mod names {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "package raddle:guest; world hears-names { export raddle:actor/names@0.1.0; }",
            world: "raddle:guest/hears-names",
            with: { "raddle:actor/types@0.1.0": crate::bindings::imports::raddle::actor::types },
            pub_export_macro: true,
        });
        pub use exports::raddle::actor::names::Guest;
        pub fn assert_guest<T: Guest>() {}
    }

    pub mod signals {
        wit_bindgen::generate!({
            path: "../../wit",
            inline: "package raddle:guest; world hears-signals { export raddle:actor/signals@0.1.0; }",
            world: "raddle:guest/hears-signals",
            with: { "raddle:actor/types@0.1.0": crate::bindings::imports::raddle::actor::types },
            pub_export_macro: true,
        });
        pub use exports::raddle::actor::signals::Guest;
        pub fn assert_guest<T: Guest>() {}
    }
}
