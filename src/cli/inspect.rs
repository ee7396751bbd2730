//! `raddle inspect`: what is in a component?

use std::fmt::Write;

use serde_json::json;

use crate::wasm::{CacheConfig, ComponentInfo, Engine, EngineConfig, Item, ItemKind, MemoryLayout};

use super::args::{InspectArguments, Output};
use super::exit::{Exit, Failure};
use super::print;
use super::report::units::Bytes;

pub(super) fn inspect(arguments: &InspectArguments) -> Result<Exit, Failure> {
    let config = EngineConfig { memory_layout: MemoryLayout::Compact, ..EngineConfig::default() };
    let engine = Engine::new(&config).map_err(|error| Failure::failed(miette::miette!("{error}")))?;
    // One that cannot be an actor can be looked into all the same, if it is one.
    let loaded = engine.load(&arguments.component, &CacheConfig::Disabled, &());
    let component = loaded.map_err(|error| Failure::component(miette::miette!("{error}")))?;
    match arguments.output {
        Output::Text => print(&text(component.info()))?,
        Output::Json => print(&format!("{:#}\n", json(component.info())))?,
    }
    Ok(Exit::Done)
}

fn text(info: &ComponentInfo) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "{}: an actor of {}\n", info.name, Bytes(info.bytes as u64));
    let yes_no = |yes| if yes { "yes" } else { "no" };
    let _ = writeln!(text, "  handles messages          {}", yes_no(info.has_handler));
    let _ = writeln!(text, "  is told of start and stop {}", yes_no(info.has_lifecycle));
    let _ = writeln!(text, "  takes batches             {}", yes_no(info.has_batch_handler));
    let _ = writeln!(text, "  can be asked its health   {}", yes_no(info.has_health));
    let memory = Bytes(info.memory_bytes_initial);
    let _ = writeln!(text, "  memory at the start       {memory}");
    items(&mut text, "exports", &info.exports);
    items(&mut text, "imports", &info.imports);
    if info.wasi.is_empty() {
        let _ = writeln!(text, "\nneeds granted: nothing; it imports the contract alone");
    } else {
        let _ = writeln!(
            text,
            "\nneeds granted: nothing that can be granted yet; it is linked to WASI, and runs with\n\
             all of it denied: no files, environment, arguments, network or standard streams"
        );
    }
    text
}

fn items(text: &mut String, title: &str, items: &[Item]) {
    let _ = writeln!(text, "\n{title}:{}", if items.is_empty() { " none" } else { "" });
    for item in items {
        let _ = match &item.kind {
            ItemKind::Interface { functions, resources } => {
                let names: Vec<_> = functions.iter().chain(resources).map(String::as_str).collect();
                writeln!(text, "  {}  ({})", item.name, names.join(", "))
            }
            kind => writeln!(text, "  {}  {}", item.name, word(kind)),
        };
    }
}

fn word(kind: &ItemKind) -> &'static str {
    match kind {
        ItemKind::Interface { .. } => "interface",
        ItemKind::Function => "function",
        ItemKind::Type => "type",
        ItemKind::Resource => "resource",
        ItemKind::Other => "other",
    }
}

fn json(info: &ComponentInfo) -> serde_json::Value {
    let item = |item: &Item| match &item.kind {
        ItemKind::Interface { functions, resources } => json!({
            "name": item.name, "kind": "interface", "functions": functions, "resources": resources,
        }),
        kind => json!({ "name": item.name, "kind": word(kind) }),
    };
    json!({
        "name": info.name,
        "bytes": info.bytes,
        "handler": info.has_handler,
        "lifecycle": info.has_lifecycle,
        "batches": info.has_batch_handler,
        "health": info.has_health,
        "memory_bytes_initial": info.memory_bytes_initial,
        "memories": info.memories,
        "tables": info.tables,
        "exports": info.exports.iter().map(item).collect::<Vec<_>>(),
        "imports": info.imports.iter().map(item).collect::<Vec<_>>(),
        "wasi": info.wasi,
    })
}
