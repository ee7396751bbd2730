//! From Rust values to component values, by the type that is wanted.

use serde::Serialize;
use serde::ser::Serializer;

use super::check::{self, count, no_case, wrong_payload};
use super::error::{Step, ValueError};
use super::{Type, Value, names};
use compound::{Entries, Fields, Payload, Sequence};

mod compound;

type Made = Result<Value, ValueError>;

/// A Rust value as one of a component's type.
///
/// # Errors
/// Where it does not fit, and what is expected there.
pub fn to_value<T: Serialize + ?Sized>(value: &T, ty: &Type) -> Made {
    value.serialize(ToValue(Wanted::Type(ty.clone())))
}

/// The arguments of a function: a tuple (or array, or list) of them, `()` for none.
///
/// # Errors
/// Which of them does not fit, and where; or how many there should be.
pub fn to_values<T: Serialize + ?Sized>(arguments: &T, types: &[Type]) -> Result<Vec<Value>, ValueError> {
    match arguments.serialize(ToValue(Wanted::Parameters(types.to_vec())))? {
        Value::Tuple(values) => Ok(values),
        other => unreachable!("arguments became {other:?}"),
    }
}

/// What is to become of a Rust value.
enum Wanted {
    /// A value of this type.
    Type(Type),
    /// The payload of a case that has none, which Rust writes `()`.
    Nothing,
    /// All arguments of a function, as one tuple.
    Parameters(Vec<Type>),
}

fn describe(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Type(ty) => check::describe(ty),
        Wanted::Nothing => "nothing".into(),
        Wanted::Parameters(types) => format!("a tuple of {} parameters", types.len()),
    }
}

/// Makes what is wanted.
struct ToValue(Wanted);

impl From<Type> for ToValue {
    fn from(ty: Type) -> Self {
        Self(Wanted::Type(ty))
    }
}

/// Around a value of which something optional was wanted, so many times `some`.
#[derive(Clone, Copy)]
struct Somes(usize);

impl Somes {
    fn around(self, value: Value) -> Value {
        (0..self.0).fold(value, |value, _| Value::Option(Some(Box::new(value))))
    }
}

impl ToValue {
    /// What is wanted within options: a value that is there need not say `some`.
    fn peel(self) -> (Wanted, Somes) {
        let (mut wanted, mut somes) = (self.0, 0);
        while let Wanted::Type(Type::Option(option)) = &wanted {
            wanted = Wanted::Type(option.ty());
            somes += 1;
        }
        (wanted, Somes(somes))
    }

    fn scalar(self, got: &str, make: impl FnOnce(&Type) -> Option<Value>) -> Made {
        let (wanted, somes) = self.peel();
        let made = if let Wanted::Type(ty) = &wanted { make(ty) } else { None };
        made.map(|value| somes.around(value)).ok_or_else(|| ValueError::expected(describe(&wanted), got))
    }

    fn integer(self, value: i128, kind: &'static str) -> Made {
        let (wanted, somes) = self.peel();
        let Wanted::Type(ty) = &wanted else { return Err(ValueError::expected(describe(&wanted), kind)) };
        match integer(value, ty) {
            Some(made) => Ok(somes.around(made)),
            None if is_integer(ty) => Err(ValueError::expected(describe(&wanted), value)),
            None => Err(ValueError::expected(describe(&wanted), kind)),
        }
    }

    /// A name alone: of an enum's case, of a variant's without payload.
    fn case(self, name: &str) -> Made {
        let (wanted, somes) = self.peel();
        case(&wanted, name, None::<&()>).map(|value| somes.around(value))
    }
}

fn is_integer(ty: &Type) -> bool {
    use Type::*;
    matches!(ty, S8 | U8 | S16 | U16 | S32 | U32 | S64 | U64)
}

fn integer(value: i128, ty: &Type) -> Option<Value> {
    Some(match ty {
        Type::S8 => Value::S8(value.try_into().ok()?),
        Type::U8 => Value::U8(value.try_into().ok()?),
        Type::S16 => Value::S16(value.try_into().ok()?),
        Type::U16 => Value::U16(value.try_into().ok()?),
        Type::S32 => Value::S32(value.try_into().ok()?),
        Type::U32 => Value::U32(value.try_into().ok()?),
        Type::S64 => Value::S64(value.try_into().ok()?),
        Type::U64 => Value::U64(value.try_into().ok()?),
        _ => return None,
    })
}

/// A case with what is in its parentheses, if anything.
fn case<T: Serialize + ?Sized>(wanted: &Wanted, name: &str, payload: Option<&T>) -> Made {
    let (ty, name, payload_ty) = case_of(wanted, name)?;
    let within = |error: ValueError| error.within(Step::Case(name.clone()));
    let payload = match (payload, payload_ty) {
        (None, None) => None,
        (Some(payload), Some(ty)) => Some(payload.serialize(ToValue::from(ty)).map_err(within)?),
        (Some(payload), None) => {
            payload.serialize(ToValue(Wanted::Nothing)).map_err(within)?;
            None
        }
        (None, Some(ty)) => return Err(wrong_payload(Some(&ty), "nothing", &name)),
    };
    Ok(made_case(ty, name, payload))
}

/// The case of this name, as its type writes it, and the type of its payload.
fn case_of<'t>(wanted: &'t Wanted, name: &str) -> Result<(&'t Type, String, Option<Type>), ValueError> {
    let Wanted::Type(ty) = wanted else { return Err(ValueError::expected(describe(wanted), "variant")) };
    let (name, payload) = match ty {
        Type::Variant(variant) => {
            let exact = variant.cases().find(|case| case.name == name);
            let case = exact.or_else(|| variant.cases().find(|case| names::same(case.name, name)));
            let case = case.ok_or_else(|| no_case(name, variant.cases().map(|case| case.name)))?;
            (case.name, case.ty)
        }
        Type::Enum(cases) => {
            let exact = cases.names().find(|case| *case == name);
            let case = exact.or_else(|| cases.names().find(|case| names::same(case, name)));
            (case.ok_or_else(|| no_case(name, cases.names()))?, None)
        }
        Type::Result(result) if names::same("ok", name) => ("ok", result.ok()),
        Type::Result(result) if names::same("err", name) => ("err", result.err()),
        Type::Result(_) => return Err(no_case(name, ["ok", "err"].into_iter())),
        ty => return Err(ValueError::expected(check::describe(ty), "variant")),
    };
    Ok((ty, name.to_owned(), payload))
}

fn made_case(ty: &Type, name: String, payload: Option<Value>) -> Value {
    let payload = payload.map(Box::new);
    match ty {
        Type::Enum(_) => Value::Enum(name),
        Type::Result(_) if name == "ok" => Value::Result(Ok(payload)),
        Type::Result(_) => Value::Result(Err(payload)),
        _ => Value::Variant(name, payload),
    }
}

macro_rules! integers {
    ($($method:ident $int:ty, $case:ident, $name:literal;)*) => {$(
        fn $method(self, value: $int) -> Made {
            match self.0 {
                Wanted::Type(Type::$case) => Ok(Value::$case(value)),
                _ => self.integer(value.into(), $name),
            }
        }
    )*};
}

impl Serializer for ToValue {
    type Ok = Value;
    type Error = ValueError;
    type SerializeSeq = Sequence;
    type SerializeTuple = Sequence;
    type SerializeTupleStruct = Sequence;
    type SerializeTupleVariant = Payload<Sequence>;
    type SerializeMap = Entries;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Payload<Fields>;

    integers! {
        serialize_i8 i8, S8, "s8";
        serialize_i16 i16, S16, "s16";
        serialize_i32 i32, S32, "s32";
        serialize_i64 i64, S64, "s64";
        serialize_u8 u8, U8, "u8";
        serialize_u16 u16, U16, "u16";
        serialize_u32 u32, U32, "u32";
        serialize_u64 u64, U64, "u64";
    }

    fn serialize_i128(self, value: i128) -> Made {
        self.integer(value, "a larger integer")
    }

    fn serialize_u128(self, value: u128) -> Made {
        self.integer(i128::try_from(value).unwrap_or(i128::MAX), "a larger integer")
    }

    fn serialize_bool(self, value: bool) -> Made {
        self.scalar("bool", |ty| matches!(ty, Type::Bool).then_some(Value::Bool(value)))
    }

    fn serialize_f32(self, value: f32) -> Made {
        let make = |ty: &Type| match ty {
            Type::Float32 => Some(Value::Float32(value)),
            Type::Float64 => Some(Value::Float64(value.into())),
            _ => None,
        };
        self.scalar("f32", make)
    }

    fn serialize_f64(self, value: f64) -> Made {
        let narrow = value as f32;
        let is_exact = f64::from(narrow) == value || value.is_nan();
        let make = |ty: &Type| match ty {
            Type::Float64 => Some(Value::Float64(value)),
            Type::Float32 if is_exact => Some(Value::Float32(narrow)),
            _ => None,
        };
        self.scalar("f64", make)
    }

    fn serialize_char(self, value: char) -> Made {
        let make = |ty: &Type| match ty {
            Type::Char => Some(Value::Char(value)),
            Type::String => Some(Value::String(value.into())),
            _ => None,
        };
        self.scalar("char", make)
    }

    fn serialize_str(self, value: &str) -> Made {
        let (wanted, somes) = self.peel();
        let mut chars = value.chars();
        let made = match &wanted {
            Wanted::Type(Type::String) => Value::String(value.to_owned()),
            Wanted::Type(Type::Char) => match (chars.next(), chars.next()) {
                (Some(one), None) => Value::Char(one),
                _ => return Err(ValueError::expected("char", "string")),
            },
            Wanted::Type(Type::Enum(_) | Type::Variant(_)) => case(&wanted, value, None::<&()>)?,
            wanted => return Err(ValueError::expected(describe(wanted), "string")),
        };
        Ok(somes.around(made))
    }

    fn serialize_bytes(self, value: &[u8]) -> Made {
        let make = |ty: &Type| match ty {
            Type::List(list) if list.ty() == Type::U8 => {
                Some(Value::List(value.iter().copied().map(Value::U8).collect()))
            }
            _ => None,
        };
        self.scalar("list<u8>", make)
    }

    fn serialize_none(self) -> Made {
        match self.0 {
            Wanted::Type(Type::Option(_)) => Ok(Value::Option(None)),
            wanted => Err(ValueError::expected(describe(&wanted), "option")),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        let Wanted::Type(Type::Option(option)) = &self.0 else {
            return Err(ValueError::expected(describe(&self.0), "option"));
        };
        let value = value.serialize(ToValue::from(option.ty()));
        let value = value.map_err(|error| error.within(Step::Case("some".into())))?;
        Ok(Value::Option(Some(Box::new(value))))
    }

    fn serialize_unit(self) -> Made {
        match self.0 {
            Wanted::Type(Type::Option(_)) | Wanted::Nothing => Ok(Value::Option(None)),
            Wanted::Parameters(types) if types.is_empty() => Ok(Value::Tuple(Vec::new())),
            Wanted::Parameters(types) => Err(count(types.len(), 0, "parameters")),
            wanted => Err(ValueError::expected(describe(&wanted), "nothing")),
        }
    }

    fn serialize_unit_struct(self, _: &'static str) -> Made {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Made {
        self.case(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        payload: &T,
    ) -> Made {
        let (wanted, somes) = self.peel();
        case(&wanted, name, Some(payload)).map(|value| somes.around(value))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Sequence, ValueError> {
        let (wanted, somes) = self.peel();
        Sequence::open(wanted, length, somes, "list")
    }

    fn serialize_tuple(self, length: usize) -> Result<Sequence, ValueError> {
        let (wanted, somes) = self.peel();
        Sequence::open(wanted, Some(length), somes, "tuple")
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Sequence, ValueError> {
        self.serialize_tuple(length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Payload<Sequence>, ValueError> {
        Payload::open(self, name, |within| within.serialize_tuple(length))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries, ValueError> {
        let (wanted, somes) = self.peel();
        Entries::open(wanted, somes)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, ValueError> {
        let (wanted, somes) = self.peel();
        Fields::open(wanted, somes)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Payload<Fields>, ValueError> {
        Payload::open(self, name, |within| within.serialize_struct(name, length))
    }
}
