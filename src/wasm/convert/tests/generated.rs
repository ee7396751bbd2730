//! Round trips of generated values of generated types: through a guest, through
//! WAVE, and through serde.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::super::{Value, check, from_wave, to_value, to_wave};
use super::support::{Echo, Shape};

/// Keywords of WAVE among them, and words that are alike.
const NAMES: [&str; 12] =
    ["a", "b", "some", "none", "ok", "err", "true", "nan", "max-bytes", "x1", "HTTP", "a-b-c"];

const SCALARS: [&str; 13] =
    ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"];

fn labels(max: usize) -> impl Strategy<Value = Vec<String>> {
    let labels = btree_set(select(&NAMES[..]), 1..=max);
    labels.prop_map(|labels: BTreeSet<&str>| labels.into_iter().map(str::to_owned).collect())
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaves = prop_oneof![
        6 => select(&SCALARS[..]).prop_map(Shape::Scalar),
        1 => labels(8).prop_map(Shape::Enum),
        1 => labels(8).prop_map(Shape::Flags),
    ];
    leaves.prop_recursive(3, 16, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Shape::List),
            boxed().prop_map(Shape::Option),
            vec(inner.clone(), 1..4).prop_map(Shape::Tuple),
            (option(boxed()), option(boxed())).prop_map(|(ok, err)| Shape::Result(ok, err)),
            (labels(4), vec(inner.clone(), 4))
                .prop_map(|(names, types)| Shape::Record(names.into_iter().zip(types).collect())),
            (labels(4), vec(option(inner.clone()), 4))
                .prop_map(|(names, types)| Shape::Variant(names.into_iter().zip(types).collect())),
        ]
    })
}

fn option<S: Strategy>(of: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    (any::<bool>(), of).prop_map(|(is_some, value)| is_some.then_some(value))
}

/// Values of a shape.
fn values(shape: &Shape) -> BoxedStrategy<Value> {
    match shape {
        Shape::Scalar("bool") => any::<bool>().prop_map(Value::Bool).boxed(),
        Shape::Scalar("s8") => any::<i8>().prop_map(Value::S8).boxed(),
        Shape::Scalar("u8") => any::<u8>().prop_map(Value::U8).boxed(),
        Shape::Scalar("s16") => any::<i16>().prop_map(Value::S16).boxed(),
        Shape::Scalar("u16") => any::<u16>().prop_map(Value::U16).boxed(),
        Shape::Scalar("s32") => any::<i32>().prop_map(Value::S32).boxed(),
        Shape::Scalar("u32") => any::<u32>().prop_map(Value::U32).boxed(),
        Shape::Scalar("s64") => any::<i64>().prop_map(Value::S64).boxed(),
        Shape::Scalar("u64") => any::<u64>().prop_map(Value::U64).boxed(),
        Shape::Scalar("f32") => proptest::num::f32::ANY.prop_map(Value::Float32).boxed(),
        Shape::Scalar("f64") => proptest::num::f64::ANY.prop_map(Value::Float64).boxed(),
        Shape::Scalar("char") => any::<char>().prop_map(Value::Char).boxed(),
        Shape::Scalar("string") => {
            vec(any::<char>(), 0..8).prop_map(|chars| Value::String(chars.into_iter().collect())).boxed()
        }
        Shape::Scalar(other) => unreachable!("{other}"),
        Shape::List(of) => vec(values(of), 0..4).prop_map(Value::List).boxed(),
        Shape::Option(of) => option(boxed(of)).prop_map(Value::Option).boxed(),
        Shape::Tuple(items) => items.iter().map(values).collect::<Vec<_>>().prop_map(Value::Tuple).boxed(),
        Shape::Result(ok, err) => {
            let ok = payload(ok.as_deref()).prop_map(|value| Value::Result(Ok(value)));
            let err = payload(err.as_deref()).prop_map(|value| Value::Result(Err(value)));
            prop_oneof![ok, err].boxed()
        }
        Shape::Record(fields) => {
            let (names, shapes): (Vec<_>, Vec<_>) = fields.iter().cloned().unzip();
            let values = shapes.iter().map(values).collect::<Vec<_>>();
            values.prop_map(move |values| Value::Record(names.iter().cloned().zip(values).collect())).boxed()
        }
        Shape::Variant(cases) => {
            let case = |(name, shape): &(String, Option<Shape>)| {
                let name = name.clone();
                payload(shape.as_ref()).prop_map(move |value| Value::Variant(name.clone(), value)).boxed()
            };
            let cases: Vec<_> = cases.iter().map(case).collect();
            proptest::strategy::Union::new(cases).boxed()
        }
        Shape::Enum(names) => select(names.clone()).prop_map(Value::Enum).boxed(),
        Shape::Flags(names) => subsequence(names.clone(), 0..=names.len()).prop_map(Value::Flags).boxed(),
    }
}

fn boxed(shape: &Shape) -> BoxedStrategy<Box<Value>> {
    values(shape).prop_map(Box::new).boxed()
}

fn payload(shape: Option<&Shape>) -> BoxedStrategy<Option<Box<Value>>> {
    match shape {
        Some(shape) => boxed(shape).prop_map(Some).boxed(),
        None => Just(None).boxed(),
    }
}

/// A shape, some values of it, and a place where one of them is to be spoiled.
fn cases() -> impl Strategy<Value = (Shape, Vec<Value>, Index)> {
    shapes().prop_flat_map(|shape| (Just(shape.clone()), vec(values(&shape), 1..8), any::<Index>()))
}

/// A value in which one part is of another type, and how many parts there are.
fn spoil(value: &mut Value, at: &mut usize) -> bool {
    let parts: Vec<&mut Value> = match value {
        Value::List(values) | Value::Tuple(values) => values.iter_mut().collect(),
        Value::Record(fields) => fields.iter_mut().map(|(_, value)| value).collect(),
        Value::Variant(_, payload) | Value::Option(payload) => payload.as_deref_mut().into_iter().collect(),
        Value::Result(Ok(payload) | Err(payload)) => payload.as_deref_mut().into_iter().collect(),
        _ => Vec::new(),
    };
    for part in parts {
        if spoil(part, at) {
            return true;
        }
    }
    if *at == 0 {
        // No shape has a payload of this type, nor a name like this.
        *value = Value::Enum("spoilt".into());
        return true;
    }
    *at -= 1;
    false
}

fn parts(value: &Value) -> usize {
    (0..).find(|at| !spoil(&mut value.clone(), &mut { *at })).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_comes_back_as_it_went((shape, values, spoilt) in cases()) {
        let mut echo = Echo::new(std::slice::from_ref(&shape));
        let ty = echo.ty(0);
        for value in &values {
            prop_assert_eq!(check(value, &ty), Ok(()));
            // Through a guest.
            prop_assert_eq!(&echo.call(0, value), value);
            // Through text.
            let text = to_wave(value, &ty).unwrap();
            prop_assert_eq!(&from_wave(&text, &ty).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?, value);
        }
        // Through serde, and a map of names to anything.
        for value in &values {
            let any: AnyValue = super::super::from_value(value).unwrap();
            let back = to_value(&any, &ty);
            prop_assert_eq!(back.as_ref(), Ok(value), "{:?}", any);
        }
        // What is wrong anywhere in it is found before a call.
        let mut wrong = values[0].clone();
        let at = spoilt.index(parts(&wrong));
        let mut left = at;
        prop_assert!(spoil(&mut wrong, &mut left));
        prop_assert!(check(&wrong, &ty).is_err(), "{:?} passes for {:?}", wrong, shape);
    }
}

/// Whatever serde can carry: what a program has that knows no types.
#[derive(Debug)]
enum AnyValue {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Narrow(f32),
    Char(char),
    Text(String),
    None,
    Some(Box<AnyValue>),
    Unit,
    Seq(Vec<AnyValue>),
    Map(Vec<(String, AnyValue)>),
}

impl serde::Serialize for AnyValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Narrow(value) => serializer.serialize_f32(*value),
            Self::Char(value) => serializer.serialize_char(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::None => serializer.serialize_none(),
            Self::Some(value) => serializer.serialize_some(value),
            Self::Unit => serializer.serialize_unit(),
            Self::Seq(values) => serializer.collect_seq(values),
            Self::Map(entries) => serializer.collect_map(entries.iter().map(|(name, value)| (name, value))),
        }
    }
}

impl<'de> serde::Deserialize<'de> for AnyValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> serde::de::Visitor<'de> for Any {
            type Value = AnyValue;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }

            fn visit_bool<E>(self, value: bool) -> Result<AnyValue, E> {
                Ok(AnyValue::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<AnyValue, E> {
                Ok(AnyValue::Signed(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<AnyValue, E> {
                Ok(AnyValue::Unsigned(value))
            }

            fn visit_f32<E>(self, value: f32) -> Result<AnyValue, E> {
                Ok(AnyValue::Narrow(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<AnyValue, E> {
                Ok(AnyValue::Float(value))
            }

            fn visit_char<E>(self, value: char) -> Result<AnyValue, E> {
                Ok(AnyValue::Char(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<AnyValue, E> {
                Ok(AnyValue::Text(value.to_owned()))
            }

            fn visit_none<E>(self) -> Result<AnyValue, E> {
                Ok(AnyValue::None)
            }

            fn visit_some<D: serde::Deserializer<'de>>(self, value: D) -> Result<AnyValue, D::Error> {
                serde::Deserialize::deserialize(value).map(|value| AnyValue::Some(Box::new(value)))
            }

            fn visit_unit<E>(self) -> Result<AnyValue, E> {
                Ok(AnyValue::Unit)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut parts: A) -> Result<AnyValue, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = parts.next_element()? {
                    values.push(value);
                }
                Ok(AnyValue::Seq(values))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<AnyValue, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(AnyValue::Map(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
