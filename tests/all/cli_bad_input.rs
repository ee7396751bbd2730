//! Bad input: what is wrong, where, and what to do about it.

use std::fs;

use crate::command::*;
use crate::support::*;

/// What both `check` and `run` say of a manifest that cannot be run.
#[track_caller]
fn refused(folder: &Folder, manifest: &str, code: i32) -> Ran {
    let manifest = folder.write("raddle.toml", manifest);
    let check = run(raddle(["check"]).tap(|it| it.arg(&manifest))).with_code(code);
    let run = run(raddle(["run", "--quiet"]).tap(|it| it.arg(&manifest))).with_code(code);
    assert_eq!((&*check.out, &*run.out), ("", ""));
    assert_eq!(check.err, run.err, "both find the same");
    check
}

#[test]
fn everything_that_is_wrong_with_a_manifest_is_shown_at_once() {
    let folder = Folder::new();
    let ran = refused(
        &folder,
        r#"[runtime]
shards = "two"
recator = "auto"

[component.counter]
path = "missing.wasm"

[[actor]]
name = "one"
component = "contuer"

[[actor]]
name = "one"
component = "counter"
"#,
        2,
    );
    ran.says("5 problems in");
    let file = folder.path().join("raddle.toml");
    for (place, what) in [
        ("2:10", "expected an integer"),
        ("3:1", "did you mean `reactor`?"),
        ("6:8", "no such file"),
        ("10:13", "did you mean `counter`?"),
        ("13:8", "two actors are named `one`"),
    ] {
        ran.says(&format!("{}:{place}", file.display()));
        ran.says(what);
    }
}

#[test]
fn a_manifest_that_is_no_toml_or_is_not_there_is_said_so() {
    let folder = Folder::new();
    let ran = refused(&folder, "[runtime\nshards = 1\n", 2);
    ran.says("raddle.toml:1:");
    let missing = folder.path().join("nowhere.toml");
    for command in ["check", "run"] {
        let ran = run(raddle([command]).tap(|it| it.arg(&missing))).with_code(2);
        ran.says("nowhere.toml");
        ran.says("o such file");
    }
    // A folder, and bytes that are no text.
    run(raddle(["check"]).tap(|it| it.arg(folder.path()))).with_code(2);
    let binary = folder.write("binary.toml", [0xff, 0xfe, 0x00]);
    run(raddle(["check"]).tap(|it| it.arg(binary))).with_code(2);
}

#[test]
fn an_input_that_is_not_there_is_said_so() {
    let ran = run(raddle(["run", EXAMPLE, "--input", "/nowhere/access.log"])).with_code(2);
    ran.says("/nowhere/access.log: no such file");
    ran.says("- for standard input");
    let folder = Folder::new();
    let manifest = folder.access_log("", "");
    let text = fs::read_to_string(&manifest).unwrap().replace("sample.log", "simple.log");
    refused(&folder, &text, 2).says("simple.log");
}

#[test]
fn a_command_line_that_is_wrong_is_said_so() {
    for (arguments, what) in [
        (&["run", EXAMPLE, "--shards", "0"][..], "--shards"),
        (&["run", EXAMPLE, "--reactor", "tokio"], "expected auto, glommio or thread"),
        (&["walk"], "walk"),
        (&["run", EXAMPLE, "--log", "=="], "--log"),
        (&[], "Usage"),
    ] {
        let ran = run(raddle(arguments)).with_code(2);
        ran.says(what);
    }
    for help in ["--help", "--version"] {
        assert!(run(raddle([help])).with_code(0).out.contains("raddle"));
    }
}

/// A component of each kind that is no actor: what is wrong with it, and what to
/// do about it.
fn no_actors(folder: &Folder) -> Vec<(&'static str, Vec<&'static str>)> {
    let whole = fs::read(guest("echo")).unwrap();
    folder.write("truncated.wasm", &whole[..whole.len() / 2]);
    folder.write("core.wasm", b"\0asm\x01\0\0\0");
    folder.write("text.wasm", "this is no WebAssembly");
    folder.write("empty.wasm", "");
    folder.write("handless.wat", "(component)");
    let stranger = r#"(component
        (import "acme:shop/cart@1.0.0" (instance $cart (export "add" (func))))
        (import "raddle:actor/types@0.1.0" (instance $types
            (type (variant (case "rejected" string) (case "retry" string) (case "other" string)))
            (export "failure" (type (eq 0)))))
        (alias export $types "failure" (type $failure))
        (core module $main
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
            (func (export "handle") (param i64 i32 i32) (result i32) i32.const 0))
        (core instance $main (instantiate $main))
        (alias core export $main "memory" (core memory $memory))
        (alias core export $main "realloc" (core func $realloc))
        (alias core export $main "handle" (core func $handle))
        (func $handle (param "sender" u64) (param "payload" (list u8))
            (result (result (option (list u8)) (error $failure)))
            (canon lift (core func $handle) (memory $memory) (realloc $realloc)))
        (instance $handler (export "handle" (func $handle)))
        (export "raddle:actor/handler@0.1.0" (instance $handler)))"#;
    folder.write("stranger.wat", stranger);
    vec![
        ("truncated.wasm", vec!["`truncated` is no valid component", "truncated ("]),
        ("core.wasm", vec!["`core` is a core WebAssembly module", "--target", "component new"]),
        ("text.wasm", vec!["`text` is no valid component"]),
        ("empty.wasm", vec!["`empty` is no valid component"]),
        ("handless.wat", vec!["`handless` does not export `raddle:actor/handler", "wit-bindgen"]),
        (
            "stranger.wat",
            vec!["`stranger` imports `acme:shop/cart@1.0.0`", "which this runtime does not provide"],
        ),
    ]
}

#[test]
fn components_that_are_no_actors_are_named_with_what_they_lack() {
    let folder = Folder::new();
    let no_actors = no_actors(&folder);
    let mut manifest = String::new();
    for (index, (file, _)) in no_actors.iter().enumerate() {
        manifest += &format!("[component.part{index}]\npath = \"{file}\"\n");
    }
    manifest += "[[actor]]\nname = \"one\"\ncomponent = \"part0\"\n";
    // All of them at once, each with the line that names it.
    let ran = refused(&folder, &manifest, 3);
    for (index, (_, said)) in no_actors.iter().enumerate() {
        ran.says(&format!("the component `part{index}` cannot be used"));
        ran.says(&format!("raddle.toml:{}:8", 2 * index + 2));
        said.iter().for_each(|what| ran.says(what));
    }
}

#[test]
fn inspect_says_why_it_is_no_actor() {
    let folder = Folder::new();
    for (file, said) in no_actors(&folder) {
        let ran = run(raddle(["inspect"]).tap(|it| it.arg(folder.path().join(file)))).with_code(3);
        said.iter().for_each(|what| ran.says(what));
    }
    run(raddle(["inspect", "nowhere.wasm"])).with_code(3).says("no such file");
}

#[test]
fn an_actor_that_does_not_start_ends_the_run_with_its_reason() {
    let folder = Folder::new();
    let manifest = format!(
        "[component.trapper]\npath = {:?}\n[[actor]]\nname = \"one\"\ncomponent = \"trapper\"\n\
         [actor.config]\nfail_init = \"error\"\n",
        guest("trapper")
    );
    let manifest = folder.write("raddle.toml", manifest);
    let ran = run(raddle(["run", "-q"]).tap(|it| it.arg(&manifest))).with_code(1);
    ran.says("the actor `one` did not start");
    ran.says("fail_init = error");
    run(raddle(["check"]).tap(|it| it.arg(&manifest))).with_code(0);
}

#[test]
fn limits_and_a_class_that_a_component_cannot_have_are_said_with_it() {
    let folder = Folder::new();
    let asker = guest("asker");
    for (component, says) in [
        ("class = \"run-to-completion\"", "must be suspendable"),
        ("limits = { memory_bytes_max = 65_536 }", "over memory_bytes_max (65536)"),
        ("limits = { tables_max = 0 }", "over tables_max (0)"),
        ("limits = { table_elements_max = 0 }", "over table_elements_max (0)"),
    ] {
        let text = format!(
            "[component.asker]\npath = {asker:?}\n{component}\n[[actor]]\nname = \"a\"\ncomponent = \"asker\"\n"
        );
        let manifest = folder.write("limits.toml", text);
        for command in ["check", "run"] {
            let ran = run(raddle([command]).tap(|it| it.arg(&manifest)));
            assert_ne!(ran.code, Some(0), "{component}");
            ran.says("`asker`");
            ran.says(says);
        }
    }
}
