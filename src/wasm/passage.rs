//! Components made cheaper to call, before they are compiled.
//!
//! At every call of an export wasmtime looks up the core function behind it. For a
//! function that its core instance *defines*, it writes the reference anew, after three
//! searches for its code: a third of what a call costs (measured; decision 0012). For
//! one that the instance *imports* it takes the reference that is there. So every
//! function that a component lifts, but for what is [seldom](SELDOM) called, is led
//! through a core module that imports it and exports it again:
//!
//! ```text
//!   before   main instance ── alias ──► core func ── canon lift ──► export
//!   after    main instance ── alias ──► passage instance ── alias ──► canon lift
//! ```
//!
//! Nothing runs in that module. It has no memory, no table and no code, and costs an
//! instantiation some 400 ns. Components that import something mostly end with such a
//! module already, which fills the table of what the main one imports: then [that
//! one](join) becomes the passage, and an instantiation costs what it did. What the
//! component is and does stays the same; one of a shape that is not known here stays as
//! it is.

mod join;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use join::Joint;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind,
    ComponentTypeRef, ExternalKind, FuncType, Instance, Parser, Payload, ValType, Validator,
};

/// Counts up when the same component becomes another one, so that nothing is taken from
/// the cache that was compiled from the one before.
pub(super) const REVISION: u32 = 3;

/// What is called at most now and then in a life: it costs less to search for it then
/// than in every instantiation. These are the names that guests' main modules give to it.
const SELDOM: [&str; 2] = ["raddle:actor/lifecycle@0.1.0#stop", "raddle:actor/health@0.1.0#check"];

/// The sections that are written here.
const CORE_MODULE: u8 = 1;
const CORE_INSTANCES: u8 = 2;
const ALIASES: u8 = 6;
const CANONICAL_FUNCTIONS: u8 = 8;

/// The component with its passage; or as it is, if that is better.
pub(super) fn with_passage(component: &[u8]) -> Cow<'_, [u8]> {
    match Survey::of(component).and_then(|survey| survey.rewrite(component)) {
        Some(rewritten) => rewritten.into(),
        None => component.into(),
    }
}

/// A section of the outermost component: what is in it, without its head.
struct Section {
    id: u8,
    content: Range<usize>,
}

/// Where the core functions of a component come from, and which are lifted.
#[derive(Default)]
struct Survey<'a> {
    sections: Vec<Section>,
    module_count: u32,
    /// The sections of those modules that are not imported.
    modules: BTreeMap<u32, usize>,
    instance_count: u32,
    /// Which module each core instance is made from, and in which section, unless it is
    /// made from exports that are there.
    instances: Vec<Option<(u32, usize)>>,
    /// The instance and name that each core function is an alias of, if it is one.
    functions: Vec<Option<(u32, &'a str)>>,
    lifted: Vec<u32>,
    /// The first section that lifts, and how many core functions there are before it.
    first: Option<(usize, u32)>,
}

impl<'a> Survey<'a> {
    fn of(component: &'a [u8]) -> Option<Self> {
        let mut survey = Self::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(component) {
            let payload = payload.ok()?;
            match &payload {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                _ if depth == 1 => {
                    survey.see(&payload)?;
                    if let Some((id, range)) = payload.as_section() {
                        let content = range.start..range.end;
                        survey.sections.push(Section { id, content });
                    }
                }
                _ => {}
            }
        }
        Some(survey)
    }

    /// Counts what a section defines. Nothing, if this cannot be led through a passage.
    fn see(&mut self, payload: &Payload<'a>) -> Option<()> {
        // An index of any of these would have to be changed wherever it is used.
        let is_late = self.first.is_some();
        match payload {
            Payload::ModuleSection { .. } | Payload::InstanceSection(_) if is_late => return None,
            Payload::ComponentStartSection { .. } => return None,
            Payload::ModuleSection { .. } => {
                self.modules.insert(self.module_count, self.sections.len());
                self.module_count += 1;
            }
            Payload::InstanceSection(instances) => {
                for instance in instances.clone() {
                    self.instances.push(match instance.ok()? {
                        Instance::Instantiate { module_index, .. } => {
                            Some((module_index, self.sections.len()))
                        }
                        Instance::FromExports(_) => None,
                    });
                }
                self.instance_count += instances.count();
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    self.module_count += u32::from(matches!(import.ok()?.ty, ComponentTypeRef::Module(_)));
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases.clone() {
                    match alias.ok()? {
                        ComponentAlias::CoreInstanceExport {
                            kind: ExternalKind::Func,
                            instance_index,
                            name,
                        } => self.functions.push(Some((instance_index, name))),
                        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. }
                        | ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } => {
                            return None;
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                let before = self.functions.len() as u32;
                for function in functions.clone() {
                    match function.ok()? {
                        CanonicalFunction::Lift { core_func_index, .. } => {
                            self.lifted.push(core_func_index);
                            self.first.get_or_insert((self.sections.len(), before));
                        }
                        _ => self.functions.push(None),
                    }
                }
            }
            _ => {}
        }
        Some(())
    }

    fn rewrite(mut self, component: &[u8]) -> Option<Vec<u8>> {
        self.first?;
        self.lifted.sort_unstable();
        self.lifted.dedup();
        self.lifted.retain(|&index| match self.functions.get(index as usize) {
            Some(Some((_, name))) => !SELDOM.contains(name),
            _ => false,
        });
        if self.lifted.is_empty() {
            return None;
        }
        let types = Validator::new().validate_all(component).ok()?;
        let types = types.as_ref();
        let signatures =
            self.lifted.iter().map(|&index| signature(types[types.core_function_at(index)].unwrap_func()));
        let signatures: Vec<_> = signatures.collect::<Option<_>>()?;

        let joint = Joint::of(&self, component);
        let joined = joint.and_then(|joint| self.write(component, &signatures, Some(&joint)));
        joined.or_else(|| self.write(component, &signatures, None))
    }

    /// The component with its passage: a module that is there already, or one of its own.
    fn write(&self, component: &[u8], signatures: &[Vec<u8>], joint: Option<&Joint>) -> Option<Vec<u8>> {
        let (first, base) = self.first?;
        // How many core functions come before the passage's.
        let aliases = if joint.is_some() { 0 } else { self.lifted.len() as u32 };
        let mut output = Writer(component.get(..8)?.to_vec());
        for (index, section) in self.sections.iter().enumerate() {
            let content = component.get(section.content.clone())?;
            if index == first {
                match joint {
                    Some(joint) => self.write_aliases(joint.instance, &mut output),
                    None => {
                        output.section(CORE_MODULE, &passage_module(signatures));
                        self.write_instances(base, &mut output);
                        self.write_aliases(self.instance_count + 1, &mut output);
                    }
                }
            }
            match joint {
                _ if index >= first && section.id == CANONICAL_FUNCTIONS => {
                    let functions = self.canonical_functions(base, aliases, component, section)?;
                    output.section(section.id, &functions);
                }
                Some(joint) if index == joint.module_section => {
                    output.section(section.id, &joint.module(self, content, signatures)?);
                }
                Some(joint) if index == joint.instance_section => {
                    output.section(section.id, &joint.instances(self, content)?);
                }
                _ => output.section(section.id, content),
            }
        }
        Validator::new().validate_all(&output.0).ok()?;
        Some(output.0)
    }

    /// The instance and name that the functions that are lifted are aliases of.
    fn lifted_from(&self) -> impl Iterator<Item = (u32, &'a str)> {
        self.lifted.iter().filter_map(|&index| self.functions[index as usize])
    }

    /// The functions as they are, and the passage that imports them.
    fn write_instances(&self, base: u32, output: &mut Writer) {
        // First the aliases that the passage imports.
        let mut aliases = Writer::vec_of(self.lifted.len() as u32);
        for (instance, name) in self.lifted_from() {
            aliases.core_function_alias(instance, name);
        }
        output.section(ALIASES, &aliases.0);

        let mut instances = Writer::vec_of(2);
        // Of exports that are there …
        instances.byte(1);
        instances.u32(self.lifted.len() as u32);
        for (name, index) in (base..).enumerate().take(self.lifted.len()) {
            instances.name(&name.to_string());
            instances.byte(0);
            instances.u32(index);
        }
        // … and of the module, with those as its import.
        instances.byte(0);
        instances.u32(self.module_count);
        instances.u32(1);
        instances.argument("", self.instance_count);
        output.section(CORE_INSTANCES, &instances.0);
    }

    /// What the passage exports.
    fn write_aliases(&self, passage: u32, output: &mut Writer) {
        let mut aliases = Writer::vec_of(self.lifted.len() as u32);
        for name in 0..self.lifted.len() {
            aliases.core_function_alias(passage, &exported(name));
        }
        output.section(ALIASES, &aliases.0);
    }

    /// A section of canonical functions, with the indices that they have now: so many
    /// core functions come before those of the passage.
    fn canonical_functions(
        &self,
        base: u32,
        aliases: u32,
        component: &[u8],
        section: &Section,
    ) -> Option<Vec<u8>> {
        let count = self.lifted.len() as u32;
        let moved = |index: u32| if index < base { index } else { index + aliases + count };
        let content = component.get(section.content.clone())?;
        let reader = wasmparser::BinaryReader::new(content, 0);
        let functions = wasmparser::ComponentCanonicalSectionReader::new(reader).ok()?;
        let mut output = Writer::vec_of(functions.count());
        for function in functions {
            match function.ok()? {
                CanonicalFunction::Lift { core_func_index, type_index, options } => {
                    output.0.extend([0, 0]);
                    output.u32(match self.lifted.binary_search(&core_func_index) {
                        Ok(name) => base + aliases + name as u32,
                        Err(_) => moved(core_func_index),
                    });
                    output.options(&options, moved)?;
                    output.u32(type_index);
                }
                CanonicalFunction::Lower { func_index, options } => {
                    output.0.extend([1, 0]);
                    output.u32(func_index);
                    output.options(&options, moved)?;
                }
                CanonicalFunction::ResourceDrop { resource } => {
                    output.byte(3);
                    output.u32(resource);
                }
                _ => return None,
            }
        }
        Some(output.0)
    }
}

/// The type of a core function, as the binary format has it.
fn signature(function: &FuncType) -> Option<Vec<u8>> {
    let mut output = Writer(vec![0x60]);
    for types in [function.params(), function.results()] {
        output.u32(types.len() as u32);
        for ty in types {
            output.byte(match ty {
                ValType::I32 => 0x7F,
                ValType::I64 => 0x7E,
                ValType::F32 => 0x7D,
                ValType::F64 => 0x7C,
                _ => return None,
            });
        }
    }
    Some(output.0)
}

/// What the passage calls the functions that are led through it.
fn exported(number: usize) -> String {
    format!("passage {number}")
}

/// A core module that exports what it imports: functions of these types, named by
/// their number.
fn passage_module(signatures: &[Vec<u8>]) -> Vec<u8> {
    let count = signatures.len() as u32;
    let [mut types, mut imports, mut exports] = [(); 3].map(|()| Writer::vec_of(count));
    for (index, signature) in (0..count).zip(signatures) {
        types.0.extend(signature);
        imports.name("");
        imports.name(&index.to_string());
        imports.byte(0);
        imports.u32(index);
        exports.name(&exported(index as usize));
        exports.byte(0);
        exports.u32(index);
    }
    let mut module = Writer(b"\0asm\x01\0\0\0".to_vec());
    module.section(1, &types.0);
    module.section(2, &imports.0);
    module.section(7, &exports.0);
    module.0
}

/// The few forms of the binary format that are written here.
struct Writer(Vec<u8>);

impl Writer {
    fn vec_of(count: u32) -> Self {
        let mut writer = Self(Vec::new());
        writer.u32(count);
        writer
    }

    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// LEB128.
    fn u32(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    fn name(&mut self, name: &str) {
        self.u32(name.len() as u32);
        self.0.extend(name.as_bytes());
    }

    fn section(&mut self, id: u8, content: &[u8]) {
        self.byte(id);
        self.u32(content.len() as u32);
        self.0.extend(content);
    }

    /// What a module is instantiated with.
    fn argument(&mut self, name: &str, instance: u32) {
        self.name(name);
        self.byte(0x12);
        self.u32(instance);
    }

    fn core_function_alias(&mut self, instance: u32, name: &str) {
        self.0.extend([0, 0, 1]);
        self.u32(instance);
        self.name(name);
    }

    fn options(&mut self, options: &[CanonicalOption], moved: impl Fn(u32) -> u32) -> Option<()> {
        self.u32(options.len() as u32);
        for option in options {
            let (kind, index) = match *option {
                CanonicalOption::UTF8 => (0, None),
                CanonicalOption::UTF16 => (1, None),
                CanonicalOption::CompactUTF16 => (2, None),
                CanonicalOption::Memory(memory) => (3, Some(memory)),
                CanonicalOption::Realloc(function) => (4, Some(moved(function))),
                CanonicalOption::PostReturn(function) => (5, Some(moved(function))),
                _ => return None,
            };
            self.byte(kind);
            if let Some(index) = index {
                self.u32(index);
            }
        }
        Some(())
    }
}
