//! A module that is there already, and has no code, as the passage.
//!
//! ```text
//!   before   main instance ──► its functions           last instance: fills a table
//!   after    main instance ──► last instance, which fills the table, imports the
//!                              functions and exports them ── alias ──► canon lift
//! ```

use std::collections::BTreeSet;

use wasmparser::{BinaryReader, ExternalKind, Instance, InstanceSectionReader, Parser, Payload, TypeRef};

use super::{Survey, Writer, exported};

/// The sections of a core module to which something is added.
const TYPES: u8 = 1;
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;

/// The last instance of a module without functions of its own, to which imports can be
/// added: nothing in it is numbered otherwise then.
pub(super) struct Joint {
    pub(super) module_section: usize,
    pub(super) instance_section: usize,
    pub(super) instance: u32,
    type_count: u32,
    function_count: u32,
}

impl Joint {
    /// If there is one, and all functions that are lifted are there before it.
    pub(super) fn of(survey: &Survey<'_>, component: &[u8]) -> Option<Self> {
        let instance = survey.instances.iter().rposition(Option::is_some)?;
        let (module, instance_section) = survey.instances[instance]?;
        let is_only = survey.instances.iter().flatten().filter(|(other, _)| *other == module).count() == 1;
        let comes_after = survey.lifted_from().all(|(from, _)| (from as usize) < instance);
        if !is_only || !comes_after {
            return None;
        }
        let module_section = *survey.modules.get(&module)?;
        let content = component.get(survey.sections[module_section].content.clone())?;
        let (mut type_count, mut function_count) = (0, 0);
        for payload in Parser::new(0).parse_all(content) {
            match payload.ok()? {
                Payload::TypeSection(types) => {
                    for group in types {
                        type_count += group.ok()?.types().len() as u32;
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let is_function = matches!(import.ok()?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                        function_count += u32::from(is_function);
                    }
                }
                Payload::FunctionSection(_) | Payload::StartSection { .. } => return None,
                _ => {}
            }
        }
        let instance = instance as u32;
        Some(Self { module_section, instance_section, instance, type_count, function_count })
    }

    /// The module, which also imports the functions that are lifted and exports them.
    pub(super) fn module(
        &self,
        survey: &Survey<'_>,
        content: &[u8],
        signatures: &[Vec<u8>],
    ) -> Option<Vec<u8>> {
        let count = signatures.len() as u32;
        let [mut types, mut imports, mut exports] = [(); 3].map(|()| Writer(Vec::new()));
        for (number, (signature, (instance, name))) in (0..).zip(signatures.iter().zip(survey.lifted_from()))
        {
            types.0.extend(signature);
            imports.name(&argument(instance));
            imports.name(name);
            imports.byte(0);
            imports.u32(self.type_count + number);
            exports.name(&exported(number as usize));
            exports.byte(0);
            exports.u32(self.function_count + number);
        }
        let mut more = vec![(TYPES, types), (IMPORTS, imports), (EXPORTS, exports)].into_iter().peekable();
        let mut output = Writer(content.get(..8)?.to_vec());
        for payload in Parser::new(0).parse_all(content) {
            let payload = payload.ok()?;
            let Some((id, range)) = payload.as_section() else { continue };
            // Sections come in the order of their numbers, but for custom ones (0).
            while let Some((new, entries)) = more.next_if(|(new, _)| id != 0 && *new < id) {
                output.section_of(new, count, &[], &entries.0);
            }
            let section = content.get(range)?;
            match more.next_if(|(new, _)| *new == id) {
                Some((_, entries)) => {
                    let mut reader = BinaryReader::new(section, 0);
                    let old_count = reader.read_var_u32().ok()?;
                    let old = section.get(reader.original_position()..)?;
                    output.section_of(id, old_count.checked_add(count)?, old, &entries.0);
                }
                None => output.section(id, section),
            }
        }
        for (id, entries) in more {
            output.section_of(id, count, &[], &entries.0);
        }
        Some(output.0)
    }

    /// The section with the last instance, whose arguments are also those that the
    /// functions come from.
    pub(super) fn instances(&self, survey: &Survey<'_>, content: &[u8]) -> Option<Vec<u8>> {
        let reader = InstanceSectionReader::new(BinaryReader::new(content, 0)).ok()?;
        let count = reader.count();
        let instances = reader.into_iter().collect::<Result<Vec<_>, _>>().ok()?;
        // No instance that is made from a module comes after it.
        let last = instances.iter().rposition(|instance| matches!(instance, Instance::Instantiate { .. }))?;
        let mut output = Writer::vec_of(count);
        for (position, instance) in instances.iter().enumerate() {
            match instance {
                Instance::Instantiate { module_index, args } => {
                    let more: BTreeSet<u32> = match position == last {
                        true => survey.lifted_from().map(|(from, _)| from).collect(),
                        false => BTreeSet::new(),
                    };
                    output.byte(0);
                    output.u32(*module_index);
                    output.u32((args.len() + more.len()) as u32);
                    for argument in args {
                        output.argument(argument.name, argument.index);
                    }
                    for from in more {
                        output.argument(&argument(from), from);
                    }
                }
                Instance::FromExports(exports) => {
                    output.byte(1);
                    output.u32(exports.len() as u32);
                    for export in exports {
                        output.name(export.name);
                        output.byte(match export.kind {
                            ExternalKind::Func => 0,
                            ExternalKind::Table => 1,
                            ExternalKind::Memory => 2,
                            ExternalKind::Global => 3,
                            _ => return None,
                        });
                        output.u32(export.index);
                    }
                }
            }
        }
        Some(output.0)
    }
}

/// The name under which a module gets the instance with that number.
fn argument(instance: u32) -> String {
    format!("passage from {instance}")
}

impl Writer {
    /// A section of so many entries: some that were there, and more.
    fn section_of(&mut self, id: u8, count: u32, old: &[u8], more: &[u8]) {
        let mut content = Self::vec_of(count);
        content.0.extend(old);
        content.0.extend(more);
        self.section(id, &content.0);
    }
}
