//! WASI 0.2, with everything denied.
//!
//! An ordinary `wasm32-wasip2` component imports WASI even where it uses none of
//! it, so it is there: clocks can be read and random numbers had; arguments,
//! environment and directories are empty; the network is denied; standard input
//! is closed; lines on standard output and error go to the log.
//!
//! `wasmtime-wasi` waits by blocking the thread on a tokio runtime of its own.
//! A shard must not wait, so an actor that would is ended instead.

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::bindings::sync::io::poll::{self, HostPollable as _};
use wasmtime_wasi::p2::pipe::SinkOutputStream;
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::host::{HostError, HostState, Identity};
use crate::actor::ActorId;

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
}

impl WasiState {
    fn denied(resources_max: usize, identity: Option<&Identity>) -> Self {
        let who = Who {
            id: identity.map(|identity| identity.id),
            name: identity.and_then(Identity::name).map(str::to_owned),
        };
        let mut table = ResourceTable::new();
        table.set_max_capacity(resources_max);
        // The defaults of the builder deny all but clocks and random numbers.
        let context = WasiCtx::builder()
            .stdout(Log { stream: "stdout", who: who.clone() })
            .stderr(Log { stream: "stderr", who })
            .max_random_size(RANDOM_BYTES_MAX)
            .build();
        Self { context, table }
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self { wasi, wasi_resources_max, identity, .. } = self;
        let wasi =
            wasi.get_or_insert_with(|| Box::new(WasiState::denied(*wasi_resources_max, identity.as_ref())));
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

/// Adds WASI to the contract's imports.
pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    poll::add_to_linker::<HostState, NoWaiting>(linker, |state| NoWaitingIn(state.ctx().table))?;
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

/// Whose output it is.
#[derive(Clone)]
struct Who {
    id: Option<ActorId>,
    name: Option<String>,
}

/// Standard output or error: every line goes to the log.
struct Log {
    stream: &'static str,
    who: Who,
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
        Box::new(LogStream { stream: self.stream, who: self.who.clone(), line: Vec::new() })
    }
}

/// One handle of a stream, and the line that is not complete yet.
struct LogStream {
    stream: &'static str,
    who: Who,
    line: Vec<u8>,
}

impl LogStream {
    /// What is longer is more than one line.
    const LINE_BYTES_MAX: usize = 4096;

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        if !line.trim().is_empty() {
            let id = self.who.id.map(tracing::field::display);
            let name = self.who.name.as_deref();
            tracing::info!(target: "raddle::guest", actor = id, name, context = self.stream, "{}", line.trim_end());
        }
        self.line.clear();
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
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
        let log = Log { stream: "stderr", who };
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
