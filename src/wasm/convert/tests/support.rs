//! A component that gives back what it is given, for any types.

use std::fmt::Write;

use super::super::Value;
use crate::wasm::{
    CacheConfig, Callee, CalleeInstance, Engine, EngineConfig, Function, Limits, MemoryLayout, Source,
};

/// A type, written down before there is a component that has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A type without parts, by its name.
    Scalar(&'static str),
    List(Box<Shape>),
    Option(Box<Shape>),
    Tuple(Vec<Shape>),
    Result(Option<Box<Shape>>, Option<Box<Shape>>),
    Record(Vec<(String, Shape)>),
    Variant(Vec<(String, Option<Shape>)>),
    Enum(Vec<String>),
    Flags(Vec<String>),
}

/// Writes types of component text; those that must have a name get one.
#[derive(Default)]
struct Types {
    text: String,
    count: usize,
}

impl Types {
    fn spell(&mut self, shape: &Shape) -> String {
        let spelled = match shape {
            Shape::Scalar(name) => return (*name).to_owned(),
            Shape::List(of) => return format!("(list {})", self.spell(of)),
            Shape::Option(of) => return format!("(option {})", self.spell(of)),
            Shape::Tuple(items) => {
                let items: Vec<_> = items.iter().map(|item| self.spell(item)).collect();
                return format!("(tuple {})", items.join(" "));
            }
            Shape::Result(ok, err) => {
                let ok = ok.as_ref().map_or(String::new(), |ok| format!(" {}", self.spell(ok)));
                let err = err.as_ref().map_or(String::new(), |err| format!(" (error {})", self.spell(err)));
                return format!("(result{ok}{err})");
            }
            Shape::Record(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, ty)| format!("(field \"{name}\" {})", self.spell(ty)))
                    .collect();
                format!("(record {})", fields.join(" "))
            }
            Shape::Variant(cases) => {
                let case = |(name, ty): &(String, Option<Shape>)| match ty {
                    Some(ty) => format!("(case \"{name}\" {})", self.spell(ty)),
                    None => format!("(case \"{name}\")"),
                };
                format!("(variant {})", cases.iter().map(case).collect::<Vec<_>>().join(" "))
            }
            Shape::Enum(names) => format!("(enum {})", quoted(names)),
            Shape::Flags(names) => format!("(flags {})", quoted(names)),
        };
        let index = self.count;
        self.count += 1;
        // Only exported types may be used by exported functions.
        let _ = writeln!(self.text, "(type $raw{index} {spelled})");
        let _ = writeln!(self.text, "(export $type{index} \"type{index}\" (type $raw{index}))");
        format!("$type{index}")
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" ")
}

/// A component with a function `echoN` for each shape.
///
/// It takes and gives `record { value: T, pad…: u64 }`: more than fits into
/// parameters, so that both are a pointer, and giving back is giving back that.
pub fn echo_text(shapes: &[Shape]) -> String {
    let mut types = Types::default();
    let mut functions = String::new();
    for (index, shape) in shapes.iter().enumerate() {
        let pads = (0..17).map(|pad| (format!("pad{pad}"), Shape::Scalar("u64")));
        let padded = Shape::Record([("value".into(), shape.clone())].into_iter().chain(pads).collect());
        let ty = types.spell(&padded);
        let _ = writeln!(
            functions,
            "(func $echo{index} (param \"given\" {ty}) (result {ty})
               (canon lift (core func $core \"echo\") (memory $memory) (realloc $realloc)))
             (export \"echo{index}\" (func $echo{index}))"
        );
    }
    format!(
        r#"(component
  (core module $core
    (memory (export "memory") 4)
    (global $next (mut i32) (i32.const 64))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    (func (export "echo") (param i32) (result i32) (local.get 0)))
  (core instance $core (instantiate $core))
  (alias core export $core "memory" (core memory $memory))
  (alias core export $core "realloc" (core func $realloc))
  {}
  {functions})"#,
        types.text
    )
}

/// Such a component, ready to be called.
pub struct Echo {
    pub callee: Callee,
    pub instance: CalleeInstance,
}

impl Echo {
    pub fn new(shapes: &[Shape]) -> Self {
        let config = EngineConfig { memory_layout: MemoryLayout::Compact, ..EngineConfig::default() };
        let engine = Engine::new(&config).unwrap();
        let text = echo_text(shapes);
        let source = Source::Bytes("echo", text.as_bytes());
        let callee = engine
            .load_callee(source, &CacheConfig::Disabled, &())
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let instance = callee.instantiate(&Limits::default()).unwrap();
        Self { callee, instance }
    }

    pub fn function(&self, index: usize) -> Function {
        self.callee.function(&format!("echo{index}")).unwrap().clone()
    }

    /// The type of a shape, as its component has it.
    pub fn ty(&self, index: usize) -> super::super::Type {
        let function = self.function(index);
        let (_, ty) = function.parameters().next().unwrap();
        ty.unwrap_record().fields().next().unwrap().ty
    }

    /// A value that has been in the guest and back.
    pub fn call(&mut self, index: usize, value: &Value) -> Value {
        let pads = (0..17).map(|pad| (format!("pad{pad}"), Value::U64(pad)));
        let padded = [("value".to_owned(), value.clone())].into_iter().chain(pads).collect();
        let function = self.function(index);
        let result = self.instance.call_values(&function, &[Value::Record(padded)]).unwrap();
        match result {
            Some(Value::Record(mut fields)) => fields.swap_remove(0).1,
            other => panic!("{other:?}"),
        }
    }
}

/// The type of one shape.
pub fn ty(shape: Shape) -> super::super::Type {
    Echo::new(&[shape]).ty(0)
}

pub fn scalar(name: &'static str) -> Shape {
    Shape::Scalar(name)
}

pub fn record(fields: &[(&str, Shape)]) -> Shape {
    Shape::Record(fields.iter().map(|(name, shape)| ((*name).to_owned(), shape.clone())).collect())
}

pub fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
