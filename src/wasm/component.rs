//! Loading a component: read, check, compile or take from the cache, link.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{self as wasmtime_component, InstancePre};

use super::cache::{CacheConfig, CacheOutcome};
use super::engine::{Engine, MemoryLayout};
use super::exports::{Exports, HANDLER, find_exports};
use super::host::{self, HostState};
use super::info::{self, ComponentInfo};
use super::limits::{Limits, LimitsError};
use super::passage;
use super::wasi;

/// Where a component comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A file: a binary component, or component text (`.wat`).
    File(&'a Path),
    /// Bytes in memory, and what to call them in logs and errors.
    Bytes(&'a str, &'a [u8]),
}

impl<'a> From<&'a Path> for Source<'a> {
    fn from(path: &'a Path) -> Self {
        Self::File(path)
    }
}

impl<'a> From<&'a PathBuf> for Source<'a> {
    fn from(path: &'a PathBuf) -> Self {
        Self::File(path)
    }
}

/// How an actor's guest runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionClass {
    /// From the start of a message to its end, on the shard's own stack. It cannot
    /// wait, and its deadline ends it.
    RunToCompletion,
    /// On a stack of its own: it may wait for a reply (`ask`), and gives way to its
    /// neighbours at every tick until its time is used up. A call costs twice as much.
    Suspendable,
}

/// Told of compilations, so that somebody can show that something goes on.
/// Called on the thread that loads. `()` shows nothing.
pub trait CompileProgress {
    /// A component of so many bytes is about to be compiled.
    fn started(&self, name: &str, bytes: usize) {
        let _ = (name, bytes);
    }

    /// That is done, or it failed.
    fn finished(&self, name: &str, took: Duration) {
        let _ = (name, took);
    }
}

impl CompileProgress for () {}

/// Why a component cannot be an actor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// There is no such file.
    #[error("`{}`: no such file", .path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("`{}`: {source}", .path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is a core module, which is half of a component.
    #[error(
        "`{name}` is a core WebAssembly module, not a component: build it for wasm32-wasip2 \
         (`cargo build --target wasm32-wasip2`), or wrap it with `wasm-tools component new {file} -o …`"
    )]
    CoreModule {
        /// What it is called.
        name: String,
        /// The file, if it comes from one.
        file: String,
    },
    /// It is no WebAssembly at all, or incomplete, or damaged, or too new.
    #[error("`{name}` is no valid component: {reason}")]
    Invalid {
        /// What it is called.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// It does not export what makes it an actor.
    #[error(
        "`{name}` does not export `{HANDLER}`, so it cannot be sent a message: {found}; in Rust, implement \
         the world `raddle:actor/actor` of wit/actor.wit with wit-bindgen, and `export!` it"
    )]
    NoHandler {
        /// What it is called.
        name: String,
        /// What it exports instead.
        found: String,
    },
    /// It exports an interface of the contract with the wrong functions or types.
    #[error("`{name}` exports `{interface}`, but {reason}: build it against wit/actor.wit of this version")]
    WrongExport {
        /// What it is called.
        name: String,
        /// Of which interface.
        interface: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It imports what nobody here provides.
    #[error("`{name}` imports `{import}`, which this runtime does not provide: {hint}")]
    UnknownImport {
        /// What it is called.
        name: String,
        /// The import.
        import: String,
        /// What to do about it.
        hint: String,
    },
    /// It imports something known, with the wrong functions or types.
    #[error("`{name}` does not fit what it imports: {reason}")]
    WrongImport {
        /// What it is called.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// Its instances could grow without any limit that the runtime can set.
    #[error(
        "`{name}` defines resource types of its own, whose handles no limit binds: return plain data, or \
         addresses of actors, instead"
    )]
    OwnResources {
        /// What it is called.
        name: String,
    },
    /// No instance of it could live within its limits.
    #[error(transparent)]
    Limits(#[from] LimitsError),
}

/// A component that can be an actor: checked, compiled and linked. Cloning it is
/// cheap.
#[derive(Clone)]
pub struct Component {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    info: ComponentInfo,
    class: ExecutionClass,
    pre: InstancePre<HostState>,
    exports: Arc<Exports>,
    cache: CacheOutcome,
}

impl Component {
    /// What it is called: the file's name without folder and ending.
    pub fn name(&self) -> &str {
        &self.shared.info.name
    }

    /// What it exports, imports and needs.
    pub fn info(&self) -> &ComponentInfo {
        &self.shared.info
    }

    /// What the cache did for it: whoever loads it may want to say so if it could
    /// not be used.
    pub fn cache(&self) -> &CacheOutcome {
        &self.shared.cache
    }

    /// The engine that it was loaded by.
    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(super) fn pre(&self) -> &InstancePre<HostState> {
        &self.shared.pre
    }

    /// How it runs if nothing else is said: suspendable if it imports `ask`.
    pub fn class(&self) -> ExecutionClass {
        self.shared.class
    }

    /// The same, to run in that class.
    pub(super) fn pre_as(&self, class: ExecutionClass) -> InstancePre<HostState> {
        let linker = self.engine().linker(class, self.info());
        let same = linker.instantiate_pre(self.pre().component());
        // The other linker lacks nothing but `ask`, and the caller has looked for that.
        same.unwrap_or_else(|_| self.pre().clone())
    }

    pub(super) fn exports(&self) -> &Arc<Exports> {
        &self.shared.exports
    }

    /// Could an instance of it live within these limits?
    ///
    /// # Errors
    /// Which limit it breaks before it has done anything.
    pub fn check_limits(&self, limits: &Limits) -> Result<(), LimitsError> {
        check_limits(limits, self.engine(), self.info())
    }
}

/// Could an instance of a component live within these limits?
pub(super) fn check_limits(
    limits: &Limits,
    engine: &Engine,
    info: &ComponentInfo,
) -> Result<(), LimitsError> {
    if limits.message_bytes_max > limits.hostcall_bytes_max {
        return Err(LimitsError::MessageOverHostcall {
            message_bytes_max: limits.message_bytes_max,
            hostcall_bytes_max: limits.hostcall_bytes_max,
        });
    }
    let engine_max = engine.config().memory_bytes_max;
    if limits.memory_bytes_max as u64 > engine_max {
        return Err(LimitsError::MemoryOverEngine { asked: limits.memory_bytes_max, engine_max });
    }
    let engine_max = engine.config().table_elements_max;
    if engine.config().memory_layout == MemoryLayout::Guarded
        && limits.table_elements_max > engine_max as usize
    {
        return Err(LimitsError::TablesOverEngine { asked: limits.table_elements_max, engine_max });
    }
    for (what, needed, limit) in [
        ("memory bytes", info.memory_bytes_initial, limits.memory_bytes_max as u64),
        ("memories", u64::from(info.memories), limits.memories_max as u64),
        ("tables", u64::from(info.tables), limits.tables_max as u64),
        ("table elements", info.table_elements_initial, limits.table_elements_max as u64),
    ] {
        if needed > limit {
            return Err(LimitsError::Initial { component: info.name.clone(), what, needed, limit });
        }
    }
    Ok(())
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component").field("info", self.info()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Loads a component: reads it, checks it, compiles it or takes it from the
    /// cache, and links it. Takes milliseconds to seconds: not for a shard's thread.
    ///
    /// # Errors
    /// Why it cannot be an actor. Trouble with the cache is none: see
    /// [`Component::cache`].
    pub fn load<'a>(
        &self,
        source: impl Into<Source<'a>>,
        cache: &CacheConfig,
        progress: &dyn CompileProgress,
    ) -> Result<Component, ComponentError> {
        let Compiled { name, bytes, component, cache } = self.compile(source.into(), cache, progress)?;
        let info = info::describe(&self.shared.wasmtime, &component, name.clone(), bytes.len());
        let exports = Arc::new(find_exports(&name, &component, &info)?);
        let class = class_of(&info);
        let pre = self.link(&component, &info, class)?;
        if self.config().memory_layout == MemoryLayout::Guarded {
            // Here, and not when a shard makes its first instance. If it fails now,
            // that will say why.
            let _ = component.initialize_copy_on_write_image();
        }
        let shared = Shared { engine: self.clone(), info, class, pre, exports, cache };
        Ok(Component { shared: Arc::new(shared) })
    }

    /// Reads a component, and compiles it or takes it from the cache.
    pub(super) fn compile(
        &self,
        source: Source<'_>,
        cache: &CacheConfig,
        progress: &dyn CompileProgress,
    ) -> Result<Compiled, ComponentError> {
        let name = name_of(source);
        let bytes = read(source)?;
        let bytes = to_binary(&name, &bytes)?.into_owned();
        check_header(&name, source, &bytes)?;
        let (component, cache) = cache.get_or_compile(&self.shared.wasmtime, &bytes, || {
            let started = Instant::now();
            progress.started(&name, bytes.len());
            let with_passage = passage::with_passage(&bytes);
            let compiled = wasmtime_component::Component::from_binary(&self.shared.wasmtime, &with_passage);
            progress.finished(&name, started.elapsed());
            compiled.map_err(|error| invalid(&name, &error))
        })?;
        if makes_resources(&bytes) {
            return Err(ComponentError::OwnResources { name });
        }
        Ok(Compiled { name, bytes, component, cache })
    }

    /// Finds everything that a component imports.
    pub(super) fn link(
        &self,
        component: &wasmtime_component::Component,
        info: &ComponentInfo,
        class: ExecutionClass,
    ) -> Result<InstancePre<HostState>, ComponentError> {
        check_imports(&info.name, info)?;
        if !info.wasi.is_empty() {
            wasi::prepare_process();
        }
        self.linker(class, info).instantiate_pre(component).map_err(|error| ComponentError::WrongImport {
            name: info.name.clone(),
            reason: format!("{error:#}"),
        })
    }
}

/// A component before anybody knows what it is for.
pub(super) struct Compiled {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) component: wasmtime_component::Component,
    pub(super) cache: CacheOutcome,
}

/// How a component runs if nothing else is said.
fn class_of(info: &ComponentInfo) -> ExecutionClass {
    match info.imports.iter().any(|import| import.name == host::ASK) {
        true => ExecutionClass::Suspendable,
        false => ExecutionClass::RunToCompletion,
    }
}

fn name_of(source: Source<'_>) -> String {
    match source {
        Source::File(path) => path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        Source::Bytes(name, _) => name.to_owned(),
    }
}

fn read(source: Source<'_>) -> Result<std::borrow::Cow<'_, [u8]>, ComponentError> {
    match source {
        Source::Bytes(_, bytes) => Ok(bytes.into()),
        Source::File(path) => match std::fs::read(path) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ComponentError::NotFound { path: path.to_owned() })
            }
            Err(source) => Err(ComponentError::Unreadable { path: path.to_owned(), source }),
        },
    }
}

/// Component text becomes a binary component; a binary stays what it is.
fn to_binary<'a>(name: &str, bytes: &'a [u8]) -> Result<std::borrow::Cow<'a, [u8]>, ComponentError> {
    let is_text = !bytes.starts_with(b"\0") && !bytes.is_empty() && std::str::from_utf8(bytes).is_ok();
    if !is_text {
        return Ok(bytes.into());
    }
    wat::parse_bytes(bytes).map_err(|error| ComponentError::Invalid {
        name: name.to_owned(),
        reason: one_line(&error.to_string()),
    })
}

/// What can be told from the first eight bytes: magic, version, layer.
fn check_header(name: &str, source: Source<'_>, bytes: &[u8]) -> Result<(), ComponentError> {
    let invalid =
        |reason: &str| Err(ComponentError::Invalid { name: name.to_owned(), reason: reason.to_owned() });
    match bytes {
        [] => invalid("it is empty"),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            let file = match source {
                Source::File(path) => path.display().to_string(),
                Source::Bytes(name, _) => name.to_owned(),
            };
            Err(ComponentError::CoreModule { name: name.to_owned(), file })
        }
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => {
            invalid("its version of the component format is not the one of WASI 0.2 and later (13)")
        }
        [0, b'a', b's', b'm', ..] => invalid("its header is incomplete, or of an unknown version"),
        _ => invalid("it does not start as WebAssembly does (`\\0asm`), and is no text either"),
    }
}

fn invalid(name: &str, error: &wasmtime::Error) -> ComponentError {
    let reason = one_line(&format!("{error:#}"));
    let reason = match reason.contains("unexpected end") || reason.contains("is out of bounds (bound") {
        true => format!("it is truncated ({reason})"),
        false => reason,
    };
    ComponentError::Invalid { name: name.to_owned(), reason }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Does it, or a component within it, make handles of resource types of its own?
fn makes_resources(component: &[u8]) -> bool {
    use wasmparser::{CanonicalFunction, Parser, Payload};
    Parser::new(0).parse_all(component).any(|payload| match payload {
        Ok(Payload::ComponentCanonicalSection(functions)) => functions
            .into_iter()
            .any(|function| matches!(function, Ok(CanonicalFunction::ResourceNew { .. }))),
        _ => false,
    })
}

fn check_imports(name: &str, info: &ComponentInfo) -> Result<(), ComponentError> {
    let known = |import: &str| {
        let unversioned = import.split('@').next().unwrap_or(import);
        host::INTERFACES.contains(&unversioned) || wasi::INTERFACES.contains(&unversioned)
    };
    let Some(import) = info.imports.iter().find(|import| !known(&import.name)) else { return Ok(()) };
    let hint = if import.name.starts_with("wasi:") {
        "of WASI 0.2 it has cli, clocks, filesystem, io, random and sockets (all denied unless granted)"
    } else if import.name.starts_with("raddle:") {
        "of the contract (wit/) it has messaging, requests, ask, topics, groups, timers, processes, \
         registry, log, config, progress and inbox"
    } else {
        "it provides wit/actor.wit and WASI 0.2; link the component with the one that provides it \
         (`wac plug`), or do without it"
    };
    Err(ComponentError::UnknownImport {
        name: name.to_owned(),
        import: import.name.clone(),
        hint: hint.to_owned(),
    })
}
