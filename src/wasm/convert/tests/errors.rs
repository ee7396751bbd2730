//! What is said of values that do not fit.

use serde::{Deserialize, Serialize};

use super::super::{Type, Value, check_all, from_value, from_wave, parse_arguments, to_value, to_values};
use super::support::{Shape, names, record, scalar, ty};

#[derive(Serialize, Deserialize, Debug)]
struct Point<T> {
    x: T,
    y: T,
}

fn point() -> Type {
    ty(record(&[("x", scalar("u32")), ("y", scalar("u32"))]))
}

#[track_caller]
fn refused<T: Serialize>(value: &T, ty: &Type, said: &str) {
    assert_eq!(to_value(value, ty).unwrap_err().to_string(), said);
}

#[test]
fn the_way_to_a_rust_value_that_does_not_fit_is_given() {
    let types = [ty(scalar("bool")), point()];
    let error = to_values(&(true, Point { x: "1", y: "2" }), &types).unwrap_err();
    assert_eq!(error.to_string(), "parameter 2, field `x`: expected u32, got string");

    let points = ty(Shape::List(record(&[("x", scalar("u32")), ("y", scalar("u32"))]).into()));
    refused(
        &[Point { x: 1, y: 2 }, Point { x: 1, y: -2 }],
        &points,
        "element 1, field `y`: expected u32, got -2",
    );
    let variant =
        ty(Shape::Variant(vec![("at".into(), Some(Shape::Tuple(vec![scalar("u8"), scalar("u8")])))]));
    #[derive(Serialize)]
    enum Place {
        At(u8, u16),
        Nowhere,
    }
    refused(&Place::At(1, 300), &variant, "case `at`, item 1: expected u8, got 300");
    refused(&Place::Nowhere, &variant, "no case `Nowhere`: there is `at`");
}

#[test]
fn what_is_expected_and_what_there_is_are_named() {
    refused(&1u8, &ty(scalar("string")), "expected string, got u8");
    refused(&1.5f64, &ty(scalar("s32")), "expected s32, got f64");
    refused(&0.1f64, &ty(scalar("f32")), "expected f32, got f64");
    refused(&1u8, &ty(scalar("f32")), "expected f32, got u8");
    refused(&"ab", &ty(scalar("char")), "expected char, got string");
    refused(&true, &ty(Shape::List(scalar("u8").into())), "expected list<u8>, got bool");
    refused(&Some(1), &ty(scalar("u8")), "expected u8, got option");
    refused(&(1, 2), &ty(Shape::Tuple(vec![scalar("u8")])), "expected 1 item, got 2");
    refused(&(), &point(), "expected record, got nothing");
    refused(&u128::MAX, &ty(scalar("bool")), "expected bool, got a larger integer");
    #[derive(Serialize)]
    struct Less {
        x: u8,
    }
    refused(&Less { x: 1 }, &point(), "field `y` is missing");
    #[derive(Serialize)]
    struct More {
        x: u8,
        y: u8,
        z: u8,
    }
    refused(&More { x: 1, y: 1, z: 1 }, &point(), "no field `z`: there is `x`, `y`");
    let flags = ty(Shape::Flags(names(&["a", "b"])));
    refused(&["a", "c"], &flags, "no flag `c`: there is `a`, `b`");
    refused(&["a", "a"], &flags, "flag `a` is set twice");
    let error = to_values(&(1, 2), &[ty(scalar("u8"))]).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 parameter, got 2");
    assert_eq!(to_values(&(), &[point()]).unwrap_err().to_string(), "expected 1 parameter, got 0");
}

#[test]
fn the_way_to_a_component_value_that_does_not_fit_is_given() {
    let point = |x: Value| Value::Record(vec![("x".into(), x), ("y".into(), Value::U32(2))]);
    let error = from_value::<Point<u32>>(&point(Value::String("a".into()))).unwrap_err();
    assert_eq!(error.to_string(), "field `x`: expected u32, got string");
    let list = Value::List(vec![point(Value::U32(1)), point(Value::U32(300))]);
    let error = from_value::<Vec<Point<u8>>>(&list).unwrap_err();
    assert_eq!(error.to_string(), "element 1, field `x`: expected u8, got 300");
    let error = from_value::<(u8,)>(&Value::Tuple(vec![Value::U8(1), Value::U8(2)])).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 item, got 2");
    let error = from_value::<Result<u8, String>>(&Value::Result(Ok(None))).unwrap_err();
    assert_eq!(error.to_string(), "case `ok`: expected u8, got nothing");
    let error = from_value::<Point<u8>>(&Value::Record(vec![])).unwrap_err();
    assert_eq!(error.to_string(), "field `x` is missing");
}

#[test]
fn a_dynamic_value_is_checked_before_the_call() {
    let types = [point(), ty(Shape::Option(scalar("u8").into()))];
    let record = |fields: &[(&str, Value)]| {
        Value::Record(fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
    };
    let check = |first: Value, second: Value| check_all(&[first, second], &types).map_err(|e| e.to_string());
    let [x, y] = [("x", Value::U32(1)), ("y", Value::U32(2))];
    let none = Value::Option(None);
    let sound = record(&[x.clone(), y.clone()]);
    assert_eq!(check(sound.clone(), none.clone()), Ok(()));
    for (first, second, said) in [
        (
            record(&[("x", Value::S32(1)), y.clone()]),
            none.clone(),
            "parameter 1, field `x`: expected u32, got s32",
        ),
        (
            record(&[y.clone(), x.clone()]),
            none.clone(),
            "parameter 1: expected field `x`, got `y`: fields have an order",
        ),
        (record(std::slice::from_ref(&x)), none.clone(), "parameter 1: field `y` is missing"),
        (
            record(&[x.clone(), y.clone(), y.clone()]),
            none.clone(),
            "parameter 1: no field `y`: there is `x`, `y`",
        ),
        (sound.clone(), Value::U8(1), "parameter 2: expected option<u8>, got u8"),
        (
            sound,
            Value::Option(Some(Box::new(Value::U16(1)))),
            "parameter 2, case `some`: expected u8, got u16",
        ),
    ] {
        assert_eq!(check(first, second), Err(said.to_owned()));
    }
    assert_eq!(check_all(&[], &types).unwrap_err().to_string(), "expected 2 parameters, got 0");
}

#[test]
fn what_is_wrong_with_a_text_is_pointed_at() {
    let types = [ty(scalar("bool")), point(), ty(Shape::Option(scalar("u8").into()))];
    let wrong = |text: &str, at: &str, said: &str| {
        let error = parse_arguments(text, &types).unwrap_err();
        assert_eq!((&text[error.at.clone()], &*error.error.to_string()), (at, said), "{text}");
    };
    wrong("(true, {x: \"a\", y: 1})", "\"a\"", "parameter 2, field `x`: expected u32, got string");
    wrong("(true, {x: -1, y: 1})", "-1", "parameter 2, field `x`: expected u32, got -1");
    wrong("(true, {x: 1.5, y: 1})", "1.5", "parameter 2, field `x`: expected u32, got 1.5");
    wrong("(true, {x: 1})", "{x: 1}", "parameter 2: field `y` is missing");
    wrong("(true, {x: 1, y: 1, z: 3})", "3", "parameter 2: no field `z`: there is `x`, `y`");
    wrong("(true, {x: 1, x: 1, y: 1})", "x", "duplicate field: \"x\"");
    wrong("(true)", "(true)", "expected 3 parameters, got 1");
    wrong("(true, {x: 1, y: 1}, none, 4)", "4", "expected 3 parameters, got 4");
    wrong("(yes, {x: 1, y: 1})", "yes", "parameter 1: expected bool, got a name");
    wrong("(true, {x: 1, y: 1}, some(300))", "300", "parameter 3, case `some`: expected u8, got 300");
    wrong("(true, {x: 1, y: 1}", "", "the text ends too early");
    wrong("(true, {x: 1, y: ;})", ";", "`;` is no part of a value");
    wrong("(true, {x: 1, y: 1}) 5", "5", "`5` comes after the end");
    // An option at the end may be left out, and `some` too.
    let some = Value::Option(Some(Box::new(Value::U8(3))));
    assert_eq!(parse_arguments("(true, {x: 1, y: 1})", &types).unwrap()[2], Value::Option(None));
    assert_eq!(parse_arguments("(true, {y: 1, x: 1}, 3)", &types).unwrap()[2], some);
}

#[test]
fn text_that_means_something_else_is_refused() {
    let float = ty(scalar("f32"));
    assert_eq!(from_wave("-inf", &float), Ok(Value::Float32(f32::NEG_INFINITY)));
    let error = from_wave("1e40", &float).unwrap_err();
    assert_eq!(error.to_string(), "expected f32, got 1e40 (at byte 0)");
    let string = ty(scalar("string"));
    assert!(from_wave(r#""\u{110000}""#, &string).is_err());
    assert!(from_wave(&"[".repeat(100_000), &ty(Shape::List(scalar("u8").into()))).is_err());
    let flags = ty(Shape::Flags(names(&["true", "b"])));
    assert_eq!(from_wave("{b, %true}", &flags), Ok(Value::Flags(names(&["b", "true"]))));
}
