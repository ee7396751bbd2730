//! What is wrong with a value, and where in it.

use std::fmt::{self, Display};

/// A value does not fit: `` parameter 2, field `x`: expected u32, got string ``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError {
    /// Where, the innermost step first.
    steps: Vec<Step>,
    what: String,
}

/// One step on the way to what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Into a parameter of the function, counted from 1.
    Parameter(usize),
    /// Into the function's result.
    Result,
    /// Into a field of a record.
    Field(String),
    /// Into an element of a list, counted from 0.
    Element(usize),
    /// Into an item of a tuple, counted from 0.
    Item(usize),
    /// Into the payload of a variant's case, or of `some`, `ok` and `err`.
    Case(String),
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(number) => write!(f, "parameter {number}"),
            Self::Result => write!(f, "result"),
            Self::Field(name) => write!(f, "field `{name}`"),
            Self::Element(index) => write!(f, "element {index}"),
            Self::Item(index) => write!(f, "item {index}"),
            Self::Case(name) => write!(f, "case `{name}`"),
        }
    }
}

impl ValueError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { steps: Vec::new(), what: what.into() }
    }

    pub(super) fn expected(expected: impl Display, got: impl Display) -> Self {
        Self::new(format!("expected {expected}, got {got}"))
    }

    /// The same, seen from one step further out.
    #[must_use]
    pub(in crate::wasm) fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The way to what is wrong, from the outside in.
    pub fn path(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().rev()
    }

    /// What is wrong there.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.path().enumerate() {
            write!(f, "{}{step}", if index == 0 { "" } else { ", " })?;
        }
        write!(f, "{}{}", if self.steps.is_empty() { "" } else { ": " }, self.what)
    }
}

impl std::error::Error for ValueError {}

impl serde::ser::Error for ValueError {
    fn custom<T: Display>(what: T) -> Self {
        Self::new(what.to_string())
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: Display>(what: T) -> Self {
        Self::new(what.to_string())
    }

    fn invalid_type(got: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::expected(expected, Got(got))
    }

    fn invalid_value(got: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::expected(expected, Got(got))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("field `{field}` is missing"))
    }

    fn unknown_variant(case: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("no case `{case}`: there is {}", listed(expected)))
    }
}

/// Names as a person would list them: `` `a`, `b` ``.
pub(super) fn listed<N: Display>(names: impl IntoIterator<Item = N>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// What there is instead, in the words of components rather than serde's.
struct Got<'a>(serde::de::Unexpected<'a>);

impl Display for Got<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use serde::de::Unexpected::*;
        f.write_str(match self.0 {
            Bool(_) => "bool",
            Unsigned(value) => return write!(f, "{value}"),
            Signed(value) => return write!(f, "{value}"),
            Float(value) => return write!(f, "{value:?}"),
            Char(_) => "char",
            Str(_) => "string",
            Bytes(_) | Seq => "list",
            Unit => "nothing",
            Option => "option",
            NewtypeStruct => "record",
            Map => "record",
            Enum | UnitVariant | NewtypeVariant | TupleVariant | StructVariant => "variant",
            Other(what) => what,
        })
    }
}
