//! Rust types of one's own, both ways, and through a guest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::{Type, Value, from_value, to_value, to_values};
use super::support::{Echo, Shape, names, record, scalar, ty};

/// There and back: as a value it is this.
#[track_caller]
fn round_trip<T>(rust: &T, ty: &Type, value: &Value)
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug,
{
    assert_eq!(&to_value(rust, ty).unwrap(), value);
    assert_eq!(&from_value::<T>(value).unwrap(), rust);
}

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn fields(fields: &[(&str, Value)]) -> Value {
    Value::Record(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    max_bytes: u32,
    note: Option<String>,
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line(String, f32);

fn order_shape() -> Shape {
    record(&[
        ("id", scalar("u64")),
        ("max-bytes", scalar("u32")),
        ("note", Shape::Option(scalar("string").into())),
        ("lines", Shape::List(Shape::Tuple(vec![scalar("string"), scalar("f32")]).into())),
    ])
}

#[test]
fn a_struct_is_a_record() {
    let order = Order { id: 7, max_bytes: 9, note: None, lines: vec![Line("a".into(), 0.5)] };
    let line = Value::Tuple(vec![string("a"), Value::Float32(0.5)]);
    let value = fields(&[
        ("id", Value::U64(7)),
        ("max-bytes", Value::U32(9)),
        ("note", Value::Option(None)),
        ("lines", Value::List(vec![line])),
    ]);
    round_trip(&order, &ty(order_shape()), &value);
}

#[test]
fn the_order_of_fields_is_that_of_the_type() {
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Backwards {
        max_bytes: u32,
        id: u64,
    }
    let ty = ty(record(&[
        ("id", scalar("u64")),
        ("left-out", Shape::Option(scalar("u8").into())),
        ("max-bytes", scalar("u32")),
    ]));
    let value =
        fields(&[("id", Value::U64(1)), ("left-out", Value::Option(None)), ("max-bytes", Value::U32(2))]);
    round_trip(&Backwards { max_bytes: 2, id: 1 }, &ty, &value);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shipment {
    NotYet,
    ByPost(String),
    ByShip { name: String, berth: u8 },
    Split(u8, u8),
}

#[test]
fn an_enum_is_a_variant() {
    let ty = ty(Shape::Variant(vec![
        ("not-yet".into(), None),
        ("by-post".into(), Some(scalar("string"))),
        ("by-ship".into(), Some(record(&[("name", scalar("string")), ("berth", scalar("u8"))]))),
        ("split".into(), Some(Shape::Tuple(vec![scalar("u8"), scalar("u8")]))),
    ]));
    let case = |name: &str, payload: Option<Value>| Value::Variant(name.into(), payload.map(Box::new));
    round_trip(&Shipment::NotYet, &ty, &case("not-yet", None));
    round_trip(&Shipment::ByPost("x".into()), &ty, &case("by-post", Some(string("x"))));
    let ship = fields(&[("name", string("Ada")), ("berth", Value::U8(3))]);
    round_trip(&Shipment::ByShip { name: "Ada".into(), berth: 3 }, &ty, &case("by-ship", Some(ship)));
    let split = Value::Tuple(vec![Value::U8(1), Value::U8(2)]);
    round_trip(&Shipment::Split(1, 2), &ty, &case("split", Some(split)));
}

#[test]
fn options_results_enums_and_maps_are_what_they_are_in_rust() {
    let nested = ty(Shape::Option(Shape::Option(scalar("u8").into()).into()));
    let some = |value| Value::Option(Some(Box::new(value)));
    round_trip(&Some(Some(1u8)), &nested, &some(some(Value::U8(1))));
    round_trip(&Some(None::<u8>), &nested, &some(Value::Option(None)));
    round_trip(&None::<Option<u8>>, &nested, &Value::Option(None));

    let result = ty(Shape::Result(None, Some(scalar("string").into())));
    round_trip(&Ok::<(), String>(()), &result, &Value::Result(Ok(None)));
    round_trip(&Err::<(), _>("no".to_owned()), &result, &Value::Result(Err(Some(Box::new(string("no"))))));

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Level {
        Low,
        VeryHigh,
    }
    let level = ty(Shape::Enum(names(&["low", "very-high"])));
    round_trip(&Level::VeryHigh, &level, &Value::Enum("very-high".into()));
    assert_eq!(to_value("low", &level), Ok(Value::Enum("low".into())));

    let map = ty(Shape::List(Shape::Tuple(vec![scalar("string"), scalar("s16")]).into()));
    let pair = |name, value| Value::Tuple(vec![string(name), Value::S16(value)]);
    let rust = BTreeMap::from([("a".to_owned(), 1i16), ("b".to_owned(), -1)]);
    round_trip(&rust, &map, &Value::List(vec![pair("a", 1), pair("b", -1)]));
}

#[test]
fn flags_are_a_struct_of_bools_or_a_list_of_names() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct May {
        read: bool,
        write_all: bool,
    }
    let ty = ty(Shape::Flags(names(&["read", "write-all"])));
    let value = Value::Flags(vec!["write-all".into()]);
    round_trip(&May { read: false, write_all: true }, &ty, &value);
    round_trip(&vec!["write-all".to_owned()], &ty, &value);
}

#[test]
fn numbers_pass_by_value() {
    let u8 = ty(scalar("u8"));
    assert_eq!(to_value(&7i64, &u8), Ok(Value::U8(7)));
    assert_eq!(from_value::<i128>(&Value::U8(7)), Ok(7));
    assert_eq!(to_value(&0.5f64, &ty(scalar("f32"))), Ok(Value::Float32(0.5)));
    assert_eq!(to_value(&0.5f32, &ty(scalar("f64"))), Ok(Value::Float64(0.5)));
    assert_eq!(from_value::<f32>(&Value::Float64(0.5)), Ok(0.5));
    assert!(matches!(to_value(&f64::NAN, &ty(scalar("f32"))), Ok(Value::Float32(nan)) if nan.is_nan()));
}

#[test]
fn json_knows_enough() {
    let json: serde_json::Value =
        serde_json::from_str(r#"{"id": 7, "max_bytes": 9, "note": null, "lines": [["a", 0.5]]}"#).unwrap();
    let value = to_value(&json, &ty(order_shape())).unwrap();
    let order: Order = from_value(&value).unwrap();
    assert_eq!(order, Order { id: 7, max_bytes: 9, note: None, lines: vec![Line("a".into(), 0.5)] });
    let json: serde_json::Value = from_value(&value).unwrap();
    assert_eq!(json["max-bytes"], 9);
}

#[test]
fn rust_values_go_through_a_guest_and_back() {
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Padded {
        value: Order,
        #[serde(flatten)]
        pads: BTreeMap<String, u64>,
    }
    let mut echo = Echo::new(&[order_shape()]);
    let function = echo.function(0);
    let pads = (0..17).map(|pad| (format!("pad{pad}"), pad)).collect();
    let order = Order { id: u64::MAX, max_bytes: 1, note: Some("ü".into()), lines: vec![] };
    let given = (Padded { value: order, pads },);
    let back: Padded = echo.instance.call(&function, &given).unwrap();
    assert_eq!(back, given.0);
}

#[test]
fn arguments_are_a_tuple_and_unit_is_none() {
    let types = [ty(scalar("u8")), ty(scalar("string"))];
    assert_eq!(to_values(&(1, "a"), &types), Ok(vec![Value::U8(1), string("a")]));
    assert_eq!(to_values(&(), &[]), Ok(vec![]));
}
