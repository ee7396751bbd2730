//! What can be wrong with a component, and what is said about it.

use std::path::{Path, PathBuf};

use super::support::*;
use crate::wasm::{
    CacheConfig, ComponentBlueprint, ComponentError, Engine, EngineConfig, EngineError, ItemKind, Limits,
    LimitsError, PoolPolicy, Source,
};

fn load(source: Source<'_>) -> Result<crate::wasm::Component, ComponentError> {
    let engine = Engine::new(&EngineConfig { instances_max: 1, ..EngineConfig::default() }).unwrap();
    engine.load(source, &CacheConfig::Disabled, &())
}

/// The error, after a look at its text: one line that names the component.
#[track_caller]
fn refused(text: impl AsRef<[u8]>) -> (ComponentError, String) {
    let error = load(Source::Bytes("culprit", text.as_ref())).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("culprit") && !said.contains('\n'), "{said}");
    (error, said)
}

fn prebuilt(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt").join(name)
}

#[test]
fn a_missing_file() {
    let path = Path::new("/no/such/thing.wasm");
    let error = load(path.into()).unwrap_err();
    assert!(matches!(&error, ComponentError::NotFound { path: found } if found == path));
    assert!(error.to_string().contains("/no/such/thing.wasm"));
}

#[test]
fn a_folder_where_a_file_should_be() {
    let error = load(Path::new("/").into()).unwrap_err();
    assert!(matches!(error, ComponentError::Unreadable { .. }), "{error}");
}

#[test]
fn a_core_module_in_binary_and_in_text() {
    let (error, said) = refused(b"\0asm\x01\0\0\0");
    assert!(matches!(error, ComponentError::CoreModule { .. }), "{said}");
    assert!(said.contains("wasm32-wasip2") && said.contains("wasm-tools component new"), "{said}");
    let (error, said) = refused("(module (func))");
    assert!(matches!(error, ComponentError::CoreModule { .. }), "{said}");
}

#[test]
fn a_component_cut_short_anywhere() {
    let whole = std::fs::read(prebuilt("echo.wasm")).unwrap();
    for len in [0, 3, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let (error, said) = refused(&whole[..len]);
        // Whole sections at the start are a component too: one without a handler.
        let expected = matches!(error, ComponentError::Invalid { .. } | ComponentError::NoHandler { .. });
        assert!(expected, "{len}: {said}");
    }
    let (_, said) = refused(&whole[..whole.len() / 2]);
    assert!(said.contains("truncated"), "{said}");
}

#[test]
fn damaged_bytes_never_panic() {
    let whole = std::fs::read(prebuilt("echo.wasm")).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let _ = load(Source::Bytes("damaged", &damaged));
    }
}

#[test]
fn bytes_that_are_no_webassembly() {
    for bytes in [&b"\x7fELF\xff\xfe"[..], b"hello", b"(component", b"\0asm\x0d\0\x02\0"] {
        let (error, said) = refused(bytes);
        assert!(matches!(error, ComponentError::Invalid { .. }), "{said}");
    }
}

#[test]
fn a_component_without_a_handler_says_what_it_has() {
    let (error, said) = refused("(component)");
    assert!(matches!(error, ComponentError::NoHandler { .. }), "{said}");
    assert!(said.contains("raddle:actor/handler@0.1.0") && said.contains("exports nothing"), "{said}");
    assert!(said.contains("wit/actor.wit"), "{said}");

    let (_, said) = refused(
        r#"(component (core module $m (func (export "run"))) (core instance $i (instantiate $m))
             (func (export "greet") (canon lift (core func $i "run"))))"#,
    );
    assert!(said.contains("`greet`"), "{said}");

    let (_, said) =
        refused(r#"(component (instance $i) (export "raddle:actor/handler@0.7.0" (instance $i)))"#);
    assert!(said.contains("another version"), "{said}");

    let (_, said) = refused(r#"(component (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#);
    assert!(said.contains("command"), "{said}");
}

#[test]
fn a_handler_of_the_wrong_shape() {
    let empty = r#"(component (instance $i) (export "raddle:actor/handler@0.1.0" (instance $i)))"#;
    let (error, said) = refused(empty);
    assert!(matches!(error, ComponentError::WrongExport { .. }), "{said}");
    assert!(said.contains("no function `handle`"), "{said}");

    let (error, said) = refused(
        r#"(component (core module $m (func (export "handle"))) (core instance $i (instantiate $m))
             (func $handle (canon lift (core func $i "handle")))
             (instance $h (export "handle" (func $handle)))
             (export "raddle:actor/handler@0.1.0" (instance $h)))"#,
    );
    assert!(matches!(error, ComponentError::WrongExport { .. }), "{said}");
    assert!(said.contains("wrong type"), "{said}");

    let health = r#"(instance $health) (export "raddle:actor/health@0.1.0" (instance $health))"#;
    let (error, said) = refused(Text { more: health, ..Text::default() }.build());
    assert!(matches!(error, ComponentError::WrongExport { .. }), "{said}");
    assert!(said.contains("`check`"), "{said}");
}

#[test]
fn an_import_that_nobody_provides() {
    for (import, hint) in [
        ("acme:db/query@1.0.0", "wac plug"),
        ("raddle:actor/spells@0.1.0", "wit/"),
        ("wasi:http/types@0.2.0", "WASI 0.2"),
    ] {
        let imports = format!(r#"(import "{import}" (instance (export "f" (func))))"#);
        let (error, said) = refused(Text { imports: &imports, ..Text::default() }.build());
        assert!(matches!(error, ComponentError::UnknownImport { .. }), "{said}");
        assert!(said.contains(import) && said.contains(hint), "{said}");
    }
}

#[test]
fn a_known_import_of_the_wrong_shape() {
    let imports = r#"(import "raddle:actor/messaging@0.1.0"
        (instance (export "own-id" (func (result string)))))"#;
    let (error, said) = refused(Text { imports, ..Text::default() }.build());
    assert!(matches!(error, ComponentError::WrongImport { .. }), "{said}");
    assert!(said.contains("own-id"), "{said}");
}

#[test]
fn resources_of_its_own() {
    let more = r#"
      (type $mine (resource (rep i32)))
      (core func $new (canon resource.new $mine))"#;
    let (error, said) = refused(Text { more, ..Text::default() }.build());
    assert!(matches!(error, ComponentError::OwnResources { .. }), "{said}");

    let nested = r#"(component $inner (type $mine (resource (rep i32))) (core func (canon resource.new $mine)))
      (instance (instantiate $inner))"#;
    let (error, said) = refused(Text { more: nested, ..Text::default() }.build());
    assert!(matches!(error, ComponentError::OwnResources { .. }), "{said}");
}

#[test]
fn text_loads_and_so_do_bytes_and_files() {
    let text = Text::default().build();
    assert_eq!(load(Source::Bytes("text", text.as_bytes())).unwrap().name(), "text");
    let path = prebuilt("echo.wasm");
    assert_eq!(load((&path).into()).unwrap().name(), "echo");
    assert_eq!(load(Source::Bytes("bytes", &std::fs::read(path).unwrap())).unwrap().name(), "bytes");
}

#[test]
fn what_a_component_has_and_needs_is_told() {
    let counter = load((&prebuilt("counter.wasm")).into()).unwrap();
    let info = counter.info();
    assert!(info.has_handler && info.has_lifecycle && info.has_health);
    assert_eq!(info.wasi, Vec::<String>::new());
    assert_eq!((info.memories, info.memory_bytes_initial), (1, 65_536));
    let handler = info.exports.iter().find(|item| item.name == "raddle:actor/handler@0.1.0").unwrap();
    let ItemKind::Interface { functions, resources } = &handler.kind else { panic!("{handler:?}") };
    assert_eq!((&functions[..], &resources[..]), (&["handle".to_owned()][..], &[][..]));

    let trapper = load((&prebuilt("trapper.wasm")).into()).unwrap();
    let imports: Vec<_> = trapper.info().imports.iter().map(|item| item.name.as_str()).collect();
    for needed in ["messaging", "registry", "log", "config"] {
        assert!(imports.contains(&format!("raddle:actor/{needed}@0.1.0").as_str()), "{imports:?}");
    }
    let echo = load((&prebuilt("echo.wasm")).into()).unwrap();
    assert!(!echo.info().has_health);
}

#[test]
fn limits_that_no_instance_could_keep() {
    let component =
        load(Source::Bytes("large", Text { pages: 17, ..Text::default() }.build().as_bytes())).unwrap();
    let blueprint = |limits| ComponentBlueprint::new(component.clone(), limits, PoolPolicy::default()).err();
    assert_eq!(blueprint(Limits::default()), None);
    let error = blueprint(Limits { memory_bytes_max: 1 << 20, ..Limits::default() }).unwrap();
    assert!(matches!(error, LimitsError::Initial { what: "memory bytes", needed: 1_114_112, .. }), "{error}");
    let error = blueprint(Limits { memory_bytes_max: usize::MAX, ..Limits::default() }).unwrap();
    assert!(matches!(error, LimitsError::MemoryOverEngine { .. }), "{error}");
    let error = blueprint(Limits { table_elements_max: 20_001, ..Limits::default() }).unwrap();
    assert!(error.to_string().contains("table_elements_max is 20001"), "{error}");
    let error = blueprint(Limits { hostcall_bytes_max: 10, ..Limits::default() }).unwrap();
    assert!(matches!(error, LimitsError::MessageOverHostcall { .. }), "{error}");
}

#[test]
fn a_component_larger_than_the_engine_allows() {
    let config = EngineConfig { instances_max: 1, memory_bytes_max: 1 << 20, ..EngineConfig::default() };
    let engine = Engine::new(&config).unwrap();
    let text = Text { pages: 17, ..Text::default() }.build();
    let error =
        engine.load(Source::Bytes("large", text.as_bytes()), &CacheConfig::Disabled, &()).unwrap_err();
    assert!(matches!(error, ComponentError::Invalid { .. }), "{error}");
    assert!(error.to_string().contains("exceeds the limit"), "{error}");
}

#[test]
fn an_engine_that_makes_no_sense() {
    let default = EngineConfig::default;
    for (config, key) in [
        (EngineConfig { instances_max: 0, ..default() }, "instances_max"),
        (EngineConfig { memory_bytes_max: 0, ..default() }, "memory_bytes_max"),
        (EngineConfig { memory_bytes_max: 1 << 40, ..default() }, "memory_bytes_max"),
        (EngineConfig { epoch_period: std::time::Duration::ZERO, ..default() }, "epoch_period in ns"),
        (EngineConfig { stack_bytes_max: 0, ..default() }, "stack_bytes_max"),
    ] {
        let error = Engine::new(&config).unwrap_err();
        assert!(matches!(error, EngineError::Config { key: found, .. } if found == key), "{key}");
    }
    let error = Engine::new(&EngineConfig { instances_max: 1_000_000_000, ..default() }).unwrap_err();
    assert!(matches!(error, EngineError::Mappings { .. } | EngineError::Reserve { .. }), "{error}");
    assert!(error.to_string().contains("compact"), "{error}");
}
