//! What a component exports, imports and needs: for people and for checks.

use wasmtime::component::types::ComponentItem;

use super::exports::{BATCH_HANDLER, HANDLER, HEALTH, LIFECYCLE};

/// A page of a linear memory.
const PAGE_BYTES: u64 = 65_536;

/// What a component exports, imports and needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentInfo {
    /// What it is called.
    pub name: String,
    /// How large it is, before compilation.
    pub bytes: usize,
    /// What it exports.
    pub exports: Vec<Item>,
    /// What it imports.
    pub imports: Vec<Item>,
    /// Is it an actor?
    pub has_handler: bool,
    /// Does it take many messages at once?
    pub has_batch_handler: bool,
    /// Is it told of its start and stop?
    pub has_lifecycle: bool,
    /// Can it be asked how it is?
    pub has_health: bool,
    /// Interfaces of WASI that it imports: it runs with all of them denied.
    pub wasi: Vec<String>,
    /// Linear memories of one instance.
    pub memories: u32,
    /// How large the largest of them is at the start, in bytes.
    pub memory_bytes_initial: u64,
    /// Tables of one instance.
    pub tables: u32,
    /// How many elements the largest of them has at the start.
    pub table_elements_initial: u64,
}

/// An export or import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name, with package and version if it is an interface.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
}

/// What an export or import is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemKind {
    /// An interface, with the names of its functions and resources.
    Interface {
        /// In the component's order.
        functions: Vec<String>,
        /// In the component's order.
        resources: Vec<String>,
    },
    /// A function.
    Function,
    /// A type.
    Type,
    /// A resource type.
    Resource,
    /// A core module or function, or a component.
    Other,
}

impl ComponentInfo {
    /// What it exports, for an error that says what is missing.
    pub(super) fn exports_in_words(&self) -> String {
        if let Some(other) = self.exports.iter().find(|item| item.name.starts_with("raddle:actor/handler")) {
            return format!("it exports `{}`, another version of the contract", other.name);
        }
        if self.exports.iter().any(|item| item.name.starts_with("wasi:cli/run")) {
            return "it is a command (`wasi:cli/run`), to be run by itself".into();
        }
        match self.exports.len() {
            0 => "it exports nothing".into(),
            _ => {
                let names: Vec<_> = self.exports.iter().map(|item| format!("`{}`", item.name)).collect();
                format!("it exports {}", names.join(", "))
            }
        }
    }
}

pub(super) fn describe(
    engine: &wasmtime::Engine,
    component: &wasmtime::component::Component,
    name: String,
    bytes: usize,
) -> ComponentInfo {
    let ty = component.component_type();
    let item = |name: &str, ty: &ComponentItem| Item { name: name.to_owned(), kind: kind(engine, ty) };
    let exports: Vec<_> = ty.exports(engine).map(|(name, export)| item(name, &export.ty)).collect();
    let imports: Vec<_> = ty.imports(engine).map(|(name, import)| item(name, &import.ty)).collect();
    let has = |name| component.get_export_index(None, name).is_some();
    let required = component.resources_required();
    let required = required.as_ref();
    ComponentInfo {
        has_handler: has(HANDLER),
        has_batch_handler: has(BATCH_HANDLER),
        has_lifecycle: has(LIFECYCLE),
        has_health: has(HEALTH),
        wasi: imports
            .iter()
            .map(|item| &item.name)
            .filter(|name| name.starts_with("wasi:"))
            .cloned()
            .collect(),
        memories: required.map_or(0, |required| required.num_memories),
        memory_bytes_initial: required.and_then(|r| r.max_initial_memory_size).unwrap_or(0) * PAGE_BYTES,
        tables: required.map_or(0, |required| required.num_tables),
        table_elements_initial: required.and_then(|r| r.max_initial_table_size).unwrap_or(0),
        name,
        bytes,
        exports,
        imports,
    }
}

fn kind(engine: &wasmtime::Engine, ty: &ComponentItem) -> ItemKind {
    match ty {
        ComponentItem::ComponentInstance(instance) => {
            let (mut functions, mut resources) = (Vec::new(), Vec::new());
            for (name, export) in instance.exports(engine) {
                match export.ty {
                    ComponentItem::ComponentFunc(_) => functions.push(name.to_owned()),
                    ComponentItem::Resource(_) => resources.push(name.to_owned()),
                    _ => {}
                }
            }
            ItemKind::Interface { functions, resources }
        }
        ComponentItem::ComponentFunc(_) => ItemKind::Function,
        ComponentItem::Type(_) => ItemKind::Type,
        ComponentItem::Resource(_) => ItemKind::Resource,
        _ => ItemKind::Other,
    }
}
