//! `log`: log lines.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmStr};

use super::super::abi::Level;
use super::{Host, HostState, Identity};

pub(super) fn link(log: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    log.func_wrap("log", |mut host: Host, (level, context, message): (Level, WasmStr, WasmStr)| {
        let state = host.data_mut();
        state.usage.count_host_call();
        let now_ns = state.context.get().now_ns();
        match state.log_rate.take(now_ns) {
            None => {
                state.usage.denied += 1;
                return Ok(());
            }
            Some(is_last) => {
                self::log(&host, level, &context, &message)?;
                if is_last {
                    let note = format!(
                        "log_lines_per_s_max ({}) reached: the rest of this second is dropped",
                        host.data().terms.limits.log_lines_per_s_max
                    );
                    let identity = host.data().identity.as_ref();
                    let id = identity.map(|identity| tracing::field::display(identity.id));
                    tracing::warn!(target: "raddle::guest", actor = id, "{note}");
                }
            }
        }
        Ok(())
    })
}

fn log(host: &Host<'_>, level: Level, context: &WasmStr, message: &WasmStr) -> Result<()> {
    macro_rules! event {
        ($level:ident) => {
            if tracing::enabled!(target: "raddle::guest", tracing::Level::$level) {
                let (context, message) = (context.to_str(host)?, message.to_str(host)?);
                let bytes_max = host.data().terms.limits.log_line_bytes_max;
                let (context, message) = (cut(&context, bytes_max), cut(&message, bytes_max));
                let identity = host.data().identity.as_ref();
                let id = identity.map(|identity| tracing::field::display(identity.id));
                let name = identity.and_then(Identity::name);
                tracing::event!(
                    target: "raddle::guest",
                    tracing::Level::$level,
                    actor = id,
                    name,
                    context = (!context.is_empty()).then_some(context),
                    "{message}"
                );
            }
        };
    }
    match level {
        Level::Trace => event!(TRACE),
        Level::Debug => event!(DEBUG),
        Level::Info => event!(INFO),
        Level::Warn => event!(WARN),
        Level::Error | Level::Critical => event!(ERROR),
    }
    Ok(())
}

/// The start of a text, in whole characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
