//! `raddle call`: values in and out, and what is said when they cannot be.

use std::path::PathBuf;

use expect_test::expect;

use crate::command::*;
use crate::support::guest;

/// Two interfaces with an `add` each, a function in none, one that takes a resource,
/// one that counts what WASI's environment has, and one that starts with a loop.
const SHOP: &str = r#"(component
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))))
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $get-environment (canon lower (func $environment "get-environment")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "environment" "get" (func $get (param i32)))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "add-floats") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
    (func (export "nothing"))
    (func (export "wait") (param i32))
    (func (export "trap") unreachable)
    (func (export "variables") (result i32) (call $get (i32.const 16)) (i32.load (i32.const 20))))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "environment" (instance (export "get" (func $get-environment))))))
  (type $item' (record (field "price" s32) (field "tax" s32)))
  (func $add (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $main "add")))
  (func $add-floats (param "a" f64) (param "b" f64) (result f64) (canon lift (core func $main "add-floats")))
  (func $nothing (canon lift (core func $main "nothing")))
  (func $wait (param "for" (own $pollable)) (canon lift (core func $main "wait")))
  (func $trap (canon lift (core func $main "trap")))
  (func $variables (result u32) (canon lift (core func $main "variables")))
  (export $item "item" (type $item'))
  (func $total (param "item" $item) (result s32) (canon lift (core func $main "add")))
  (instance $whole (export "add" (func $add)))
  (instance $broken (export "add" (func $add-floats)))
  (export "acme:math/whole@1.2.0" (instance $whole))
  (export "acme:math/broken@1.2.0" (instance $broken))
  (export "nothing" (func $nothing))
  (export "wait" (func $wait))
  (export "trap" (func $trap))
  (export "variables" (func $variables))
  (export "total" (func $total)))"#;

fn shop(folder: &Folder) -> PathBuf {
    folder.write("shop.wat", SHOP)
}

#[track_caller]
fn call(component: &PathBuf, call: &str, code: i32) -> Ran {
    run(raddle(["call"]).tap(|it| it.arg(component).arg(call))).with_code(code)
}

/// It is called and gives this.
#[track_caller]
fn gives(component: &PathBuf, text: &str, result: &str) {
    let ran = call(component, text, 0);
    assert_eq!((&*ran.out, &*ran.err), (result, ""), "{text}");
}

#[test]
fn a_call_prints_its_result() {
    let folder = Folder::new();
    let shop = shop(&folder);
    gives(&shop, "total({price: 5, tax: -2})", "3\n");
    gives(&shop, "total({tax: 1, price: 2147483647})", "-2147483648\n");
    gives(&shop, "nothing()", "");
    gives(&guest("echo"), "handle(0, [104, 105])", "ok(some([104, 105]))\n");
    gives(&guest("echo-wasip2"), "handle(1, [])", "ok(some([]))\n");
    // What it answers on failure is a result like any other.
    let rejected = call(&guest("trapper"), "handle(0, [7])", 0);
    assert!(rejected.out.starts_with("err(rejected("), "{rejected:?}");
    // There is nobody around it: what it sends has no receiver, and its exit ends nothing.
    gives(
        &guest("trapper"),
        "handle(0, [5, 1, 0, 0, 0, 0, 0, 0, 0])",
        "err(other(\"SendError::NoSuchActor\"))\n",
    );
    gives(&guest("trapper"), "handle(0, [10])", "ok(none)\n");
    // It takes what memory it can get: 1,024 pages, which is the limit of an actor.
    gives(
        &guest("trapper"),
        "handle(0, [3])",
        "ok(some([0, 4, 0, 0, 0, 0, 0, 0]))
",
    );
}

#[test]
fn any_part_of_a_name_that_says_which_will_do() {
    let folder = Folder::new();
    let shop = shop(&folder);
    for interface in ["acme:math/whole@1.2.0", "acme:math/whole", "whole"] {
        gives(&shop, &format!("{interface}#add(1, 2)"), "3\n");
    }
    gives(&shop, "broken#add(1, 0.5)", "1.5\n");
    let ran = call(&shop, "add(1, 2)", 2);
    ran.says("more than one function could be `add`");
    ran.says("acme:math/whole@1.2.0#add, acme:math/broken@1.2.0#add");
}

#[test]
fn without_a_call_the_functions_are_listed() {
    let folder = Folder::new();
    let ran = run(raddle(["call"]).tap(|it| it.arg(shop(&folder)))).with_code(0);
    expect![[r#"
        shop exports 7 functions:
          acme:math/whole@1.2.0#add(a: s32, b: s32) -> s32
          acme:math/broken@1.2.0#add(a: f64, b: f64) -> f64
          nothing()
          wait(for: resource)
            cannot be called from here: its parameter `for` is or holds a resource
          trap()
          variables() -> u32
          total(item: record { price: s32, tax: s32 }) -> s32
    "#]]
    .assert_eq(&ran.out);
}

#[test]
fn what_is_wrong_with_a_call_is_pointed_at() {
    let folder = Folder::new();
    let shop = shop(&folder);
    for (text, place, said) in [
        ("totel({price: 5, tax: 2})", "call:1:1", "did you mean `total`?"),
        ("acme:math/whole@1.2.0#ad(1, 2)", "call:1:1", "did you mean `acme:math/whole@1.2.0#add`?"),
        ("xyzzy()", "call:1:1", "shop exports 7 functions"),
        (
            "total({price: \"5\", tax: 2})",
            "call:1:15",
            "parameter 1, field `price`: expected s32, got string",
        ),
        ("total({price: 5})", "call:1:7", "parameter 1: field `tax` is missing"),
        ("whole#add(1, 3000000000)", "call:1:14", "parameter 2: expected s32, got 3000000000"),
        ("whole#add(1)", "call:1:10", "expected 2 parameters, got 1"),
        ("whole#add(1, 2, 3)", "call:1:17", "expected 2 parameters, got 3"),
        ("whole#add(1, 2", "call:1:", "the text ends too early"),
        ("whole#add", "call:1:10", "with its arguments in parentheses"),
        ("wait(1)", "call:1:1", "its parameter `for` is or holds a resource"),
        ("", "call:1:1", "no function ``"),
    ] {
        let ran = call(&shop, text, 2);
        assert_eq!(ran.out, "", "{text}");
        ran.says(place);
        ran.says(said);
    }
}

#[test]
fn a_call_that_traps_or_goes_over_a_limit_says_so() {
    let folder = Folder::new();
    call(&shop(&folder), "trap()", 1).says("unreachable");
    let trapper = guest("trapper");
    for (text, said) in [
        ("handle(0, [1])", "trap"),
        ("handle(0, [2])", "still running at its deadline"),
        ("handle(0, [4])", "stack"),
    ] {
        let ran = call(&trapper, text, 1);
        assert_eq!(ran.out, "");
        ran.says(said);
    }
    let looping = folder.write(
        "looping.wat",
        "(component (core module $m (func $loop (loop br 0)) (start $loop)) (core instance (instantiate $m)))",
    );
    let ran = run(raddle(["call"]).tap(|it| it.arg(&looping))).with_code(0);
    assert_eq!(ran.out, "looping exports no functions\n", "nothing ran");
    let looping = folder.write(
        "loops.wat",
        r#"(component (core module $m (func $loop (loop br 0)) (start $loop) (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f"))) (export "f" (func $f)))"#,
    );
    call(&looping, "f()", 1).says("still running at its deadline");
}

#[test]
fn nothing_of_wasi_is_granted() {
    let folder = Folder::new();
    let mut command = raddle(["call"]);
    command.arg(shop(&folder)).arg("variables()").env("SECRET", "1");
    assert_eq!(run(command).with_code(0).out, "0\n");
}

#[test]
fn a_component_that_cannot_be_called_is_refused_as_one_that_cannot_run() {
    let folder = Folder::new();
    let resourceful = r#"(component
        (type $thing (resource (rep i32)))
        (core func $new (canon resource.new $thing))
        (core module $m (import "" "new" (func $new (param i32) (result i32)))
            (func (export "f") (drop (call $new (i32.const 0)))))
        (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
        (func $f (canon lift (core func $i "f"))) (export "f" (func $f)))"#;
    for (path, said) in [
        (folder.path().join("nowhere.wasm"), "no such file"),
        (folder.write("core.wasm", b"\0asm\x01\0\0\0"), "is a core WebAssembly module"),
        (folder.write("own.wat", resourceful), "resource types of its own"),
        (
            folder.write(
                "big.wat",
                "(component (core module $m (memory 2000)) (core instance (instantiate $m)) \
                (core module $n (func (export \"f\"))) (core instance $i (instantiate $n)) \
                (func $f (canon lift (core func $i \"f\"))) (export \"f\" (func $f)))",
            ),
            "starts with 131072000 memory bytes",
        ),
    ] {
        call(&path, "f()", 3).says(said);
    }
}
