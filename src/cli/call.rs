//! `raddle call`: one call of one function, its arguments and its result in WAVE.

use std::fmt::Write;
use std::ops::Range;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::manifest;
use crate::runtime::ticker::Ticker;
use crate::wasm::convert::{Value, to_wave};
use crate::wasm::{CallError, Callee, Engine, EngineConfig, Function, Limits, MemoryLayout, NoSuchFunction};

use super::args::CallArguments;
use super::exit::{Exit, Failure};
use super::{assemble, print};

pub(super) fn call(arguments: &CallArguments) -> Result<Exit, Failure> {
    let config = EngineConfig { memory_layout: MemoryLayout::Compact, ..EngineConfig::default() };
    let engine = Engine::new(&config).map_err(|error| Failure::failed(miette::miette!("{error}")))?;
    let loaded = engine.load_callee(&arguments.component, &assemble::cache(&arguments.cache), &());
    let callee = loaded.map_err(|error| Failure::component(miette::miette!("{error}")))?;
    let Some(call) = &arguments.call else {
        print(&listing(&callee))?;
        return Ok(Exit::Done);
    };

    let (function, values) = read(&callee, call)?;
    // It ends a function that does not return.
    let ticking = engine.clone();
    let ticker = Ticker::start(config.epoch_period, move || ticking.tick());
    let _ticker =
        ticker.map_err(|error| Failure::failed(miette::miette!("no thread for a clock: {error}")))?;
    let mut instance = callee.instantiate(&Limits::default()).map_err(failed)?;
    let result = instance.call_values(function, &values).map_err(failed)?;
    if let (Some(value), Some(ty)) = (&result, function.result()) {
        let text = to_wave(value, ty).map_err(|error| Failure::failed(miette::miette!("result: {error}")))?;
        print(&format!("{text}\n"))?;
    }
    Ok(Exit::Done)
}

/// What is to be called, and with what.
fn read<'c>(callee: &'c Callee, call: &str) -> Result<(&'c Function, Vec<Value>), Failure> {
    let open = call.find('(').unwrap_or(call.len());
    let (name, arguments) = call.split_at(open);
    let name = name.trim();
    let function = callee.function(name).map_err(|error| unknown(callee, call, name, &error))?;
    if let Some(reason) = function.refused() {
        let help = "only plain values can be given and taken on the command line; call it from a component \
                    that owns the handles"
            .to_owned();
        return Err(wrong(call, 0..name.len(), "cannot be called from here", reason.to_owned(), Some(help)));
    }
    let help = Some(format!("it is {function}"));
    if arguments.is_empty() {
        let what = format!("`{name}` is called with its arguments in parentheses");
        return Err(wrong(call, call.len()..call.len(), "here", what, help));
    }
    let values = function.arguments(arguments).map_err(|error| {
        let at = error.at.start + open..error.at.end + open;
        wrong(call, at, error.error.what(), error.error.to_string(), help)
    })?;
    Ok((function, values))
}

fn unknown(callee: &Callee, call: &str, name: &str, error: &NoSuchFunction) -> Failure {
    let names = || callee.functions().iter().map(Function::name);
    // Somebody who gave no interface means no interface.
    let short = |full: &'_ str| full.rsplit('#').next().unwrap_or_default().to_owned();
    let shorts: Vec<_> = names().map(short).collect();
    let meant = match name.contains('#') {
        true => manifest::closest(name, names()),
        false => manifest::closest(name, shorts.iter().map(String::as_str)),
    };
    let label = match (error, meant) {
        (NoSuchFunction::Unknown { .. }, Some(meant)) => format!("did you mean `{meant}`?"),
        (NoSuchFunction::Unknown { .. }, None) => "exported by nobody".to_owned(),
        (NoSuchFunction::Ambiguous { .. }, _) => "say which one".to_owned(),
    };
    wrong(call, 0..name.len(), &label, error.to_string(), Some(listing(callee)))
}

/// What is wrong with the text of a call, and where.
fn wrong(call: &str, at: Range<usize>, label: &str, what: String, help: Option<String>) -> Failure {
    let mut diagnostic = MietteDiagnostic::new(what).with_label(LabeledSpan::at(at, label));
    if let Some(help) = help {
        diagnostic = diagnostic.with_help(help.trim_end());
    }
    let report = Report::new(diagnostic).with_source_code(NamedSource::new("call", call.to_owned()));
    Failure { exit: Exit::Usage, report }
}

fn failed(error: CallError) -> Failure {
    match error {
        CallError::Limits(_) => Failure::component(miette::miette!("{error}")),
        error => Failure::failed(miette::miette!("{error}")),
    }
}

/// Every function that there is.
fn listing(callee: &Callee) -> String {
    let mut text = format!("{} exports ", callee.info().name);
    // Writing to a string does not fail.
    let _ = match callee.functions().len() {
        0 => writeln!(text, "no functions"),
        1 => writeln!(text, "one function:"),
        count => writeln!(text, "{count} functions:"),
    };
    for function in callee.functions() {
        let _ = match function.refused() {
            None => writeln!(text, "  {function}"),
            Some(reason) => writeln!(text, "  {function}\n    cannot be called from here: {reason}"),
        };
    }
    text
}
