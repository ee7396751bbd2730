//! The parts of a value, as serde asks for them.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::super::check::{count, kind};
use super::super::error::{Step, ValueError, listed};
use super::super::{Value, names};
use super::FromValue;

/// How Rust calls it, and where it is among the names; or what it is called.
pub(super) fn rust_name<'n>(
    name: &'n str,
    among: &'static [&'static str],
    near: usize,
) -> (Option<usize>, &'n str) {
    match among.get(near) {
        Some(next) if *next == name => return (Some(near), next),
        _ => {}
    }
    let exact = among.iter().position(|rust| *rust == name);
    let near = || among.get(near).filter(|rust| names::same(name, rust)).map(|_| near);
    let found = exact.or_else(near).or_else(|| among.iter().position(|rust| names::same(name, rust)));
    (found, found.map_or(name, |index| among[index]))
}

/// The parts of a list or tuple; more than Rust takes is an error.
pub(super) fn visit_all<'v, V: Visitor<'v>>(
    values: &'v [Value],
    step: fn(usize) -> Step,
    what: &str,
    visitor: V,
) -> Result<V::Value, ValueError> {
    let mut parts = Parts { values: values.iter(), at: 0, step };
    let made = visitor.visit_seq(&mut parts)?;
    match parts.values.len() {
        0 => Ok(made),
        _ => Err(count(parts.at, values.len(), what)),
    }
}

struct Parts<'v> {
    values: std::slice::Iter<'v, Value>,
    at: usize,
    step: fn(usize) -> Step,
}

impl<'v> SeqAccess<'v> for &mut Parts<'v> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<Option<T::Value>, ValueError> {
        let Some(value) = self.values.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(FromValue(value)).map(Some).map_err(|error| error.within((self.step)(at)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

/// The fields of a record, under the names that Rust has for them.
pub(super) struct Fields<'v> {
    fields: std::slice::Iter<'v, (String, Value)>,
    current: Option<(&'v str, &'v Value)>,
    names: &'static [&'static str],
    /// The name that comes next, if Rust and WIT have the same order.
    next: usize,
}

impl<'v> Fields<'v> {
    pub(super) fn new(fields: &'v [(String, Value)], names: &'static [&'static str]) -> Self {
        Self { fields: fields.iter(), current: None, names, next: 0 }
    }
}

impl<'v> MapAccess<'v> for Fields<'v> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'v>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.current = Some((name, value));
        let (found, name) = rust_name(name, self.names, self.next);
        self.next = found.map_or(self.next, |index| index + 1);
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        let (name, value) = self.current.take().ok_or_else(|| ValueError::new("a value before its key"))?;
        seed.deserialize(FromValue(value)).map_err(|error| error.within(Step::Field(name.to_owned())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}

/// Flags as a struct of `bool`s.
pub(super) struct FlagFields<'v> {
    set: &'v [String],
    names: std::slice::Iter<'static, &'static str>,
    current: bool,
}

impl<'v> FlagFields<'v> {
    pub(super) fn new(set: &'v [String], names: &'static [&'static str]) -> Result<Self, ValueError> {
        match set.iter().find(|flag| rust_name(flag, names, 0).0.is_none()) {
            Some(flag) => Err(ValueError::new(format!("no flag `{flag}`: there is {}", listed(names)))),
            None => Ok(Self { set, names: names.iter(), current: false }),
        }
    }
}

impl<'v> MapAccess<'v> for FlagFields<'v> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'v>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some(name) = self.names.next() else { return Ok(None) };
        self.current = self.set.iter().any(|flag| names::same(flag, name));
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        seed.deserialize(self.current.into_deserializer())
    }
}

/// A list of pairs as a map.
pub(super) struct Pairs<'v> {
    pub(super) pairs: std::iter::Enumerate<std::slice::Iter<'v, Value>>,
    pub(super) value: Option<(usize, &'v Value)>,
}

impl<'v> MapAccess<'v> for Pairs<'v> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'v>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some((at, pair)) = self.pairs.next() else { return Ok(None) };
        let (key, value) = match pair {
            Value::Tuple(pair) if pair.len() == 2 => (&pair[0], &pair[1]),
            other => return Err(ValueError::expected("a pair", kind(other)).within(Step::Element(at))),
        };
        self.value = Some((at, value));
        let key = seed.deserialize(FromValue(key));
        key.map(Some).map_err(|error| error.within(Step::Item(0)).within(Step::Element(at)))
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        let (at, value) = self.value.take().ok_or_else(|| ValueError::new("a value before its key"))?;
        let value = seed.deserialize(FromValue(value));
        value.map_err(|error| error.within(Step::Item(1)).within(Step::Element(at)))
    }
}

/// A case as a map with one entry.
pub(super) struct OneCase<'v> {
    pub(super) case: Option<(&'v str, Option<&'v Value>)>,
    pub(super) payload: Option<(&'v str, Option<&'v Value>)>,
}

impl<'v> MapAccess<'v> for OneCase<'v> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'v>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some(case) = self.case.take() else { return Ok(None) };
        self.payload = Some(case);
        seed.deserialize(BorrowedStrDeserializer::new(case.0)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        let (name, payload) = self.payload.take().ok_or_else(|| ValueError::new("a value before its key"))?;
        Case { rust_name: name, name, payload }.newtype_variant_seed(seed)
    }
}

/// A case, for a Rust enum.
pub(super) struct Case<'v> {
    /// As Rust writes it.
    pub(super) rust_name: &'v str,
    pub(super) name: &'v str,
    pub(super) payload: Option<&'v Value>,
}

impl<'v> Case<'v> {
    fn payload(&self, expected: &str) -> Result<FromValue<'v>, ValueError> {
        let nothing = || ValueError::expected(expected, "nothing").within(self.step());
        self.payload.map(FromValue).ok_or_else(nothing)
    }

    fn step(&self) -> Step {
        Step::Case(self.name.to_owned())
    }
}

impl<'v> EnumAccess<'v> for Case<'v> {
    type Error = ValueError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<(T::Value, Self), ValueError> {
        seed.deserialize(BorrowedStrDeserializer::new(self.rust_name)).map(|case| (case, self))
    }
}

impl<'v> VariantAccess<'v> for Case<'v> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self.payload {
            None => Ok(()),
            Some(value) => Err(ValueError::expected("nothing", kind(value)).within(self.step())),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<T::Value, ValueError> {
        let made = match self.payload {
            Some(payload) => seed.deserialize(FromValue(payload)),
            None => seed.deserialize(Nothing),
        };
        made.map_err(|error| error.within(self.step()))
    }

    fn tuple_variant<V: Visitor<'v>>(self, length: usize, visitor: V) -> Result<V::Value, ValueError> {
        let made = self.payload("tuple")?.deserialize_tuple(length, visitor);
        made.map_err(|error| error.within(self.step()))
    }

    fn struct_variant<V: Visitor<'v>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let made = self.payload("record")?.deserialize_struct("", fields, visitor);
        made.map_err(|error| error.within(self.step()))
    }
}

/// The payload that a case does not have, which Rust writes `()`.
struct Nothing;

impl<'v> Deserializer<'v> for Nothing {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, ValueError> {
        Err(ValueError::invalid_type(Unexpected::Unit, &visitor))
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'v>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
