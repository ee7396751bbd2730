//! Any component, actor or not, as functions that can be called by name.
//!
//! What `raddle call` does, and what a test of a component's own interface wants.
//! An instance has the limits of an actor and is granted nothing; it is nobody's
//! actor, so whatever it sends finds no receiver.

use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::Store;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::wasm_wave::wasm::DisplayType;
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre};

use super::cache::CacheConfig;
use super::component::{CompileProgress, Compiled, ComponentError, ExecutionClass, Source, check_limits};
use super::convert::{
    self, Step, TextError, Type, Value, ValueError, check_all, from_value, parse_arguments, to_values,
};
use super::deadline::Call;
use super::engine::Engine;
use super::grants::TrustLevel;
use super::host::{HostState, Identity, Terms};
use super::info::{self, ComponentInfo};
use super::limits::{Limits, LimitsError};
use super::store_pool::limited_store;
use super::trap;
use crate::actor::{ActorId, Context, ExitReason, Key, SendError, ShardId, View};

/// A component whose functions can be called.
pub struct Callee {
    engine: Engine,
    info: ComponentInfo,
    pre: InstancePre<HostState>,
    functions: Vec<Function>,
}

/// A function that a component exports.
#[derive(Debug, Clone)]
pub struct Function {
    name: String,
    index: ComponentExportIndex,
    parameters: Vec<(String, Type)>,
    types: Vec<Type>,
    result: Option<Type>,
    /// Why it cannot be called with values, if it cannot.
    refused: Option<String>,
}

/// No function can be meant by this name, or more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchFunction {
    /// None.
    #[error("no function `{name}` is exported")]
    Unknown {
        /// As it was asked for.
        name: String,
    },
    /// More than one.
    #[error("more than one function could be `{name}`: {}", .candidates.join(", "))]
    Ambiguous {
        /// As it was asked for.
        name: String,
        /// Their full names.
        candidates: Vec<String>,
    },
}

/// A call, or the making of an instance for it, went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No instance could ever live within the limits.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// A resource, stream or future is part of it, and those are no values.
    #[error("`{function}` cannot be called with values: {reason}")]
    Refused {
        /// Its name.
        function: String,
        /// What it takes or gives.
        reason: String,
    },
    /// An argument does not fit, or the result does not fit what is wanted.
    #[error("`{function}`: {error}")]
    Value {
        /// Its name.
        function: String,
        /// Where and why not.
        error: ValueError,
    },
    /// It trapped, ran over a limit, or exited.
    #[error("`{function}` {reason}")]
    Exited {
        /// Its name; or that of the component, if it could not be instantiated.
        function: String,
        /// Why.
        reason: ExitReason,
    },
}

impl Engine {
    /// Loads any component for its functions to be called, whether it is an actor or
    /// not. Otherwise as [`load`](Self::load).
    ///
    /// # Errors
    /// Why it cannot be loaded.
    pub fn load_callee<'a>(
        &self,
        source: impl Into<Source<'a>>,
        cache: &CacheConfig,
        progress: &dyn CompileProgress,
    ) -> Result<Callee, ComponentError> {
        let Compiled { name, bytes, component, .. } = self.compile(source.into(), cache, progress)?;
        let info = info::describe(&self.shared.wasmtime, &component, name, bytes.len());
        let pre = self.link(&component, &info, ExecutionClass::RunToCompletion)?;
        let functions = functions(&self.shared.wasmtime, &component);
        Ok(Callee { engine: self.clone(), info, pre, functions })
    }
}

impl Callee {
    /// What it exports, imports and needs.
    pub fn info(&self) -> &ComponentInfo {
        &self.info
    }

    /// Every function that it exports.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The function of this name: `ns:package/interface@1.0.0#function`, or any part
    /// of that which says which one is meant: without the version, without the
    /// package, or `function` alone.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn function(&self, name: &str) -> Result<&Function, NoSuchFunction> {
        if let Some(function) = self.functions.iter().find(|function| function.name == name) {
            return Ok(function);
        }
        let meant: Vec<_> =
            self.functions.iter().filter(|function| is_short_for(name, &function.name)).collect();
        match meant[..] {
            [function] => Ok(function),
            [] => Err(NoSuchFunction::Unknown { name: name.to_owned() }),
            _ => Err(NoSuchFunction::Ambiguous {
                name: name.to_owned(),
                candidates: meant.iter().map(|function| function.name.clone()).collect(),
            }),
        }
    }

    /// A fresh instance with these limits. It lives until it is dropped or traps.
    ///
    /// # Errors
    /// If it cannot live within the limits, or traps in its instantiation.
    pub fn instantiate(&self, limits: &Limits) -> Result<CalleeInstance, CallError> {
        check_limits(limits, &self.engine, &self.info)?;
        Engine::prepare_thread();
        let context = Rc::new(Context::new(ShardId(0), Box::new(Nobody)));
        let terms = Terms::new(
            self.engine.clone(),
            self.info.name.clone(),
            limits.clone(),
            TrustLevel::Standard.grants(),
        );
        let mut store = limited_store(&Arc::new(terms), ExecutionClass::RunToCompletion, &context);
        let instance = self.pre.instantiate(&mut store).map_err(|error| CallError::Exited {
            function: self.info.name.clone(),
            reason: trap::exit_reason(&error, store.data()),
        })?;
        store.data_mut().identity = Some(Identity::new(nobody(), None));
        Ok(CalleeInstance { store, instance, context, ended: None })
    }
}

/// An instance whose functions can be called, one at a time.
pub struct CalleeInstance {
    store: Store<HostState>,
    instance: Instance,
    context: Rc<Context>,
    /// Why nothing can be called any more: after a trap.
    ended: Option<ExitReason>,
}

impl CalleeInstance {
    /// Calls a function of the component with Rust values: a tuple of arguments (`()`
    /// for none), and what its result is to become (`()` for none).
    ///
    /// # Errors
    /// If a value does not fit, or the call does not end well.
    pub fn call<A, R>(&mut self, function: &Function, arguments: &A) -> Result<R, CallError>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let wrong = |error| CallError::Value { function: function.name.clone(), error };
        let arguments = to_values(arguments, &function.types).map_err(wrong)?;
        let result = self.enter(function, &arguments)?.unwrap_or(Value::Option(None));
        from_value(&result).map_err(|error| wrong(error.within(Step::Result)))
    }

    /// Calls a function of the component with values, which are checked before.
    ///
    /// # Errors
    /// If a value does not fit, or the call does not end well.
    pub fn call_values(
        &mut self,
        function: &Function,
        arguments: &[Value],
    ) -> Result<Option<Value>, CallError> {
        check_all(arguments, &function.types)
            .map_err(|error| CallError::Value { function: function.name.clone(), error })?;
        self.enter(function, arguments)
    }

    fn enter(&mut self, function: &Function, arguments: &[Value]) -> Result<Option<Value>, CallError> {
        if let Some(reason) = &function.refused {
            return Err(CallError::Refused { function: function.name.clone(), reason: reason.clone() });
        }
        let exited = |reason| CallError::Exited { function: function.name.clone(), reason };
        if let Some(reason) = &self.ended {
            return Err(exited(reason.clone()));
        }
        self.context.enter(nobody(), 0);
        let ticks = self.store.data_mut().deadline.start(Call::Message);
        self.store.set_epoch_deadline(ticks);
        let mut results = Vec::from_iter(function.result.iter().map(|_| Value::Bool(false)));
        let called = match self.instance.get_func(&mut self.store, function.index) {
            Some(callee) => callee.call(&mut self.store, arguments, &mut results),
            None => Err(wasmtime::Error::msg("it is a function of another component")),
        };
        self.context.leave();
        // That it would exit, and what else an actor may do to itself.
        self.context.take_effects(&mut Vec::new());
        match called {
            Ok(()) => Ok(results.pop()),
            Err(error) => {
                let reason = trap::exit_reason(&error, self.store.data());
                self.ended = Some(reason.clone());
                Err(exited(reason))
            }
        }
    }
}

impl Function {
    /// `ns:package/interface@1.0.0#function`, or `function` if it is in no interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its parameters: names and types.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = (&str, &Type)> {
        self.parameters.iter().map(|(name, ty)| (name.as_str(), ty))
    }

    /// The type of its result, if it has one.
    pub fn result(&self) -> Option<&Type> {
        self.result.as_ref()
    }

    /// Why it cannot be called with values, if it cannot.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Its arguments from text: `(1, "a")`.
    ///
    /// # Errors
    /// Which part of the text is wrong, and why.
    pub fn arguments(&self, text: &str) -> Result<Vec<Value>, TextError> {
        parse_arguments(text, &self.types)
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(", self.name)?;
        for (index, (name, ty)) in self.parameters.iter().enumerate() {
            write!(f, "{}{name}: {}", if index == 0 { "" } else { ", " }, spelled(ty))?;
        }
        f.write_str(")")?;
        match &self.result {
            Some(ty) => write!(f, " -> {}", spelled(ty)),
            None => Ok(()),
        }
    }
}

/// A type in full, where it has a full form.
fn spelled(ty: &Type) -> String {
    match convert::handle_in(ty) {
        None => DisplayType(ty).to_string(),
        Some(_) => convert::describe(ty),
    }
}

fn functions(engine: &wasmtime::Engine, component: &wasmtime::component::Component) -> Vec<Function> {
    let mut functions = Vec::new();
    for (name, export) in component.component_type().exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(ty) => {
                let index = component.get_export_index(None, name);
                functions.extend(index.map(|index| function(name.to_owned(), index, &ty)));
            }
            ComponentItem::ComponentInstance(interface) => {
                let Some(instance) = component.get_export_index(None, name) else { continue };
                for (inner, export) in interface.exports(engine) {
                    let ComponentItem::ComponentFunc(ty) = export.ty else { continue };
                    let index = component.get_export_index(Some(&instance), inner);
                    functions.extend(index.map(|index| function(format!("{name}#{inner}"), index, &ty)));
                }
            }
            _ => {}
        }
    }
    functions
}

fn function(name: String, index: ComponentExportIndex, ty: &ComponentFunc) -> Function {
    let parameters: Vec<_> = ty.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
    let types: Vec<_> = parameters.iter().map(|(_, ty)| ty.clone()).collect();
    let result = ty.results().next();
    let takes = parameters.iter().find_map(|(name, ty)| {
        Some(format!("its parameter `{name}` is or holds a {}", convert::handle_in(ty)?))
    });
    let gives = || Some(format!("its result is or holds a {}", convert::handle_in(result.as_ref()?)?));
    let is_async = || ty.async_().then(|| "it is an async function".to_owned());
    let refused = takes.or_else(gives).or_else(is_async);
    Function { name, index, parameters, types, result, refused }
}

/// Is it a part of the full name that can be given for the whole?
fn is_short_for(short: &str, full: &str) -> bool {
    let Some((interface, function)) = full.split_once('#') else { return false };
    let Some((short_interface, short_function)) = short.split_once('#') else { return short == function };
    let unversioned = interface.split('@').next().unwrap_or(interface);
    let bare = unversioned.rsplit('/').next().unwrap_or(unversioned);
    short_function == function && [unversioned, bare].contains(&short_interface)
}

/// Whom the instance sees around itself: nobody.
struct Nobody;

impl View for Nobody {
    fn send_bytes(&self, to: ActorId, _: Option<ActorId>, _: u64, _: &[u8]) -> Result<(), SendError> {
        Err(SendError::NoSuchActor(to))
    }

    fn lookup(&self, _: &str) -> Option<ActorId> {
        None
    }

    fn now_ns(&self) -> u64 {
        0
    }
}

/// The address that an instance has which is no actor.
fn nobody() -> ActorId {
    Key::new(ShardId(0), 0, 1)
}

impl std::fmt::Debug for Callee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callee").field("info", &self.info).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CalleeInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CalleeInstance").field("ended", &self.ended).finish_non_exhaustive()
    }
}
