//! What docs/guide-guests.md says: its template, built both ways, and its guest in
//! JavaScript.

use raddle::actor::{Failure, RequestError};
use raddle::{ActorId, Handle, Spawn};

use crate::command::{Folder, Tap, ledger, raddle, run_with};
use crate::support::*;

#[test]
fn the_template_is_an_actor_however_it_is_built() {
    for name in ["greeter", "greeter-wasip2"] {
        everywhere(|runtime| {
            let actor = spawn(runtime, Spawn::new(load(runtime, name)).config("greeting", "Good day"));
            assert_eq!(text(runtime, actor, "Ada"), "Good day, Ada!");
            assert_eq!(text(runtime, actor, "Grace"), "Good day, Grace!");
            assert_eq!(text(runtime, actor, "how-many"), r#"{"greeted": 2}"#);
            assert_eq!(rejected(runtime, actor, " "), "nobody to greet");
        });
    }
}

#[test]
fn the_manifest_of_the_template_runs_it() {
    let manifest = std::fs::read_to_string(repository("guests/template/raddle.toml")).unwrap();
    let built = "target/wasm32-wasip2/release/greeter.wasm";
    assert!(manifest.contains(built), "{manifest}");
    let folder = Folder::new();
    let prebuilt = guest("greeter-wasip2");
    let manifest = folder.write("raddle.toml", manifest.replace(built, prebuilt.to_str().unwrap()));
    let command = raddle(["run", "--output", "json", "--log", "raddle::guest=info"]);
    let ran = run_with(command.tap(|it| it.arg(manifest)), b"Ada\nGrace\n\n").with_code(0);
    let report = ran.json();
    let [_, handled, failed, dead] = ledger(&report);
    assert_eq!((handled, failed, dead), (3, 0, 0), "{report:#}");
    assert_eq!(report["answered_with_failure"], 1, "{report:#}");
    ran.says("Good day, Grace!");
}

#[test]
fn an_actor_in_javascript_is_one_like_any_other() {
    everywhere(|runtime| {
        let tally = actor_on(runtime, "tally", last_shard(runtime));
        for order in [
            r#"{"item": "tea", "amount": 2}"#,
            r#"{"item": "Käse", "amount": 0.5}"#,
            r#"{"item": "tea", "amount": 40}"#,
        ] {
            assert_eq!(reply(runtime, tally, order).as_slice(), b"");
        }
        assert_eq!(text(runtime, tally, "totals"), r#"{"Käse":0.5,"tea":42}"#);
        for (wrong, why) in [("tea", "token"), ("7", "no order"), (r#"{"item": 1}"#, "no order")] {
            let said = rejected(runtime, tally, wrong);
            assert!(said.contains(why), "{wrong}: {said}");
        }
        // Another actor of the same component has a state of its own.
        let other = actor(runtime, "tally");
        assert_eq!(text(runtime, other, "totals"), "{}");
        assert_eq!(text(runtime, tally, "totals"), r#"{"Käse":0.5,"tea":42}"#);
    });
}

/// Why a request was rejected.
#[track_caller]
fn rejected(runtime: &Handle, actor: ActorId, question: &str) -> String {
    match ask(runtime, actor, question) {
        Err(RequestError::Failed(Failure::Rejected(why))) => why,
        other => panic!("{question}: {other:?}"),
    }
}
