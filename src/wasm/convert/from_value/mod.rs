//! From component values to Rust values.

use serde::Deserialize;
use serde::de::value::SeqDeserializer;
use serde::de::{Deserializer, Visitor};

use super::Value;
use super::check::{count, kind};
use super::error::{Step, ValueError};
use compound::{Case, Fields, FlagFields, OneCase, Pairs, rust_name, visit_all};

mod compound;

/// A component value as a Rust value. Text is borrowed where Rust asks for `&str`.
///
/// # Errors
/// Where it does not fit, and what is expected there.
pub fn from_value<'v, T: Deserialize<'v>>(value: &'v Value) -> Result<T, ValueError> {
    T::deserialize(FromValue(value))
}

/// Reads a value.
#[derive(Clone, Copy)]
struct FromValue<'v>(&'v Value);

impl<'v> FromValue<'v> {
    /// A case and what is in its parentheses.
    fn case(self) -> Option<(&'v str, Option<&'v Value>)> {
        match self.0 {
            Value::Variant(name, payload) => Some((name, payload.as_deref())),
            Value::Enum(name) => Some((name, None)),
            Value::Result(Ok(payload)) => Some(("ok", payload.as_deref())),
            Value::Result(Err(payload)) => Some(("err", payload.as_deref())),
            _ => None,
        }
    }

    fn refuse<T>(self, expected: &str) -> Result<T, ValueError> {
        Err(ValueError::expected(expected, kind(self.0)))
    }
}

macro_rules! any {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
            self.deserialize_any(visitor)
        }
    )*};
}

impl<'v> Deserializer<'v> for FromValue<'v> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::S8(value) => visitor.visit_i8(*value),
            Value::U8(value) => visitor.visit_u8(*value),
            Value::S16(value) => visitor.visit_i16(*value),
            Value::U16(value) => visitor.visit_u16(*value),
            Value::S32(value) => visitor.visit_i32(*value),
            Value::U32(value) => visitor.visit_u32(*value),
            Value::S64(value) => visitor.visit_i64(*value),
            Value::U64(value) => visitor.visit_u64(*value),
            Value::Float32(value) => visitor.visit_f32(*value),
            Value::Float64(value) => visitor.visit_f64(*value),
            Value::Char(value) => visitor.visit_char(*value),
            Value::String(value) => visitor.visit_borrowed_str(value),
            Value::List(values) | Value::FixedLengthList(values) => {
                visit_all(values, Step::Element, "elements", visitor)
            }
            Value::Tuple(values) => visit_all(values, Step::Item, "items", visitor),
            Value::Record(fields) => visitor.visit_map(Fields::new(fields, &[])),
            Value::Option(None) => visitor.visit_none(),
            Value::Option(Some(value)) => {
                visitor.visit_some(FromValue(value)).map_err(|error| error.within(Step::Case("some".into())))
            }
            Value::Flags(names) => visitor.visit_seq(SeqDeserializer::new(names.iter().map(String::as_str))),
            Value::Variant(..) | Value::Enum(_) | Value::Result(_) => match self.case() {
                // As serde_json writes an enum.
                Some((name, None)) if !matches!(self.0, Value::Result(_)) => visitor.visit_borrowed_str(name),
                Some(case) => visitor.visit_map(OneCase { case: Some(case), payload: None }),
                None => unreachable!("these are cases"),
            },
            other => Err(ValueError::new(format!("a {} is no plain value", kind(other)))),
        }
    }

    any! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_char deserialize_str deserialize_string
        deserialize_identifier deserialize_i128 deserialize_u128
    }

    fn deserialize_f32<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Float32(value) => visitor.visit_f32(*value),
            Value::Float64(value) if f64::from(*value as f32) == *value || value.is_nan() => {
                visitor.visit_f32(*value as f32)
            }
            _ => self.refuse("f32"),
        }
    }

    fn deserialize_f64<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Float64(value) => visitor.visit_f64(*value),
            Value::Float32(value) => visitor.visit_f64((*value).into()),
            _ => self.refuse("f64"),
        }
    }

    fn deserialize_bytes<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let Value::List(values) = self.0 else { return self.deserialize_any(visitor) };
        let bytes = values.iter().enumerate().map(|(at, value)| match value {
            Value::U8(byte) => Ok(*byte),
            other => Err(ValueError::expected("u8", kind(other)).within(Step::Element(at))),
        });
        visitor.visit_byte_buf(bytes.collect::<Result<_, _>>()?)
    }

    fn deserialize_byte_buf<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Option(_) => self.deserialize_any(visitor),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Option(None) => visitor.visit_unit(),
            _ => self.refuse("nothing"),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::List(_) | Value::FixedLengthList(_) | Value::Tuple(_) | Value::Flags(_) => {
                self.deserialize_any(visitor)
            }
            _ => self.refuse("list"),
        }
    }

    fn deserialize_tuple<V: Visitor<'v>>(self, length: usize, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Tuple(values) if values.len() != length => Err(count(length, values.len(), "items")),
            Value::List(values) if values.len() != length => Err(count(length, values.len(), "elements")),
            Value::Tuple(_) | Value::List(_) => self.deserialize_any(visitor),
            _ => self.refuse("tuple"),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::List(pairs) => visitor.visit_map(Pairs { pairs: pairs.iter().enumerate(), value: None }),
            Value::Record(_) | Value::Variant(..) | Value::Result(_) => self.deserialize_any(visitor),
            _ => self.refuse("map"),
        }
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Record(values) => visitor.visit_map(Fields::new(values, fields)),
            Value::Flags(names) => visitor.visit_map(FlagFields::new(names, fields)?),
            Value::Tuple(_) => self.deserialize_any(visitor),
            _ => self.refuse("record"),
        }
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _: &'static str,
        cases: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let Some((name, payload)) = self.case() else { return self.refuse("variant") };
        visitor.visit_enum(Case { rust_name: rust_name(name, cases, 0).1, name, payload })
    }

    fn deserialize_ignored_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }
}
