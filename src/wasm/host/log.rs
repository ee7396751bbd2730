//! `log`: log lines.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmStr};

use super::super::abi::Level;
use super::{Host, HostState, Identity};

pub(super) fn link(log: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    log.func_wrap("log", |host: Host, (level, context, message): (Level, WasmStr, WasmStr)| {
        self::log(&host, level, &context, &message)
    })
}

fn log(host: &Host<'_>, level: Level, context: &WasmStr, message: &WasmStr) -> Result<()> {
    macro_rules! event {
        ($level:ident) => {
            if tracing::enabled!(target: "raddle::guest", tracing::Level::$level) {
                let (context, message) = (context.to_str(host)?, message.to_str(host)?);
                let identity = host.data().identity.as_ref();
                let id = identity.map(|identity| tracing::field::display(identity.id));
                let name = identity.and_then(Identity::name);
                tracing::event!(
                    target: "raddle::guest",
                    tracing::Level::$level,
                    actor = id,
                    name,
                    context = (!context.is_empty()).then_some(&*context),
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
