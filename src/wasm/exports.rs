//! What a component exports that the runtime calls: found and checked when it is loaded,
//! so that an instance costs nothing for what it may never be called for.

#![allow(unsafe_code)] // wasmtime checks the types of a function anew for each instance

use std::marker::PhantomData;

use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc,
};

use super::abi;
use super::component::ComponentError;
use super::host::HostState;
use super::info::ComponentInfo;
use super::instance::Live;

/// The interface that makes a component an actor, and the optional ones.
pub(super) const HANDLER: &str = "raddle:actor/handler@0.1.0";
pub(super) const BATCH_HANDLER: &str = "raddle:actor/batch-handler@0.1.0";
pub(super) const REPLY_HANDLER: &str = "raddle:actor/reply-handler@0.1.0";
pub(super) const SUBSCRIBER: &str = "raddle:actor/subscriber@0.1.0";
pub(super) const SIGNALS: &str = "raddle:actor/signals@0.1.0";
pub(super) const NAMES: &str = "raddle:actor/names@0.1.0";
pub(super) const LIFECYCLE: &str = "raddle:actor/lifecycle@0.1.0";
pub(super) const HEALTH: &str = "raddle:actor/health@0.1.0";

/// A function of a component, and what it takes and returns.
pub(super) struct Export<Params, Return> {
    index: ComponentExportIndex,
    types: PhantomData<(Params, Return)>,
}

impl<Params, Return> Clone for Export<Params, Return> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Params, Return> Copy for Export<Params, Return> {}

impl<Params, Return> Export<Params, Return>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    /// It, in an instance of its component.
    ///
    /// # Errors
    /// If that has no such function: a bug of ours.
    #[inline]
    pub(super) fn of(
        self,
        instance: Instance,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<TypedFunc<Params, Return>> {
        let function = instance.get_func(store, self.index);
        let function = function.ok_or_else(|| wasmtime::Error::msg("it is no function of this component"))?;
        // SAFETY: an export is made where its types were checked, of the component that
        // it was found in; `get_func` has looked that it is a function.
        Ok(unsafe { TypedFunc::new_unchecked(function) })
    }

    /// Calls it.
    ///
    /// # Errors
    /// If it traps.
    #[inline]
    pub(super) fn call(self, live: &mut Live, params: Params) -> wasmtime::Result<Return> {
        self.of(live.instance, &mut live.store)?.call(&mut live.store, params)
    }

    /// Calls it, on a stack of its own.
    ///
    /// # Errors
    /// If it traps.
    pub(super) async fn call_async(self, live: &mut Live, params: Params) -> wasmtime::Result<Return>
    where
        Return: 'static,
    {
        self.of(live.instance, &mut live.store)?.call_async(&mut live.store, params).await
    }
}

/// The functions that the runtime calls.
pub(super) struct Exports {
    /// `handle`, where the reply is wanted, …
    pub(super) handle: Export<abi::HandleParams, abi::HandleReply>,
    /// … and where it is not.
    pub(super) handle_ignored: Export<abi::HandleParams, abi::HandleIgnored>,
    /// Many plain messages at once.
    pub(super) handle_batch: Option<Export<abi::BatchParams, abi::BatchReturn>>,
    /// What was published.
    pub(super) publication: Option<Export<abi::PublicationParams, abi::PublicationReturn>>,
    /// The outcome of a request.
    pub(super) reply: Option<Export<abi::ReplyParams, ()>>,
    /// The end of a monitored actor, and of a linked one.
    pub(super) down: Option<Export<abi::DownParams, ()>>,
    pub(super) exit: Option<Export<abi::ExitParams, ()>>,
    /// What became of a name that it had asked for, and who has a watched one.
    pub(super) registered: Option<Export<abi::RegisteredParams, ()>>,
    pub(super) holder: Option<Export<abi::HolderParams, ()>>,
    /// The begin and the end.
    pub(super) init: Option<Export<abi::InitParams, abi::InitReturn>>,
    pub(super) stop: Option<Export<(abi::StopReason,), ()>>,
    /// How it is.
    pub(super) check: Option<Export<(), (abi::Status,)>>,
}

pub(super) fn find_exports(
    name: &str,
    component: &Component,
    info: &ComponentInfo,
) -> Result<Exports, ComponentError> {
    let find = Finder { name, component };
    let Some((_, handler)) = component.get_export(None, HANDLER) else {
        return Err(ComponentError::NoHandler { name: name.to_owned(), found: info.exports_in_words() });
    };
    let handle = find.function(HANDLER, &handler, "handle")?;
    let handle_ignored = find.function(HANDLER, &handler, "handle")?;
    let handle_batch = find.optional(BATCH_HANDLER, "handle-batch")?;
    let publication = find.optional(SUBSCRIBER, "handle-publication")?;
    let reply = find.optional(REPLY_HANDLER, "handle-reply")?;
    let down = find.optional(SIGNALS, "handle-down")?;
    let exit = find.optional(SIGNALS, "handle-exit")?;
    let registered = find.optional(NAMES, "handle-registered")?;
    let holder = find.optional(NAMES, "handle-holder")?;
    let init = find.optional(LIFECYCLE, "init")?;
    let stop = find.optional(LIFECYCLE, "stop")?;
    let check = find.optional(HEALTH, "check")?;
    Ok(Exports {
        handle,
        handle_ignored,
        handle_batch,
        publication,
        reply,
        down,
        exit,
        registered,
        holder,
        init,
        stop,
        check,
    })
}

struct Finder<'a> {
    name: &'a str,
    component: &'a Component,
}

impl Finder<'_> {
    /// The one function of an interface, if the component exports that.
    fn optional<Params, Return>(
        &self,
        interface: &'static str,
        function: &str,
    ) -> Result<Option<Export<Params, Return>>, ComponentError>
    where
        Params: ComponentNamedList + Lower,
        Return: ComponentNamedList + Lift,
    {
        let Some((_, instance)) = self.component.get_export(None, interface) else { return Ok(None) };
        self.function(interface, &instance, function).map(Some)
    }

    fn function<Params, Return>(
        &self,
        interface: &'static str,
        instance: &ComponentExportIndex,
        function: &str,
    ) -> Result<Export<Params, Return>, ComponentError>
    where
        Params: ComponentNamedList + Lower,
        Return: ComponentNamedList + Lift,
    {
        let wrong = |reason: String| {
            Err(ComponentError::WrongExport { name: self.name.to_owned(), interface, reason })
        };
        match self.component.get_export(Some(instance), function) {
            Some((ComponentItem::ComponentFunc(ty), _)) if ty.async_() => {
                wrong(format!("its `{function}` is an async function, and must be a plain one"))
            }
            Some((ComponentItem::ComponentFunc(ty), index)) => {
                match ty.typecheck::<Params, Return>(&self.component.component_type().instance_type()) {
                    Ok(()) => Ok(Export { index, types: PhantomData }),
                    Err(error) => wrong(format!("its `{function}` has the wrong type: {error:#}")),
                }
            }
            Some(_) => wrong(format!("its `{function}` is no function")),
            None => wrong(format!("it has no function `{function}`")),
        }
    }
}
