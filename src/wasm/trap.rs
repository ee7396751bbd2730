//! Why a call failed, in the words of the vocabulary.

use wasmtime::{Error, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::host::{HostError, HostState};
use crate::actor::{ExitReason, TrapCause};

/// Why an actor ended whose call failed with this error.
pub(super) fn exit_reason(error: &Error, state: &HostState) -> ExitReason {
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return match status {
            0 => ExitReason::Normal,
            _ => ExitReason::Error(format!("the guest exited with status {status}")),
        };
    }
    let (cause, message) = describe(error, state);
    ExitReason::Trap { cause, message }
}

fn describe(error: &Error, state: &HostState) -> (TrapCause, String) {
    let place = place(error);
    let limits = &state.terms.limits;
    if let Some(trap) = error.downcast_ref::<Trap>() {
        let what = trap.to_string();
        let what = what.strip_prefix("wasm trap: ").unwrap_or(&what);
        return match (trap, state.limiter.refused()) {
            (Trap::Interrupt, _) => {
                let limit = state.deadline.limit(&state.terms.times);
                (TrapCause::Deadline, format!("still running at its deadline, {limit}{place}"))
            }
            (Trap::StackOverflow, _) => (TrapCause::StackOverflow, format!("{what}{place}")),
            (_, Some(refused)) => (TrapCause::Limit, format!("{refused}; then {what}{place}")),
            (_, None) => (TrapCause::Guest, format!("{what}{place}")),
        };
    }
    if error.is::<HostError>() {
        return (TrapCause::Host, format!("{}{place}", error.root_cause()));
    }
    let root = one_line(&error.root_cause().to_string());
    if root.contains("fuel allocated for hostcalls") {
        return (
            TrapCause::Limit,
            format!("over hostcall_bytes_max ({}) in one call{place}", limits.hostcall_bytes_max),
        );
    }
    if let Some(wasmtime::component::ResourceTableError::Full) = error.downcast_ref() {
        return (TrapCause::Limit, format!("over wasi_resources_max ({}){place}", limits.wasi_resources_max));
    }
    if root.contains("instance count too high") {
        let most = limits.core_instances_max;
        return (TrapCause::Limit, format!("over core_instances_max ({most}): {root}"));
    }
    // What is left is what wasmtime refuses at the border: a string that is no
    // UTF-8, a pointer out of bounds, a handle that is none.
    (TrapCause::Guest, format!("{root}{place}"))
}

/// `" in FUNCTION"`: the innermost function that is the guest's own, and not of
/// its language's panic machinery.
fn place(error: &Error) -> String {
    const MACHINERY: [&str; 8] =
        ["rust_", "__rust", "core::", "std::", "alloc::", "abort", "dlmalloc::", "__rustc"];
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    let names = || trace.frames().iter().filter_map(|frame| frame.func_name());
    let own = names().find(|name| !MACHINERY.iter().any(|prefix| name.starts_with(prefix)));
    own.or_else(|| names().next()).map_or_else(String::new, |name| format!(" in `{}`", one_line(name)))
}

/// Whatever a guest put into it, it is one line, and not a long one.
fn one_line(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(CHARS_MAX).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}
