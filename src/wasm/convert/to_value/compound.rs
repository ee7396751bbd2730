//! Values of several parts, as serde hands them over: one after the other.

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use wasmtime::component::types;

use super::super::check::{count, missing_field, no_field, no_flag};
use super::{
    Made, Somes, Step, ToValue, Type, Value, ValueError, Wanted, case_of, describe, made_case, names,
};

/// A length is only what somebody says: a wrong one must not allocate.
const CAPACITY_MAX: usize = 4096;

/// A list, a tuple, the parameters of a function, or the names of flags.
pub(super) struct Sequence {
    kind: Kind,
    values: Vec<Value>,
    somes: Somes,
}

enum Kind {
    List(Type),
    Tuple(Vec<Type>),
    Parameters(Vec<Type>),
    Flags(types::Flags, Vec<String>),
}

impl Sequence {
    pub(super) fn open(
        wanted: Wanted,
        length: Option<usize>,
        somes: Somes,
        got: &str,
    ) -> Result<Self, ValueError> {
        let kind = match wanted {
            Wanted::Type(Type::List(list)) => Kind::List(list.ty()),
            Wanted::Type(Type::Tuple(tuple)) => Kind::Tuple(tuple.types().collect()),
            Wanted::Type(Type::Flags(flags)) => Kind::Flags(flags, Vec::new()),
            Wanted::Parameters(types) => Kind::Parameters(types),
            wanted => return Err(ValueError::expected(describe(&wanted), got)),
        };
        let this = Self { kind, values: Vec::with_capacity(length.unwrap_or(0).min(CAPACITY_MAX)), somes };
        // Of how many there are, rather than of the first one too many.
        length.map_or(Ok(()), |length| this.check_count(length))?;
        Ok(this)
    }

    fn check_count(&self, got: usize) -> Result<(), ValueError> {
        match &self.kind {
            Kind::Tuple(types) if types.len() != got => Err(count(types.len(), got, "items")),
            Kind::Parameters(types) if types.len() != got => Err(count(types.len(), got, "parameters")),
            _ => Ok(()),
        }
    }

    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let at = self.values.len();
        let (ty, step): (_, fn(usize) -> Step) = match &mut self.kind {
            Kind::List(ty) => (Some(ty.clone()), Step::Element),
            Kind::Tuple(types) => (types.get(at).cloned(), Step::Item),
            Kind::Parameters(types) => (types.get(at).cloned(), |at| Step::Parameter(at + 1)),
            Kind::Flags(flags, names) => return add_flag(flags, names, value),
        };
        let Some(ty) = ty else { return self.check_count(at + 1) };
        let value = value.serialize(ToValue::from(ty)).map_err(|error| error.within(step(at)))?;
        self.values.push(value);
        Ok(())
    }

    fn close(self) -> Made {
        self.check_count(self.values.len())?;
        Ok(self.somes.around(match self.kind {
            Kind::List(_) => Value::List(self.values),
            Kind::Tuple(_) | Kind::Parameters(_) => Value::Tuple(self.values),
            Kind::Flags(_, names) => Value::Flags(names),
        }))
    }
}

fn add_flag<T: Serialize + ?Sized>(
    ty: &types::Flags,
    names: &mut Vec<String>,
    name: &T,
) -> Result<(), ValueError> {
    let at = names.len();
    match name.serialize(ToValue::from(Type::String)) {
        Ok(Value::String(name)) => {
            let flag = flag_of(ty, &name)?;
            if names.contains(&flag) {
                return Err(ValueError::new(format!("flag `{flag}` is set twice")));
            }
            names.push(flag);
            Ok(())
        }
        Ok(_) => unreachable!("a string was wanted"),
        Err(error) => Err(error.within(Step::Element(at))),
    }
}

/// The flag of this name, as its type writes it.
fn flag_of(ty: &types::Flags, name: &str) -> Result<String, ValueError> {
    let exact = ty.names().find(|flag| *flag == name);
    let found = exact.or_else(|| ty.names().find(|flag| names::same(flag, name)));
    Ok(found.ok_or_else(|| no_flag(name, ty))?.to_owned())
}

/// A record by its fields, or flags by whether they are set.
pub(super) struct Fields {
    kind: FieldsKind,
    somes: Somes,
}

enum FieldsKind {
    Record(Record),
    Flags(types::Flags, Vec<String>),
}

/// A record that is being filled, in the order of its type.
struct Record {
    ty: types::Record,
    /// Names, and values where there is one already.
    values: Vec<(String, Value)>,
    /// What is still wanted: none where there is a value.
    types: Vec<Option<Type>>,
    /// The field that comes next, if Rust and WIT have the same order.
    next: usize,
}

impl Record {
    fn new(ty: types::Record) -> Self {
        let fields = ty.fields();
        let mut values = Vec::with_capacity(fields.len());
        let mut types = Vec::with_capacity(fields.len());
        for field in fields {
            values.push((field.name.to_owned(), Value::Bool(false)));
            types.push(Some(field.ty));
        }
        Self { ty, values, types, next: 0 }
    }

    fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), ValueError> {
        let index = names::find(name, self.values.iter().map(|(name, _)| name.as_str()), self.next)
            .ok_or_else(|| no_field(name, &self.ty))?;
        let (name, slot) = &mut self.values[index];
        let Some(ty) = self.types[index].take() else {
            return Err(ValueError::new(format!("field `{name}` is given twice")));
        };
        *slot =
            value.serialize(ToValue::from(ty)).map_err(|error| error.within(Step::Field(name.clone())))?;
        self.next = index + 1;
        Ok(())
    }

    fn close(mut self) -> Made {
        for ((name, slot), ty) in self.values.iter_mut().zip(self.types) {
            match ty {
                None => {}
                // What is left out is none, as in JSON.
                Some(Type::Option(_)) => *slot = Value::Option(None),
                Some(_) => return Err(missing_field(name)),
            }
        }
        Ok(Value::Record(self.values))
    }
}

impl Fields {
    pub(super) fn open(wanted: Wanted, somes: Somes) -> Result<Self, ValueError> {
        let kind = match wanted {
            Wanted::Type(Type::Record(record)) => FieldsKind::Record(Record::new(record)),
            Wanted::Type(Type::Flags(flags)) => FieldsKind::Flags(flags, Vec::new()),
            wanted => return Err(ValueError::expected(describe(&wanted), "record")),
        };
        Ok(Self { kind, somes })
    }

    fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), ValueError> {
        match &mut self.kind {
            FieldsKind::Record(record) => record.add(name, value),
            FieldsKind::Flags(flags, names) => {
                let flag = flag_of(flags, name)?;
                match value.serialize(ToValue::from(Type::Bool)) {
                    Ok(Value::Bool(true)) => names.push(flag),
                    Ok(_) => {}
                    Err(error) => return Err(error.within(Step::Field(flag))),
                }
                Ok(())
            }
        }
    }

    fn close(self) -> Made {
        let value = match self.kind {
            FieldsKind::Record(record) => record.close()?,
            FieldsKind::Flags(_, names) => Value::Flags(names),
        };
        Ok(self.somes.around(value))
    }
}

/// A map, which is a record, a list of pairs, or a case by its name.
pub(super) struct Entries {
    kind: EntriesKind,
    /// The key whose value comes next.
    key: Option<Value>,
    somes: Somes,
}

enum EntriesKind {
    Record(Record),
    Pairs { key: Type, value: Type, pairs: Vec<Value> },
    Case { wanted: Wanted, made: Option<Value> },
}

impl Entries {
    pub(super) fn open(wanted: Wanted, somes: Somes) -> Result<Self, ValueError> {
        let kind = match wanted {
            Wanted::Type(Type::Record(record)) => EntriesKind::Record(Record::new(record)),
            Wanted::Type(Type::Variant(_) | Type::Result(_)) => EntriesKind::Case { wanted, made: None },
            Wanted::Type(Type::List(list)) => {
                let Some((key, value)) = pair(&list.ty()) else {
                    return Err(ValueError::expected(describe(&Wanted::Type(Type::List(list))), "map"));
                };
                EntriesKind::Pairs { key, value, pairs: Vec::new() }
            }
            wanted => return Err(ValueError::expected(describe(&wanted), "map")),
        };
        Ok(Self { kind, key: None, somes })
    }

    fn add_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        match (&mut self.kind, self.key.take()) {
            (_, None) => Err(ValueError::new("a map has a value without a key")),
            (EntriesKind::Pairs { value: ty, pairs, .. }, Some(key)) => {
                let at = pairs.len();
                let value = value.serialize(ToValue::from(ty.clone()));
                let value = value.map_err(|e| e.within(Step::Item(1)).within(Step::Element(at)))?;
                pairs.push(Value::Tuple(vec![key, value]));
                Ok(())
            }
            (EntriesKind::Record(record), Some(Value::String(name))) => record.add(&name, value),
            (EntriesKind::Case { wanted, made: made @ None }, Some(Value::String(name))) => {
                *made = Some(super::case(wanted, &name, Some(value))?);
                Ok(())
            }
            (_, Some(key)) => Err(ValueError::new(format!("expected one case, got another one: {key:?}"))),
        }
    }
}

/// The types of a pair.
fn pair(ty: &Type) -> Option<(Type, Type)> {
    let Type::Tuple(tuple) = ty else { return None };
    let mut types = tuple.types();
    match (types.next(), types.next(), types.next()) {
        (Some(first), Some(second), None) => Some((first, second)),
        _ => None,
    }
}

/// The payload of a case that has several parts.
pub(super) struct Payload<C> {
    within: C,
    ty: Type,
    case: String,
    somes: Somes,
}

impl<C> Payload<C> {
    pub(super) fn open(
        outer: ToValue,
        name: &str,
        open: impl FnOnce(ToValue) -> Result<C, ValueError>,
    ) -> Result<Self, ValueError> {
        let (wanted, somes) = outer.peel();
        let (ty, case, payload) = case_of(&wanted, name)?;
        let payload = payload.map_or(Wanted::Nothing, Wanted::Type);
        let within = open(ToValue(payload)).map_err(|error| error.within(Step::Case(case.clone())))?;
        Ok(Self { within, ty: ty.clone(), case, somes })
    }

    fn within<T>(&mut self, act: impl FnOnce(&mut C) -> Result<T, ValueError>) -> Result<T, ValueError> {
        act(&mut self.within).map_err(|error| error.within(Step::Case(self.case.clone())))
    }

    fn close(self, close: impl FnOnce(C) -> Made) -> Made {
        let payload = close(self.within).map_err(|error| error.within(Step::Case(self.case.clone())))?;
        Ok(self.somes.around(made_case(&self.ty, self.case, Some(payload))))
    }
}

macro_rules! sequence {
    ($($trait:ident, $add:ident;)*) => {$(
        impl $trait for Sequence {
            type Ok = Value;
            type Error = ValueError;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
                self.add(value)
            }

            fn end(self) -> Made {
                self.close()
            }
        }
    )*};
}

sequence! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
}

impl SerializeStruct for Fields {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.add(name, value)
    }

    fn end(self) -> Made {
        self.close()
    }
}

impl SerializeTupleVariant for Payload<Sequence> {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.within(|sequence| sequence.add(value))
    }

    fn end(self) -> Made {
        self.close(Sequence::close)
    }
}

impl SerializeStructVariant for Payload<Fields> {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.within(|fields| fields.add(name, value))
    }

    fn end(self) -> Made {
        self.close(Fields::close)
    }
}

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        let key = match &self.kind {
            EntriesKind::Pairs { key: ty, pairs, .. } => {
                let at = pairs.len();
                let key = key.serialize(ToValue::from(ty.clone()));
                key.map_err(|e| e.within(Step::Item(0)).within(Step::Element(at)))?
            }
            _ => key.serialize(ToValue::from(Type::String))?,
        };
        self.key = Some(key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.add_value(value)
    }

    fn end(self) -> Made {
        let value = match self.kind {
            EntriesKind::Record(record) => record.close()?,
            EntriesKind::Pairs { pairs, .. } => Value::List(pairs),
            EntriesKind::Case { made: Some(value), .. } => value,
            EntriesKind::Case { wanted, made: None } => {
                return Err(ValueError::expected(describe(&wanted), "an empty map"));
            }
        };
        Ok(self.somes.around(value))
    }
}
