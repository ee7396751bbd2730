//! What a component becomes before it is compiled.

use std::borrow::Cow;
use std::path::Path;

use wasmparser::{CanonicalFunction, ComponentAlias, ExternalKind, Instance, Parser, Payload};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Config, Engine, Store};

use crate::wasm::passage::with_passage;

/// Of the outermost component: the core instance that each function which is lifted is
/// an alias of.
fn lifted_from(component: &[u8]) -> Vec<Option<u32>> {
    lifted(component).into_iter().map(|from| from.map(|(instance, _)| instance)).collect()
}

/// The same, with the function's name there.
fn lifted(component: &[u8]) -> Vec<Option<(u32, &str)>> {
    let (mut depth, mut functions, mut lifted) = (0, Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentAliasSection(aliases) if depth == 1 => {
                for alias in aliases {
                    if let ComponentAlias::CoreInstanceExport {
                        kind: ExternalKind::Func,
                        instance_index,
                        name,
                    } = alias.unwrap()
                    {
                        functions.push(Some((instance_index, name)));
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) if depth == 1 => {
                for function in section {
                    match function.unwrap() {
                        CanonicalFunction::Lift { core_func_index, .. } => {
                            lifted.push(functions[core_func_index as usize]);
                        }
                        _ => functions.push(None),
                    }
                }
            }
            _ => {}
        }
    }
    lifted
}

/// How many core instances are made of modules, outside of what is nested.
fn instantiated(component: &[u8]) -> usize {
    let (mut depth, mut count) = (0, 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::InstanceSection(instances) if depth == 1 => {
                let made = |instance: &Instance<'_>| matches!(instance, Instance::Instantiate { .. });
                count += instances.into_iter().map(Result::unwrap).filter(made).count();
            }
            _ => {}
        }
    }
    count
}

/// The only result of an export, for this number.
fn call(component: &[u8], export: &str, number: u32) -> Val {
    let engine = Engine::new(Config::new().concurrency_support(false)).unwrap();
    let component = Component::from_binary(&engine, component).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
    let function = instance.get_func(&mut store, export).unwrap();
    let mut results = [Val::Bool(false)];
    function.call(&mut store, &[Val::U32(number)], &mut results).unwrap();
    results[0].clone()
}

/// Two functions, the second with a string in the memory, which is freed. Between them
/// more core functions are defined, so that their indices move.
const TWO: &str = r#"(component
    (core module $main
        (memory (export "memory") 1)
        (global $freed (mut i32) (i32.const 0))
        (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
        (func (export "text") (param i32) (result i32)
            (i32.store (i32.const 0) (i32.const 100))
            (i32.store (i32.const 4) (i32.const 2))
            (i32.store16 (i32.const 100) (i32.add (i32.const 0x3030) (local.get 0)))
            (i32.const 0))
        (func (export "free") (param i32) (global.set $freed (i32.const 1)))
        (func (export "freed") (param i32) (result i32) (global.get $freed)))
    (core instance $main (instantiate $main))
    (func (export "double") (param "number" u32) (result u32) (canon lift (core func $main "double")))
    (alias core export $main "memory" (core memory $memory))
    (alias core export $main "free" (core func $free))
    (func (export "text") (param "number" u32) (result string)
        (canon lift (core func $main "text") (memory $memory) (post-return $free)))
    (func (export "freed") (param "number" u32) (result u32) (canon lift (core func $main "freed"))))"#;

#[test]
fn every_function_is_led_through_one_instance_and_does_what_it_did() {
    let component = wat::parse_str(TWO).unwrap();
    let rewritten = with_passage(&component);
    assert_eq!(lifted_from(&component), [Some(0); 3]);
    // After the main one come the one of exports that are there, and the passage.
    assert_eq!(lifted_from(&rewritten), [Some(2); 3]);
    assert_eq!(call(&rewritten, "double", 21), Val::U32(42));
    assert_eq!(call(&rewritten, "text", 7), Val::String("70".into()));

    let engine = Engine::new(Config::new().concurrency_support(false)).unwrap();
    let mut store = Store::new(&engine, ());
    let component = Component::from_binary(&engine, &rewritten).unwrap();
    let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
    let mut result = [Val::Bool(false)];
    for (export, expected) in
        [("freed", Val::U32(0)), ("text", Val::String("00".into())), ("freed", Val::U32(1))]
    {
        let function = instance.get_func(&mut store, export).unwrap();
        function.call(&mut store, &[Val::U32(0)], &mut result).unwrap();
        assert_eq!(result[0], expected, "{export}");
    }
}

/// A component whose last module has no code, and fills a table or a memory.
fn filled_by(last: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
        (core module $main
            (type $unary (func (param i32) (result i32)))
            (memory (export "memory") 1)
            (table (export "table") 1 funcref)
            (func (export "triple") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
            (func (export "through") (param i32) (result i32)
                (call_indirect (type $unary) (local.get 0) (i32.const 0)))
            (func (export "read") (param i32) (result i32) (i32.load8_u (local.get 0))))
        {last}
        (core instance $main (instantiate $main))
        (core instance $bag (export "triple" (func $main "triple")))
        (core instance $last (instantiate $last
            (with "main" (instance $main)) (with "bag" (instance $bag))))
        (func (export "through") (param "number" u32) (result u32) (canon lift (core func $main "through")))
        (func (export "read") (param "number" u32) (result u32) (canon lift (core func $main "read"))))"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn a_last_module_without_code_becomes_the_passage() {
    let with_all = r#"(core module $last
        (type (func)) (type $unary (func (param i32) (result i32)))
        (import "main" "table" (table 1 funcref))
        (import "bag" "triple" (func $triple (type $unary)))
        (export "again" (func $triple))
        (elem (i32.const 0) func $triple))"#;
    let with_a_name = with_all.replace("(type (func))", "(@custom \"note\" \"x\") (type (func))");
    for last in [with_all, &with_a_name] {
        let component = filled_by(last);
        let rewritten = with_passage(&component);
        assert_eq!((instantiated(&component), instantiated(&rewritten)), (2, 2));
        assert_eq!(lifted_from(&rewritten), [Some(2); 2]);
        assert_eq!(call(&rewritten, "through", 14), Val::U32(42));
    }
    // Without types and exports, it gets some.
    let bare = r#"(core module $last (import "main" "memory" (memory 1)) (data (i32.const 7) "*"))"#;
    let component = filled_by(bare);
    let rewritten = with_passage(&component);
    assert_eq!((instantiated(&component), instantiated(&rewritten)), (2, 2));
    assert_eq!(call(&rewritten, "read", 7), Val::U32(42));
}

#[test]
fn a_last_module_with_code_of_its_own_does_not() {
    let with_code = r#"(core module $last (import "main" "memory" (memory 1)) (func (export "f")))"#;
    let component = filled_by(with_code);
    let rewritten = with_passage(&component);
    assert_eq!((instantiated(&component), instantiated(&rewritten)), (2, 3));
    assert_eq!(call(&rewritten, "read", 7), Val::U32(0));
}

/// But the one in JavaScript: the component that its engine is wrapped in goes on to
/// instantiate after its first function is lifted.
#[test]
fn every_prebuilt_guest_in_rust_has_a_passage() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt");
    let (mut seen, mut seldom_seen) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_javascript = path.ends_with("tally.wasm");
        if is_javascript || path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let guest = std::fs::read(&path).unwrap();
        let rewritten = with_passage(&guest);
        assert!(matches!(rewritten, Cow::Owned(_)), "{}", path.display());
        let (mut led, mut seldom) = (Vec::new(), 0);
        for (before, after) in lifted(&guest).into_iter().zip(lifted(&rewritten)) {
            match before.unwrap().1.rsplit('#').next().unwrap() {
                "stop" | "check" => {
                    assert_eq!(before, after, "{}", path.display());
                    seldom += 1;
                }
                _ => led.push(after.unwrap().0),
            }
        }
        assert!(!led.is_empty() && led.iter().all(|from| *from == led[0]), "{}", path.display());
        seldom_seen += seldom;
        // What imports something ends with a module that fills the table of its imports.
        let more = instantiated(&rewritten) - instantiated(&guest);
        assert_eq!(more, usize::from(instantiated(&guest) == 1), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 8 && seldom_seen > 1, "{seen}, {seldom_seen}");
}

#[test]
fn what_cannot_be_led_through_stays_as_it_is() {
    let nothing_lifted = "(component)";
    let an_instance_after_a_lift = r#"(component
        (core module $m (func (export "f")))
        (core instance $a (instantiate $m))
        (func (export "f") (canon lift (core func $a "f")))
        (core instance $b (instantiate $m))
        (func (export "g") (canon lift (core func $b "f"))))"#;
    for text in [nothing_lifted, an_instance_after_a_lift] {
        let component = wat::parse_str(text).unwrap();
        assert!(matches!(with_passage(&component), Cow::Borrowed(_)), "{text}");
    }
    let filled =
        filled_by(r#"(core module $last (import "main" "memory" (memory 1)) (data (i32.const 7) "*"))"#);
    for whole in [wat::parse_str(TWO).unwrap(), filled] {
        assert!(matches!(with_passage(&whole), Cow::Owned(_)));
        for len in 0..whole.len() {
            // Whole sections at the start may be a component too.
            let _ = with_passage(&whole[..len]);
        }
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 0xFF;
            let _ = with_passage(&damaged);
        }
    }
}

#[test]
fn it_may_be_done_twice() {
    let component = wat::parse_str(TWO).unwrap();
    let twice = with_passage(&with_passage(&component)).into_owned();
    assert_eq!(call(&twice, "double", 4), Val::U32(8));
}
