//! A report as people see it, and as programs do.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

fn latency(p50: u64) -> Latency {
    Latency { count: 100, p50, p90: p50 * 3, p99: p50 * 20, p999: p50 * 90, max: p50 * 700 }
}

fn ledger(handled: u64, failed: u64, dead: u64) -> Ledger {
    let dead_by_reason = [("drained".to_owned(), dead)].into_iter().filter(|(_, dead)| *dead > 0).collect();
    Ledger { accepted: handled + failed + dead, handled, failed, dead, dead_by_reason, ..Ledger::default() }
}

fn shard(shard: u16, handled: u64, failed: u64) -> ShardFigures {
    ShardFigures {
        shard,
        core: Some(usize::from(shard)),
        actors: 2,
        ledger: ledger(handled, failed, 0),
        restarts: failed,
        latency_ns: latency(5_000 + 777 * u64::from(shard)),
    }
}

/// Of six actors, one without a name.
fn used(cpu_ms: u64) -> ActorFigures {
    ActorFigures {
        actor: format!("0.{cpu_ms}.1"),
        name: (cpu_ms != 4).then(|| format!("worker.{cpu_ms}")),
        cpu_ns: cpu_ms * 1_000_000,
        memory_bytes: 128 << 10,
        messages: 1_000 * cpu_ms,
        host_calls: 3,
        denied: u64::from(cpu_ms == 5),
    }
}

fn report() -> RunReport {
    let findings = json!({
        "lines": 10_000,
        "malformed": 1,
        "bytes": 2_747_282_505u64,
        "status": { "200": 9126, "404": 213 },
        "top_paths": [["/favicon.ico", 807], ["/style2.css", 546]],
    });
    let Value::Object(findings) = findings else { unreachable!("an object") };
    RunReport {
        findings,
        run: RunFigures {
            lines_read: 10_000,
            elapsed_s: 0.1234,
            messages_per_second: 162_074.56,
            latency_ns: latency(5_400),
            ledger: ledger(20_003, 1, 0),
            answered_with_failure: 0,
            restarts: 1,
            exits: [("trap".to_owned(), 1)].into(),
            dead_letters: Vec::new(),
            shards: vec![shard(0, 10_001, 1), shard(1, 10_002, 0)],
            actors: (1..=6).rev().map(used).collect(),
            reactor: "glommio".to_owned(),
            health: None,
            interrupted: false,
            problems: Vec::new(),
        },
    }
}

fn found(findings: Value, expected: &Expect) {
    let Value::Object(findings) = findings else { unreachable!("an object") };
    // The first line keeps `expect!` from taking off our own indentation.
    expected.assert_eq(&format!("found:\n{}\n", findings::to_text(&findings)));
}

#[test]
fn people_see_tables() {
    expect![[r#"
        10,000 lines in 123 ms on 2 shards (glommio): 162,075 messages a second

         lines              10,000
         malformed               1
         bytes       2,747,282,505   2.56 GiB

         status
        ────────────────
         200      9,126
         404        213

         top paths
        ────────────────────
         /favicon.ico   807
         /style2.css    546

         latency       p50       p90      p99    p99.9       max
        ─────────────────────────────────────────────────────────
         shard 0   5.00 µs   15.0 µs   100 µs   450 µs   3.50 ms
         shard 1   5.78 µs   17.3 µs   116 µs   520 µs   4.04 ms
         all       5.40 µs   16.2 µs   108 µs   486 µs   3.78 ms

         messages   accepted   handled   failed   dead   resident   restarts   actors
        ──────────────────────────────────────────────────────────────────────────────
         shard 0      10,002    10,001        1      0          0          1        2
         shard 1      10,002    10,002        0      0          0          0        2
         all          20,004    20,003        1      0          0          1        4

         most CPU time       CPU    memory   messages   host calls   denied
        ────────────────────────────────────────────────────────────────────
         worker.6        6.00 ms   128 KiB      6,000            3        0
         worker.5        5.00 ms   128 KiB      5,000            3        1
         0.4.1           4.00 ms   128 KiB      4,000            3        0
         worker.3        3.00 ms   128 KiB      3,000            3        0
         worker.2        2.00 ms   128 KiB      2,000            3        0

         the ledger closes: 20,004 accepted = 20,003 handled + 1 failed + 0 dead + 0 resident
         actors ended: trap 1
    "#]]
    .assert_eq(&report().to_text());
}

#[test]
fn people_see_what_went_wrong() {
    let mut report = report();
    report.findings.clear();
    report.run.shards.truncate(1);
    report.run.interrupted = true;
    report.run.ledger = ledger(15, 2, 3);
    report.run.ledger.accepted += 1;
    report.run.ledger.refused = 12_345;
    report.run.answered_with_failure = 7;
    report.run.lines_read = 1;
    report.run.problems = vec!["the reporter did not answer: no reply by the deadline".to_owned()];
    expect![[r#"
        interrupted after 1 line in 123 ms on 1 shard (glommio): 162,075 messages a second

         ! the reporter did not answer: no reply by the deadline

         latency       p50       p90      p99    p99.9       max
        ─────────────────────────────────────────────────────────
         all       5.40 µs   16.2 µs   108 µs   486 µs   3.78 ms

         messages   accepted   handled   failed   dead   resident   restarts   actors
        ──────────────────────────────────────────────────────────────────────────────
         all              21        15        2      3          0          1        2

         most CPU time       CPU    memory   messages   host calls   denied
        ────────────────────────────────────────────────────────────────────
         worker.6        6.00 ms   128 KiB      6,000            3        0
         worker.5        5.00 ms   128 KiB      5,000            3        1
         0.4.1           4.00 ms   128 KiB      4,000            3        0
         worker.3        3.00 ms   128 KiB      3,000            3        0
         worker.2        2.00 ms   128 KiB      2,000            3        0

         THE LEDGER DOES NOT CLOSE: 21 accepted, but 15 handled + 2 failed + 3 dead + 0 resident
         dead because: drained 3
         answered with a failure: 7
         refused at send: 12,345
         actors ended: trap 1
    "#]]
    .assert_eq(&report.to_text());
}

#[test]
fn people_see_who_is_not_well() {
    let mut report = RunReport::default();
    let slow = |why: &str| WellBeing { state: "degraded", why: Some(why.to_owned()) };
    report.run.health = Some(HealthFigures {
        whole: slow("web: front: slow\u{1b}"),
        supervisors: [
            ("db".to_owned(), WellBeing { state: "healthy", why: None }),
            ("web".to_owned(), slow("front: slow\u{1b}")),
        ]
        .into(),
        actors: [("degraded".to_owned(), 1), ("healthy".to_owned(), 1_234)].into(),
        unwell: [("front".to_owned(), slow("slow\u{1b}"))].into(),
    });
    let text = report.to_text();
    let health = text.split_once(" health: ").map(|(_, health)| health);
    expect![[r#"
        degraded (degraded 1, healthy 1,234)
           web degraded: front: slow\u{1b}
           front degraded: slow\u{1b}
    "#]]
    .assert_eq(health.unwrap_or_default());
    let json = report.to_json();
    assert_eq!(json["health"]["whole"], json!({ "state": "degraded", "why": "web: front: slow\u{1b}" }));
    assert_eq!(json["health"]["supervisors"]["db"]["state"], "healthy");
    assert_eq!(json["health"]["unwell"]["front"]["why"], "slow\u{1b}");
    assert_eq!(RunReport::default().to_json().get("health"), None, "nobody was asked");
}

#[test]
fn an_empty_report_is_still_one() {
    expect![[r#"
        0 lines in 0 ns on 0 shards (): 0 messages a second

         latency   p50   p90   p99   p99.9   max
        ─────────────────────────────────────────
         all         -     -     -       -     -

         messages   accepted   handled   failed   dead   resident   restarts   actors
        ──────────────────────────────────────────────────────────────────────────────
         all               0         0        0      0          0          0        0

         the ledger closes: 0 accepted = 0 handled + 0 failed + 0 dead + 0 resident
    "#]]
    .assert_eq(&RunReport::default().to_text());
}

#[test]
fn programs_see_one_object() {
    let json = report().to_json();
    for key in ["lines", "malformed", "bytes", "restarts", "messages_per_second", "elapsed_s", "lines_read"] {
        assert!(json[key].is_number(), "{key}");
    }
    assert_eq!(json["status"]["404"], 213);
    assert_eq!(json["top_paths"][1], json!(["/style2.css", 546]));
    for key in ["accepted", "handled", "failed", "dead", "resident"] {
        assert!(json["ledger"][key].is_u64(), "ledger.{key}");
        assert!(json["shards"][0][key].is_u64(), "shards[0].{key}");
    }
    for key in ["p50", "p90", "p99", "p999", "max"] {
        assert!(json["latency_ns"][key].is_u64(), "latency_ns.{key}");
        assert!(json["shards"][1]["latency_ns"][key].is_u64(), "shards[1].latency_ns.{key}");
    }
    assert_eq!(json["actors"].as_array().map(Vec::len), Some(6));
    let first = &json["actors"][0];
    assert_eq!((&first["name"], &first["cpu_ns"]), (&json!("worker.6"), &json!(6_000_000)));
    for key in ["memory_bytes", "messages", "host_calls", "denied"] {
        assert!(first[key].is_u64(), "actors[0].{key}");
    }
    assert_eq!(json["reactor"], "glommio");
    assert_eq!(json["interrupted"], false);
    assert_eq!(json["exits"], json!({ "trap": 1 }));
    let keys: Vec<_> = json.as_object().into_iter().flat_map(|object| object.keys()).take(3).collect();
    assert_eq!(keys, ["lines", "malformed", "bytes"], "the findings come first, in their order");
}

#[test]
fn findings_never_replace_the_figures() {
    let mut report = report();
    report.findings.insert("ledger".to_owned(), json!("mine"));
    let json = report.to_json();
    assert_eq!(json["ledger"]["accepted"], 20_004);
    assert_eq!(json["report_ledger"], "mine");
}

#[test]
fn a_ledger_closes_or_does_not() {
    assert!(Ledger::default().closes());
    assert!(ledger(1, 2, 3).closes());
    assert!(!Ledger { accepted: 1, ..Ledger::default() }.closes());
    let overflowing = Ledger { handled: u64::MAX, failed: 1, ..Ledger::default() };
    assert!(!overflowing.closes(), "0 accepted, and more than can be counted handled");
}

#[test]
fn the_figures_of_a_runtime_arrive() {
    let mut measured =
        metrics::Ledger { accepted: 9, handled: 4, failed: 2, refused: 5, ..Default::default() };
    measured.dead_by_reason[DeadReason::Drained as usize] = 3;
    let ledger = Ledger::from(measured);
    assert!(ledger.closes());
    assert_eq!((ledger.dead, ledger.refused), (3, 5));
    assert_eq!(ledger.dead_by_reason, [("drained".to_owned(), 3)].into());

    let mut latency = metrics::Latency::new();
    latency.record_ns(500);
    let latency = Latency::from(latency.summary());
    assert_eq!((latency.count, latency.p50, latency.max), (1, 500, 500));
}

#[test]
fn any_findings_can_be_shown() {
    found(
        json!({ "name": "x", "none": null, "flag": true, "ratio": 0.5, "below": -3 }),
        &expect![[r#"
            found:
             name      x
             none      -
             flag    yes
             ratio   0.5
             below    -3
        "#]],
    );
    found(
        json!({ "sent_bytes": 1_048_576, "bytes": 9_999 }),
        &expect![[r#"
            found:
             sent bytes   1,048,576   1 MiB
             bytes            9,999
        "#]],
    );
    found(
        json!({ "empty": {}, "nothing": [] }),
        &expect![[r#"
            found:
             empty: none

             nothing: none
        "#]],
    );
    found(
        json!({ "tags": ["a", "b"], "mixed": [["a", 1, true], ["b"], "c"] }),
        &expect![[r#"
            found:
             tags
            ──────
             a
             b

             mixed
            ─────────────────
             a       1   yes
             b
             c
        "#]],
    );
    found(
        json!({ "hosts": [{ "name": "a", "load": 1 }, { "name": "b", "disk_bytes": 5 }] }),
        &expect![[r#"
            found:
             hosts
             name   load   disk bytes
            ──────────────────────────
             a         1            -
             b         -            5
        "#]],
    );
    found(
        json!({ "deep": { "a": { "b": [1, 2] } } }),
        &expect![[r#"
            found:
             deep
            ────────────────────
             a      {"b":[1,2]}
        "#]],
    );
}

#[test]
fn a_terminal_is_not_at_the_mercy_of_a_log() {
    found(
        json!({ "top_paths": [["/\u{1b}[31mred\u{7}\n", 1]] }),
        &expect![[r#"
            found:
             top paths
            ───────────────────────────
             /\u{1b}[31mred\u{7}\n   1
        "#]],
    );
}

#[test]
fn the_latest_dead_letters_are_shown_last_one_first() {
    let mut report = report();
    report.run.dead_letters = (0..9).map(|number| format!("expired: {number} bytes")).collect();
    let text = report.to_text();
    let shown: Vec<_> = text.lines().filter(|line| line.contains("expired: ")).map(str::trim).collect();
    let expected: Vec<_> = (4..9).rev().map(|number| format!("expired: {number} bytes")).collect();
    assert_eq!(shown, expected);
    assert_eq!(report.to_json()["dead_letters"].as_array().map(Vec::len), Some(9));
}
