//! WAVE, the text form of values: `{name: "a", sizes: [1, 2]}`.

use std::fmt::{self, Display};
use std::ops::Range;

use wasmtime::component::types;
use wasmtime::component::wasm_wave::ast::{Node, NodeType};
use wasmtime::component::wasm_wave::parser::{ParserError, ParserErrorKind};
use wasmtime::component::wasm_wave::untyped::{UntypedFuncCall, UntypedValue};

use super::check::{self, check, count, describe, no_case, no_field, wrong_payload};
use super::error::{Step, ValueError};
use super::{Type, Value};

/// What is wrong with a text, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    /// The bytes of the text that are wrong.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub error: ValueError,
}

impl Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.error, self.at.start)
    }
}

impl std::error::Error for TextError {}

/// A value of this type from its text.
///
/// # Errors
/// Which part of the text is wrong, and what is expected there.
pub fn from_wave(text: &str, ty: &Type) -> Result<Value, TextError> {
    let value = UntypedValue::parse(text).map_err(|error| syntax(&error, text, 0))?;
    Reader { text }.value(value.node(), ty)
}

/// The text of a value.
///
/// # Errors
/// Where there is a handle in it, which has no text.
pub fn to_wave(value: &Value, ty: &Type) -> Result<String, ValueError> {
    check(value, ty)?;
    if let Some(handle) = check::handle_in(ty) {
        return Err(ValueError::new(format!("a {handle} has no text form")));
    }
    value.to_wave().map_err(|error| ValueError::new(format!("{error:#}")))
}

/// `(1, "a")`: the arguments of a function of these parameters. Options at the end
/// may be left out.
pub(in crate::wasm) fn parse_arguments(text: &str, types: &[Type]) -> Result<Vec<Value>, TextError> {
    // The parser has no entry for arguments alone: here is a name for them.
    const NAME: &str = "f";
    let call = format!("{NAME}{text}");
    let call = UntypedFuncCall::parse(&call).map_err(|error| syntax(&error, text, NAME.len()))?;
    let reader = Reader { text: call.source() };
    let nodes: Vec<_> = match call.params_node() {
        None => Vec::new(),
        Some(node) => node.as_tuple().map_err(|error| syntax(&error, text, NAME.len()))?.collect(),
    };
    let required = types.iter().rposition(|ty| !matches!(ty, Type::Option(_))).map_or(0, |last| last + 1);
    if nodes.len() > types.len() || nodes.len() < required {
        let at = nodes.get(types.len()).map_or(0..text.len(), |extra| shift(extra.span(), NAME.len()));
        return Err(TextError { at, error: count(types.len(), nodes.len(), "parameters") });
    }
    let mut values = Vec::with_capacity(types.len());
    for (at, ty) in types.iter().enumerate() {
        let Some(node) = nodes.get(at) else {
            values.push(Value::Option(None));
            continue;
        };
        values.push(reader.value(node, ty).map_err(|error| TextError {
            at: shift(error.at, NAME.len()),
            error: error.error.within(Step::Parameter(at + 1)),
        })?);
    }
    Ok(values)
}

fn shift(span: Range<usize>, by: usize) -> Range<usize> {
    span.start.saturating_sub(by)..span.end.saturating_sub(by)
}

/// What is no WAVE at all.
fn syntax(error: &ParserError, text: &str, shifted: usize) -> TextError {
    let at = shift(error.span(), shifted);
    let at = at.start.min(text.len())..at.end.min(text.len());
    let found = text.get(at.clone()).unwrap_or_default();
    let what = match error.kind() {
        ParserErrorKind::UnexpectedEnd => "the text ends too early".into(),
        ParserErrorKind::UnexpectedToken if found.is_empty() => "the text ends too early".into(),
        ParserErrorKind::UnexpectedToken => format!("`{found}` is not expected here"),
        ParserErrorKind::InvalidToken => format!("`{found}` is no part of a value"),
        ParserErrorKind::TrailingCharacters => format!("`{found}` comes after the end"),
        kind => match error.detail() {
            Some(detail) => format!("{kind}: {detail}"),
            None => kind.to_string(),
        },
    };
    TextError { at, error: ValueError::new(what) }
}

/// Makes values of what the parser found in a text.
#[derive(Clone, Copy)]
struct Reader<'t> {
    text: &'t str,
}

type Read<T = Value> = Result<T, TextError>;

/// Seen from one step further out.
fn within<T>(read: Read<T>, step: impl FnOnce() -> Step) -> Read<T> {
    read.map_err(|TextError { at, error }| TextError { at, error: error.within(step()) })
}

impl<'t> Reader<'t> {
    fn slice(self, node: &Node) -> &'t str {
        &self.text[node.span()]
    }

    fn value(self, node: &Node, ty: &Type) -> Read {
        match ty {
            Type::Bool => self.leaf(node, ty, node.as_bool().ok()).map(Value::Bool),
            Type::S8 => self.number(node, ty).map(Value::S8),
            Type::U8 => self.number(node, ty).map(Value::U8),
            Type::S16 => self.number(node, ty).map(Value::S16),
            Type::U16 => self.number(node, ty).map(Value::U16),
            Type::S32 => self.number(node, ty).map(Value::S32),
            Type::U32 => self.number(node, ty).map(Value::U32),
            Type::S64 => self.number(node, ty).map(Value::S64),
            Type::U64 => self.number(node, ty).map(Value::U64),
            Type::Float32 => {
                let value: f32 = self.number(node, ty)?;
                self.finite(node, ty, value.is_infinite()).map(|()| Value::Float32(value))
            }
            Type::Float64 => {
                let value: f64 = self.number(node, ty)?;
                self.finite(node, ty, value.is_infinite()).map(|()| Value::Float64(value))
            }
            Type::Char => {
                self.escaped(node, ty, NodeType::Char, |node| node.as_char(self.text)).map(Value::Char)
            }
            Type::String => {
                let kind = if node.ty() == NodeType::MultilineString { node.ty() } else { NodeType::String };
                self.escaped(node, ty, kind, |node| node.as_str(self.text).map(|text| text.into_owned()))
                    .map(Value::String)
            }
            Type::List(list) => {
                let element = list.ty();
                let nodes = self.leaf(node, ty, node.as_list().ok())?.enumerate();
                let values = nodes.map(|(at, node)| within(self.value(node, &element), || Step::Element(at)));
                values.collect::<Read<_>>().map(Value::List)
            }
            Type::Tuple(tuple) => {
                let nodes = self.leaf(node, ty, node.as_tuple().ok())?;
                if nodes.len() != tuple.types().len() {
                    return Err(self.wrong(node, count(tuple.types().len(), nodes.len(), "items")));
                }
                let pairs = nodes.zip(tuple.types()).enumerate();
                let values = pairs.map(|(at, (node, ty))| within(self.value(node, &ty), || Step::Item(at)));
                values.collect::<Read<_>>().map(Value::Tuple)
            }
            Type::Record(record) => self.record(node, ty, record),
            Type::Flags(flags) => self.flags(node, ty, flags),
            Type::Variant(variant) => {
                let (name, payload) = self.label(node, ty)?;
                let Some(case) = variant.cases().find(|case| case.name == name) else {
                    return Err(self.wrong(node, no_case(name, variant.cases().map(|case| case.name))));
                };
                Ok(Value::Variant(name.to_owned(), self.payload(node, payload, case.ty.as_ref(), name)?))
            }
            Type::Enum(cases) => {
                let name = match self.label(node, ty)? {
                    (name, None) => name,
                    (name, Some(_)) => return Err(self.wrong(node, wrong_payload(None, "a payload", name))),
                };
                match cases.names().any(|case| case == name) {
                    true => Ok(Value::Enum(name.to_owned())),
                    false => Err(self.wrong(node, no_case(name, cases.names()))),
                }
            }
            Type::Option(option) => match node.ty() {
                NodeType::OptionNone => Ok(Value::Option(None)),
                NodeType::OptionSome => {
                    let value = self.leaf(node, ty, node.as_option().ok())?;
                    self.payload(node, value, Some(&option.ty()), "some").map(Value::Option)
                }
                // WAVE lets `some` be left out.
                _ => Ok(Value::Option(Some(Box::new(self.value(node, &option.ty())?)))),
            },
            Type::Result(result) => self.result(node, ty, result),
            other => {
                Err(self.wrong(node, ValueError::new(format!("a {} has no text form", describe(other)))))
            }
        }
    }

    fn wrong(self, node: &Node, error: ValueError) -> TextError {
        TextError { at: node.span(), error }
    }

    fn leaf<T>(self, node: &Node, ty: &Type, found: Option<T>) -> Read<T> {
        found.ok_or_else(|| self.wrong(node, ValueError::expected(describe(ty), kind(node))))
    }

    fn number<T: std::str::FromStr>(self, node: &Node, ty: &Type) -> Read<T> {
        let got = || if node.ty() == NodeType::Number { self.slice(node) } else { kind(node) };
        let number = node.as_number(self.text);
        number.map_err(|_| self.wrong(node, ValueError::expected(describe(ty), got())))
    }

    /// Infinity must be meant.
    fn finite(self, node: &Node, ty: &Type, is_infinite: bool) -> Read<()> {
        match is_infinite && !self.slice(node).ends_with("inf") {
            true => Err(self.wrong(node, ValueError::expected(describe(ty), self.slice(node)))),
            false => Ok(()),
        }
    }

    /// Text, whose escapes may be wrong.
    fn escaped<T>(
        self,
        node: &Node,
        ty: &Type,
        kind: NodeType,
        read: impl FnOnce(&Node) -> Result<T, ParserError>,
    ) -> Read<T> {
        if node.ty() != kind {
            return self.leaf(node, ty, None);
        }
        read(node)
            .map_err(|error| TextError { at: error.span(), error: ValueError::new(error.kind().to_string()) })
    }

    /// A label, and what is in parentheses after it.
    fn label<'n>(self, node: &'n Node, ty: &Type) -> Read<(&'t str, Option<&'n Node>)> {
        self.leaf(node, ty, node.as_variant(self.text).ok())
    }

    fn payload(
        self,
        node: &Node,
        payload: Option<&Node>,
        ty: Option<&Type>,
        name: &str,
    ) -> Read<Option<Box<Value>>> {
        match (payload, ty) {
            (None, None) => Ok(None),
            (Some(payload), Some(ty)) => {
                let value = within(self.value(payload, ty), || Step::Case(name.to_owned()))?;
                Ok(Some(Box::new(value)))
            }
            (payload, ty) => {
                Err(self
                    .wrong(payload.unwrap_or(node), wrong_payload(ty, payload.map_or("nothing", kind), name)))
            }
        }
    }

    fn record(self, node: &Node, ty: &Type, record: &types::Record) -> Read {
        // `{}` is of a record, too, whose fields are all optional.
        let is_empty = node.ty() == NodeType::Flags && self.flag_names(node).is_empty();
        let given: Vec<_> = match is_empty {
            true => Vec::new(),
            false => self.leaf(node, ty, node.as_record(self.text).ok())?.collect(),
        };
        if let Some((name, value)) =
            given.iter().find(|(name, _)| !record.fields().any(|field| field.name == *name))
        {
            return Err(self.wrong(value, no_field(name, record)));
        }
        let field = |field: types::Field<'_>| {
            let value = match (given.iter().find(|(name, _)| *name == field.name), &field.ty) {
                (Some((_, node)), ty) => within(self.value(node, ty), || Step::Field(field.name.to_owned()))?,
                (None, Type::Option(_)) => Value::Option(None),
                (None, _) => return Err(self.wrong(node, check::missing_field(field.name))),
            };
            Ok((field.name.to_owned(), value))
        };
        record.fields().map(field).collect::<Read<_>>().map(Value::Record)
    }

    fn flag_names(self, node: &Node) -> Vec<&'t str> {
        let names = node.as_flags(self.text).into_iter().flatten();
        names.map(|name| name.strip_prefix('%').unwrap_or(name)).collect()
    }

    fn flags(self, node: &Node, ty: &Type, flags: &types::Flags) -> Read {
        if node.ty() != NodeType::Flags {
            return self.leaf(node, ty, None);
        }
        let names: Vec<String> = self.flag_names(node).into_iter().map(str::to_owned).collect();
        let value = Value::Flags(names);
        check(&value, &Type::Flags(flags.clone())).map_err(|error| self.wrong(node, error))?;
        Ok(value)
    }

    fn result(self, node: &Node, ty: &Type, result: &types::ResultType) -> Read {
        Ok(Value::Result(match self.leaf(node, ty, node.as_result().ok())? {
            Ok(payload) => Ok(self.payload(node, payload, result.ok().as_ref(), "ok")?),
            Err(payload) => Err(self.payload(node, payload, result.err().as_ref(), "err")?),
        }))
    }
}

/// What was found in a text.
fn kind(node: &Node) -> &'static str {
    match node.ty() {
        NodeType::BoolTrue | NodeType::BoolFalse => "bool",
        NodeType::Number => "a number",
        NodeType::Char => "char",
        NodeType::String | NodeType::MultilineString => "string",
        NodeType::Tuple => "tuple",
        NodeType::List => "list",
        NodeType::Record => "record",
        NodeType::Label => "a name",
        NodeType::VariantWithPayload => "a case",
        NodeType::OptionSome | NodeType::OptionNone => "option",
        NodeType::ResultOk | NodeType::ResultErr => "result",
        NodeType::Flags => "flags",
    }
}
