//! `raddle check` and `raddle inspect`, of what is sound.

use expect_test::expect;
use serde_json::{Value, json};

use crate::command::*;

#[test]
fn check_shows_what_would_run_where() {
    let ran = run(raddle(["check", EXAMPLE, "--shards", "2"])).with_code(0);
    assert_eq!(ran.err, "");
    expect![[r#"
        examples/access_log/raddle.toml is sound: 5 actors on 2 shards

         component    memory at most   time at most   file
        ────────────────────────────────────────────────────────────────────────────────────────────────────────
         aggregator           16 MiB          20 ms   examples/access_log/../../guests/prebuilt/aggregator.wasm
         parser               16 MiB          20 ms   examples/access_log/../../guests/prebuilt/parser.wasm
         reporter             16 MiB          20 ms   examples/access_log/../../guests/prebuilt/reporter.wasm

         actor        component    restart     instances   where
        ───────────────────────────────────────────────────────────────────────────
         reporter     reporter     permanent           1   shard 0
         aggregator   aggregator   permanent           2   aggregator.0 on shard 0
                                                           aggregator.1 on shard 1
         parser       parser       permanent           2   parser.0 on shard 0
                                                           parser.1 on shard 1

        input: the lines of examples/access_log/sample.log to parser, 1,024 at once
        report: aggregator is asked "totals", reporter is told and asked "report"
    "#]].assert_eq(&ran.out);
}

#[test]
fn inspect_shows_what_a_component_has_and_needs() {
    let ran = run(raddle(["inspect", "guests/prebuilt/echo-wasip2.wasm"])).with_code(0);
    for what in [
        "handles messages          yes",
        "is told of start and stop no",
        "can be asked its health   no",
        "raddle:actor/handler@0.1.0  (handle)",
        "wasi:io/streams@",
        "all of it denied",
    ] {
        assert!(ran.out.contains(what), "{what:?} is not in:\n{}", ran.out);
    }
    let bare = run(raddle(["inspect", "guests/prebuilt/echo.wasm"])).with_code(0);
    assert!(!bare.out.contains("wasi"), "{}", bare.out);
    assert!(bare.out.contains("needs granted: nothing;"), "{}", bare.out);
}

#[test]
fn inspect_says_the_same_to_programs() {
    let inspect = |name: &str| {
        let file = format!("guests/prebuilt/{name}.wasm");
        run(raddle(["inspect", &file, "--output", "json"])).with_code(0).json()
    };
    let exports = |info: &Value| {
        let mut names: Vec<_> =
            info["exports"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
        names.sort_by_key(Value::to_string);
        Value::from(names)
    };
    let counter = inspect("counter");
    let optional = [&counter["handler"], &counter["lifecycle"], &counter["health"]];
    assert_eq!(optional, [true, true, true]);
    let all = ["raddle:actor/handler@0.1.0", "raddle:actor/health@0.1.0", "raddle:actor/lifecycle@0.1.0"];
    assert_eq!(exports(&counter), json!(all));
    assert_eq!((&counter["name"], &counter["memory_bytes_initial"]), (&"counter".into(), &65_536.into()));
    assert_eq!(counter["wasi"], json!([]));

    let echo = inspect("echo");
    assert_eq!([&echo["handler"], &echo["lifecycle"], &echo["health"]], [true, false, false]);
    assert_eq!(exports(&echo), json!(["raddle:actor/handler@0.1.0"]));
    let ordinary = inspect("echo-wasip2");
    assert!(!ordinary["wasi"].as_array().unwrap().is_empty(), "{ordinary:#}");
    assert_eq!(ordinary["handler"], true);
}
