//! Does a value have a type? Asked before a call, so that the answer says where not.

use wasmtime::component::wasm_wave::wasm::DisplayType;

use super::error::{Step, ValueError, listed};
use super::{Type, Value};

/// A type as an error names it: short, without the content of records and variants.
pub(in crate::wasm) fn describe(ty: &Type) -> String {
    let or_none = |ty: Option<Type>| ty.map_or_else(|| "_".into(), |ty| describe(&ty));
    match ty {
        Type::List(list) => format!("list<{}>", describe(&list.ty())),
        Type::FixedLengthList(list) => format!("list<{}, {}>", describe(&list.ty()), list.len()),
        Type::Option(option) => format!("option<{}>", describe(&option.ty())),
        Type::Tuple(tuple) => {
            let items: Vec<_> = tuple.types().map(|ty| describe(&ty)).collect();
            format!("tuple<{}>", items.join(", "))
        }
        Type::Result(result) => match (result.ok(), result.err()) {
            (None, None) => "result".into(),
            (ok, None) => format!("result<{}>", or_none(ok)),
            (ok, err) => format!("result<{}, {}>", or_none(ok), or_none(err)),
        },
        Type::Record(_) => "record".into(),
        Type::Variant(_) => "variant".into(),
        Type::Enum(_) => "enum".into(),
        Type::Flags(_) => "flags".into(),
        Type::Own(_) | Type::Borrow(_) => "resource".into(),
        Type::Stream(_) => "stream".into(),
        Type::Future(_) => "future".into(),
        Type::ErrorContext => "error-context".into(),
        Type::Map(_) => "map".into(),
        scalar => DisplayType(scalar).to_string(),
    }
}

/// What a value is, as far as it knows itself.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::S8(_) => "s8",
        Value::U8(_) => "u8",
        Value::S16(_) => "s16",
        Value::U16(_) => "u16",
        Value::S32(_) => "s32",
        Value::U32(_) => "u32",
        Value::S64(_) => "s64",
        Value::U64(_) => "u64",
        Value::Float32(_) => "f32",
        Value::Float64(_) => "f64",
        Value::Char(_) => "char",
        Value::String(_) => "string",
        Value::List(_) | Value::FixedLengthList(_) => "list",
        Value::Map(_) => "map",
        Value::Record(_) => "record",
        Value::Tuple(_) => "tuple",
        Value::Variant(..) => "variant",
        Value::Enum(_) => "enum",
        Value::Option(_) => "option",
        Value::Result(_) => "result",
        Value::Flags(_) => "flags",
        Value::Resource(_) => "resource",
        Value::Future(_) => "future",
        Value::Stream(_) => "stream",
        Value::ErrorContext(_) => "error-context",
    }
}

/// A handle somewhere in a type, or another thing that no plain value can be.
pub(in crate::wasm) fn handle_in(ty: &Type) -> Option<String> {
    match ty {
        Type::List(list) => handle_in(&list.ty()),
        Type::Option(option) => handle_in(&option.ty()),
        Type::Tuple(tuple) => tuple.types().find_map(|ty| handle_in(&ty)),
        Type::Record(record) => record.fields().find_map(|field| handle_in(&field.ty)),
        Type::Variant(variant) => variant.cases().find_map(|case| handle_in(&case.ty?)),
        Type::Result(result) => [result.ok(), result.err()].iter().flatten().find_map(handle_in),
        Type::Own(_)
        | Type::Borrow(_)
        | Type::Stream(_)
        | Type::Future(_)
        | Type::ErrorContext
        | Type::Map(_)
        | Type::FixedLengthList(_) => Some(describe(ty)),
        _ => None,
    }
}

/// Does this value have this type?
///
/// # Errors
/// Where it does not, and what is expected there.
pub fn check(value: &Value, ty: &Type) -> Result<(), ValueError> {
    match (value, ty) {
        (Value::Bool(_), Type::Bool)
        | (Value::S8(_), Type::S8)
        | (Value::U8(_), Type::U8)
        | (Value::S16(_), Type::S16)
        | (Value::U16(_), Type::U16)
        | (Value::S32(_), Type::S32)
        | (Value::U32(_), Type::U32)
        | (Value::S64(_), Type::S64)
        | (Value::U64(_), Type::U64)
        | (Value::Float32(_), Type::Float32)
        | (Value::Float64(_), Type::Float64)
        | (Value::Char(_), Type::Char)
        | (Value::String(_), Type::String) => Ok(()),
        (Value::List(values), Type::List(list)) => {
            let ty = list.ty();
            let mut values = values.iter().enumerate();
            values.try_for_each(|(at, value)| check(value, &ty).map_err(|e| e.within(Step::Element(at))))
        }
        (Value::Record(values), Type::Record(record)) => check_record(values, record),
        (Value::Tuple(values), Type::Tuple(tuple)) => {
            if values.len() != tuple.types().len() {
                return Err(count(tuple.types().len(), values.len(), "items"));
            }
            let mut items = values.iter().zip(tuple.types()).enumerate();
            items.try_for_each(|(at, (value, ty))| check(value, &ty).map_err(|e| e.within(Step::Item(at))))
        }
        (Value::Variant(name, payload), Type::Variant(variant)) => {
            let Some(case) = variant.cases().find(|case| case.name == name) else {
                return Err(no_case(name, variant.cases().map(|case| case.name)));
            };
            check_payload(payload.as_deref(), case.ty.as_ref(), name)
        }
        (Value::Enum(name), Type::Enum(cases)) => {
            let found = cases.names().any(|case| case == name);
            if found { Ok(()) } else { Err(no_case(name, cases.names())) }
        }
        (Value::Option(None), Type::Option(_)) => Ok(()),
        (Value::Option(Some(value)), Type::Option(option)) => {
            check_payload(Some(value), Some(&option.ty()), "some")
        }
        (Value::Result(Ok(value)), Type::Result(result)) => {
            check_payload(value.as_deref(), result.ok().as_ref(), "ok")
        }
        (Value::Result(Err(value)), Type::Result(result)) => {
            check_payload(value.as_deref(), result.err().as_ref(), "err")
        }
        (Value::Flags(names), Type::Flags(flags)) => check_flags(names, flags),
        _ => Err(ValueError::expected(describe(ty), kind(value))),
    }
}

/// Do these values have these types, one each?
///
/// # Errors
/// Which does not; or how many there should be.
pub fn check_all(values: &[Value], types: &[Type]) -> Result<(), ValueError> {
    if values.len() != types.len() {
        return Err(count(types.len(), values.len(), "parameters"));
    }
    let mut pairs = values.iter().zip(types).enumerate();
    pairs.try_for_each(|(at, (value, ty))| check(value, ty).map_err(|e| e.within(Step::Parameter(at + 1))))
}

/// So many were expected, and so many there are.
pub(super) fn count(expected: usize, got: usize, what: &str) -> ValueError {
    let what = if expected == 1 { what.trim_end_matches('s') } else { what };
    ValueError::new(format!("expected {expected} {what}, got {got}"))
}

pub(super) fn no_case<'a>(name: &str, cases: impl Iterator<Item = &'a str>) -> ValueError {
    ValueError::new(format!("no case `{name}`: there is {}", listed(cases)))
}

fn check_record(
    values: &[(String, Value)],
    ty: &wasmtime::component::types::Record,
) -> Result<(), ValueError> {
    let mut fields = ty.fields();
    for (at, (name, value)) in values.iter().enumerate() {
        // wasmtime wants them in the order of the type.
        match fields.next() {
            Some(field) if field.name == name => {
                check(value, &field.ty).map_err(|e| e.within(Step::Field(name.clone())))?;
            }
            Some(field) if values[at..].iter().any(|(name, _)| name == field.name) => {
                return Err(match ty.fields().any(|field| field.name == name) {
                    true => ValueError::new(format!(
                        "expected field `{}`, got `{name}`: fields have an order",
                        field.name
                    )),
                    false => no_field(name, ty),
                });
            }
            Some(field) => return Err(missing_field(field.name)),
            None => return Err(no_field(name, ty)),
        }
    }
    fields.next().map_or(Ok(()), |field| Err(missing_field(field.name)))
}

pub(super) fn missing_field(name: &str) -> ValueError {
    ValueError::new(format!("field `{name}` is missing"))
}

pub(super) fn no_field(name: &str, ty: &wasmtime::component::types::Record) -> ValueError {
    ValueError::new(format!("no field `{name}`: there is {}", listed(ty.fields().map(|field| field.name))))
}

fn check_payload(value: Option<&Value>, ty: Option<&Type>, case: &str) -> Result<(), ValueError> {
    match (value, ty) {
        (None, None) => Ok(()),
        (Some(value), Some(ty)) => check(value, ty).map_err(|e| e.within(Step::Case(case.to_owned()))),
        (value, ty) => Err(wrong_payload(ty, value.map_or("nothing", kind), case)),
    }
}

/// A payload where there is none, or none where there is one.
pub(super) fn wrong_payload(ty: Option<&Type>, got: &str, case: &str) -> ValueError {
    let expected = ty.map_or_else(|| "nothing".into(), describe);
    ValueError::expected(expected, got).within(Step::Case(case.to_owned()))
}

fn check_flags(names: &[String], ty: &wasmtime::component::types::Flags) -> Result<(), ValueError> {
    for (at, name) in names.iter().enumerate() {
        if !ty.names().any(|flag| flag == name) {
            return Err(no_flag(name, ty));
        }
        if names[..at].contains(name) {
            return Err(ValueError::new(format!("flag `{name}` is set twice")));
        }
    }
    Ok(())
}

pub(super) fn no_flag(name: &str, ty: &wasmtime::component::types::Flags) -> ValueError {
    ValueError::new(format!("no flag `{name}`: there is {}", listed(ty.names())))
}
