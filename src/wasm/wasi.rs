//! WASI 0.2, with everything denied that is not granted.
//!
//! An ordinary `wasm32-wasip2` component imports WASI even where it uses none of
//! it, so it is there. Environment and directories are those that were granted;
//! arguments are empty; the network is denied; standard input is closed. Lines on
//! standard output and error go to the log, or nowhere. Clocks and random numbers
//! have no error to return: without a grant, asking for them ends the actor.
//!
//! `wasmtime-wasi` waits by blocking the thread on a tokio runtime of its own.
//! A shard must not wait, so an actor that would is ended instead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::clocks::{WasiClocksCtxView, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::p2::bindings::sync::io::poll::{self, HostPollable as _};
use wasmtime_wasi::p2::pipe::SinkOutputStream;
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamResult};
use wasmtime_wasi::random::WasiRandomCtx;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

use super::host::{HostError, HostState, Identity, Terms};
use super::usage::Rate;
use crate::actor::ActorId;
use crate::sync::Counter;

/// Interfaces of WASI 0.2 that are linked, without their version.
pub(super) const INTERFACES: [&str; 27] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// The most random bytes that one call gets.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// What one store has of WASI.
pub(super) struct WasiState {
    context: WasiCtx,
    table: ResourceTable,
    output: Arc<Output>,
}

impl WasiState {
    fn new(terms: &Terms, identity: Option<&Identity>) -> Self {
        let grants = &terms.grants.wasi;
        let who = Who {
            id: identity.map(|identity| identity.id),
            name: identity.and_then(Identity::name).map(str::to_owned),
        };
        let mut table = ResourceTable::new();
        table.set_max_capacity(terms.limits.wasi_resources_max);
        // The defaults of the builder deny all but clocks and random numbers.
        let mut builder = WasiCtx::builder();
        builder.max_random_size(RANDOM_BYTES_MAX);
        let output = Arc::new(Output {
            who,
            granted: grants.stdio,
            component: terms.component.clone(),
            rate: Mutex::new(Rate::new(terms.limits.log_lines_per_s_max)),
            since: Instant::now(),
            denied: Counter::new(),
        });
        builder.stdout(Log { stream: "stdout", output: output.clone() });
        builder.stderr(Log { stream: "stderr", output: output.clone() });
        for (key, value) in &grants.environment {
            builder.env(key, value);
        }
        for (name, directory) in &grants.directories {
            let permissions = if directory.writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            if let Err(error) = builder.preopened_dir(&directory.path, name, permissions) {
                let component = &terms.component;
                tracing::warn!(
                    component,
                    "`{}` is granted, and cannot be opened: {error:#}",
                    directory.path.display()
                );
            }
        }
        Self { context: builder.build(), table, output }
    }

    /// How often it wrote what went nowhere.
    pub(super) fn denied(&self) -> u64 {
        self.output.denied.get()
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self { wasi, terms, identity, .. } = self;
        let wasi = wasi.get_or_insert_with(|| Box::new(WasiState::new(terms, identity.as_ref())));
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

/// Adds WASI to the contract's imports.
pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    poll::add_to_linker::<HostState, NoWaiting>(linker, |state| NoWaitingIn(state.ctx().table))?;
    wall_clock::add_to_linker::<HostState, Granted>(linker, |state| GrantedTo(state))?;
    monotonic_clock::add_to_linker::<HostState, Granted>(linker, |state| GrantedTo(state))?;
    random::add_to_linker::<HostState, Granted>(linker, |state| GrantedTo(state))?;
    insecure::add_to_linker::<HostState, Granted>(linker, |state| GrantedTo(state))?;
    insecure_seed::add_to_linker::<HostState, Granted>(linker, |state| GrantedTo(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// For the thread that loads a component, before a shard runs it: starts the
/// threads of tokio that `wasmtime-wasi` wants, which would otherwise inherit the
/// pinning of the shard that happens to be first.
pub(super) fn prepare_process() {
    wasmtime_wasi::runtime::with_ambient_tokio_runtime(|| ());
}

/// `wasi:io/poll` for actors that run to completion.
struct NoWaiting;

struct NoWaitingIn<'a>(&'a mut ResourceTable);

impl HasData for NoWaiting {
    type Data<'a> = NoWaitingIn<'a>;
}

impl NoWaitingIn<'_> {
    fn refuse<T>() -> Result<T> {
        Err(wasmtime::Error::new(HostError(
            "the guest would wait (a sleep, or `wasi:io/poll`), and an actor must not: its shard would"
                .into(),
        )))
    }

    fn is_ready(&mut self, pollable: u32) -> Result<bool> {
        // A sleep of no time is ready when it is asked a second time.
        Ok(self.0.ready(Resource::new_borrow(pollable))? || self.0.ready(Resource::new_borrow(pollable))?)
    }
}

impl poll::Host for NoWaitingIn<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        let mut ready = Vec::new();
        for (index, pollable) in (0..).zip(&pollables) {
            if self.is_ready(pollable.rep())? {
                ready.push(index);
            }
        }
        if ready.is_empty() { Self::refuse() } else { Ok(ready) }
    }
}

impl poll::HostPollable for NoWaitingIn<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        self.0.ready(pollable)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        if self.is_ready(pollable.rep())? { Ok(()) } else { Self::refuse() }
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.0.drop(pollable)
    }
}

/// Clocks and random numbers, for those to whom they are granted.
struct Granted;

struct GrantedTo<'a>(&'a mut HostState);

impl HasData for Granted {
    type Data<'a> = GrantedTo<'a>;
}

impl GrantedTo<'_> {
    fn refuse(&mut self, what: &str) -> wasmtime::Error {
        self.0.usage.denied += 1;
        let component = &self.0.terms.component;
        wasmtime::Error::new(HostError(format!(
            "it may not use {what}: grant it with `{what} = true` in [component.{component}.grants]"
        )))
    }

    fn clocks(&mut self) -> Result<WasiClocksCtxView<'_>> {
        if self.0.terms.grants.wasi.clocks { Ok(self.0.clocks()) } else { Err(self.refuse("clocks")) }
    }

    fn random(&mut self) -> Result<&mut WasiRandomCtx> {
        if self.0.terms.grants.wasi.random {
            Ok(self.0.ctx().ctx.random())
        } else {
            Err(self.refuse("random"))
        }
    }
}

impl wall_clock::Host for GrantedTo<'_> {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        wall_clock::Host::now(&mut self.clocks()?)
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        wall_clock::Host::resolution(&mut self.clocks()?)
    }
}

impl monotonic_clock::Host for GrantedTo<'_> {
    fn now(&mut self) -> Result<u64> {
        monotonic_clock::Host::now(&mut self.clocks()?)
    }

    fn resolution(&mut self) -> Result<u64> {
        monotonic_clock::Host::resolution(&mut self.clocks()?)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<DynPollable>> {
        self.clocks()?.subscribe_instant(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> Result<Resource<DynPollable>> {
        self.clocks()?.subscribe_duration(duration)
    }
}

impl random::Host for GrantedTo<'_> {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random()?.get_random_bytes(len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        self.random()?.get_random_u64()
    }
}

impl insecure::Host for GrantedTo<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random()?.get_insecure_random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        self.random()?.get_insecure_random_u64()
    }
}

impl insecure_seed::Host for GrantedTo<'_> {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        self.random()?.insecure_seed()
    }
}

/// Whose output it is.
#[derive(Clone)]
struct Who {
    id: Option<ActorId>,
    name: Option<String>,
}

/// The standard output and error of one store.
struct Output {
    who: Who,
    /// Does it go to the log? Else nowhere.
    granted: bool,
    component: String,
    /// Of all streams together, however often one is opened.
    rate: Mutex<Rate>,
    since: Instant,
    /// Writes without a grant, and lines over the rate.
    denied: Counter,
}

impl Output {
    fn deny(&self, stream: &str) {
        self.denied.increment();
        if self.denied.get() == 1 {
            let id = self.who.id.map(tracing::field::display);
            let name = self.who.name.as_deref();
            let component = &self.component;
            let why = match self.granted {
                true => "more lines than log_lines_per_s_max are dropped".to_owned(),
                false => {
                    format!("is dropped: grant it with `stdio = true` in [component.{component}.grants]")
                }
            };
            tracing::info!(target: "raddle::guest", actor = id, name, "what it writes to {stream} {why}");
        }
    }

    fn may_log_a_line(&self) -> bool {
        let now_ns = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).take(now_ns).is_some()
    }
}

/// Standard output or error: every line goes to the log.
struct Log {
    stream: &'static str,
    output: Arc<Output>,
}

impl IsTerminal for Log {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Log {
    /// For WASI 0.3, which is not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        SinkOutputStream.async_stream()
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LogStream { stream: self.stream, output: self.output.clone(), line: Vec::new() })
    }
}

/// One handle of a stream, and the line that is not complete yet.
struct LogStream {
    stream: &'static str,
    output: Arc<Output>,
    line: Vec<u8>,
}

impl LogStream {
    /// What is longer is more than one line.
    const LINE_BYTES_MAX: usize = 4096;

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let is_blank = line.trim().is_empty();
        if !is_blank && !self.output.may_log_a_line() {
            self.output.deny(self.stream);
        } else if !is_blank {
            let id = self.output.who.id.map(tracing::field::display);
            let name = self.output.who.name.as_deref();
            tracing::info!(target: "raddle::guest", actor = id, name, context = self.stream, "{}", line.trim_end());
        }
        self.line.clear();
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if !self.output.granted {
            self.output.deny(self.stream);
            return Ok(());
        }
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                byte => self.line.push(byte),
            }
            if self.line.len() >= Self::LINE_BYTES_MAX {
                self.end_line();
            }
        }
        Ok(())
    }

    /// A panic is reported in pieces, with a flush after each: only a line's end
    /// ends a line.
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(Self::LINE_BYTES_MAX)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl Drop for LogStream {
    fn drop(&mut self) {
        self.end_line();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::support::{captured, own_id};
    use super::*;

    #[test]
    fn lines_of_output_go_to_the_log() {
        let who = Who { id: Some(own_id()), name: Some("subject".into()) };
        let rate = Mutex::new(Rate::new(1000));
        let (since, denied) = (Instant::now(), Counter::new());
        let output = Output { who, granted: true, component: "subject".into(), rate, since, denied };
        let log = Log { stream: "stderr", output: Arc::new(output) };
        let lines = captured(|| {
            let mut stream = log.p2_stream();
            for piece in ["thread panicked", " at line 7\nsecond", "", " line\n\n", "unfinished \u{1b}"] {
                stream.write(piece.into()).unwrap();
                stream.flush().unwrap();
            }
            stream.write(vec![0xff; 2 * LogStream::LINE_BYTES_MAX].into()).unwrap();
        });
        let has = |text: &str| lines.iter().any(|line| line.contains(text));
        assert!(has("thread panicked at line 7") && has("second line") && has("unfinished"), "{lines:?}");
        for part in ["INFO", "raddle::guest", "stderr", "subject", &own_id().to_string()] {
            assert!(lines[0].contains(part), "{part} not in {}", lines[0]);
        }
        assert!(lines.iter().all(|line| line.len() < 4 * LogStream::LINE_BYTES_MAX), "a line without end");
    }
}
