//! `raddle run`: the main job, from its input to its report.

use std::fs;

use crate::access_log::Counts;
use crate::command::*;
use crate::support::*;

fn sample() -> String {
    fs::read_to_string(repository("examples/access_log/sample.log")).unwrap()
}

#[test]
fn the_example_counts_what_awk_counts() {
    let expected = Counts::of(sample().lines());
    assert_eq!((expected.lines, expected.malformed), (200, 1), "as its README says");
    for reactor in reactors() {
        for shards in ["1", "2", "3"] {
            let reactor = reactor.to_string();
            let options = ["--output", "json", "--shards", shards, "--reactor", &reactor];
            let report = run(raddle(["run", EXAMPLE]).tap(|it| it.args(options))).with_code(0).json();
            expected.assert_in(&report);
            assert_eq!(report["lines_read"], 200);
            assert_eq!(report["reactor"], reactor);
            assert_eq!((&report["restarts"], &report["interrupted"]), (&0.into(), &false.into()));
            assert_eq!(report["problems"], serde_json::json!([]));

            let per_shard = report["shards"].as_array().unwrap();
            assert_eq!(per_shard.len().to_string(), shards);
            assert!(per_shard.iter().all(|shard| count(&shard["handled"]) > 0), "{report:#}");
            let [accepted, handled, failed, dead] = ledger(&report);
            assert_eq!((accepted, failed, dead), (handled, 0, 0));
            assert!(handled >= 400, "each line goes to a parser and an aggregator: {handled}");
            assert_eq!(per_shard.iter().map(|shard| count(&shard["handled"])).sum::<u64>(), handled);

            let actors = report["actors"].as_array().unwrap();
            let parsed = actors.iter().filter(|actor| actor["name"].as_str().unwrap().starts_with("parser."));
            assert_eq!(parsed.map(|actor| count(&actor["messages"])).sum::<u64>(), 200, "{report:#}");
            assert!(actors.iter().all(|actor| count(&actor["memory_bytes"]) > 0), "{report:#}");

            let latency = ["p50", "p90", "p99", "p999", "max"].map(|key| count(&report["latency_ns"][key]));
            assert!(latency.is_sorted() && latency[0] > 0, "{latency:?}");
            assert_eq!(report["latency_ns"]["count"], 200, "each line once");
            assert!(report["messages_per_second"].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn people_get_tables() {
    let ran = run(raddle(["run", EXAMPLE, "--shards", "2"])).with_code(0);
    for what in ["malformed", "/posts/on-looms", "p99", "the ledger closes", "shard 1", "most CPU time"] {
        assert!(ran.out.contains(what), "{what} is not in:\n{}", ran.out);
    }
    ran.says("reactor ");
    let quiet = run(raddle(["run", EXAMPLE, "--quiet"])).with_code(0);
    assert_eq!(quiet.err, "", "only the report");
}

#[test]
fn lines_come_from_standard_input_and_from_other_files() {
    let folder = Folder::new();
    // Without an end of the last line, and with carriage returns.
    let lines: Vec<String> = sample().lines().take(77).map(str::to_owned).collect();
    let expected = Counts::of(lines.iter().map(String::as_str));
    let text = lines.join("\r\n");
    let file = folder.write("some.log", &text);
    let from_file = raddle(["run", EXAMPLE, "-o", "json", "--input"]).tap(|it| it.arg(file));
    expected.assert_in(&run(from_file).with_code(0).json());
    let from_stdin = raddle(["run", EXAMPLE, "-o", "json", "--input", "-"]);
    expected.assert_in(&run_with(from_stdin, text.as_bytes()).with_code(0).json());

    let nothing = run_with(raddle(["run", EXAMPLE, "-o", "json", "-i", "-"]), b"").with_code(0).json();
    assert_eq!((&nothing["lines"], &nothing["lines_read"]), (&0.into(), &0.into()));
    ledger(&nothing);
}

#[test]
fn a_line_that_traps_its_parser_is_failed_and_the_rest_goes_on() {
    const TRAP_ON: &str = "robots.txt";
    let folder = Folder::new();
    let sections = "[supervisor]\nrestarts_max = 1000";
    let manifest = folder.access_log(sections, &format!("trap_on = \"{TRAP_ON}\""));
    let trapping = sample().lines().filter(|line| line.contains(TRAP_ON)).count() as u64;
    assert!(trapping > 2);
    let ran = run(raddle(["run", "--shards", "2", "-o", "json"]).tap(|it| it.arg(manifest))).with_code(0);
    let report = ran.json();
    let sample = sample();
    Counts::of(sample.lines().filter(|line| !line.contains(TRAP_ON))).assert_in(&report);
    let [.., failed, dead] = ledger(&report);
    assert_eq!((failed, dead), (trapping, 0));
    assert_eq!((&report["restarts"], &report["exits"]["trap"]), (&trapping.into(), &trapping.into()));
    assert_eq!(report["lines_read"], 200);
}

#[test]
fn a_supervisor_that_gives_up_ends_the_run_with_its_report() {
    let folder = Folder::new();
    let sections = "[supervisor]\nrestarts_max = 2\nperiod_ms = 3600000";
    let manifest = folder.access_log(sections, "trap_on = \"GET\"");
    let ran = run(raddle(["run", "--shards", "2", "-o", "json"]).tap(|it| it.arg(manifest))).with_code(1);
    let report = ran.json();
    let [.., failed, _dead] = ledger(&report);
    assert_eq!(report["restarts"], 2, "{report:#}");
    // Two started again, one too many; the other parser may have trapped meanwhile.
    assert!((3..=4).contains(&failed), "{report:#}");
    assert!(report["problems"].to_string().contains("the supervisor gave up"), "{report:#}");
}

#[test]
fn a_supervisor_below_the_topmost_that_gives_up_comes_back_and_the_run_goes_on() {
    const TRAP_ON: &str = "robots.txt";
    let folder = Folder::new();
    let sections = "[supervisor]\nrestarts_max = 1000\n[supervisors.parsers]\nrestarts_max = 0\n";
    let manifest = folder.access_log(sections, &format!("trap_on = \"{TRAP_ON}\""));
    let text = fs::read_to_string(&manifest).unwrap();
    let parser = "component = \"parser\"\n";
    let under = text.replace(parser, &format!("{parser}supervisor = \"parsers\"\n"));
    assert_ne!(under, text);
    fs::write(&manifest, under).unwrap();
    let ran = run(raddle(["run", "--shards", "2", "-o", "json"]).tap(|it| it.arg(manifest))).with_code(0);
    let report = ran.json();
    let [.., failed, _dead] = ledger(&report);
    assert!(failed > 0, "each of them ended the supervisor of the parsers: {report:#}");
    assert_eq!(report["lines_read"], 200, "{report:#}");
    assert_eq!(report["restarts"], 0, "its parsers are new ones: {report:#}");
    assert_eq!(report["exits"]["trap"], failed);
}

/// The access log on one shard, with a mailbox for one of its components and this many
/// parsers, over this many copies of the sample.
fn with_mailbox(component: &str, mailbox: &str, parsers: u32, copies: usize) -> serde_json::Value {
    let folder = Folder::new();
    let manifest = folder.access_log("", "");
    let text = fs::read_to_string(&manifest).unwrap();
    let many = "component = \"parser\"\ninstances = \"per-shard\"";
    assert!(text.contains(many), "{text}");
    let text = text.replace(many, &format!("component = \"parser\"\ninstances = {parsers}"));
    fs::write(&manifest, format!("{text}\n[component.{component}.mailbox]\n{mailbox}\n")).unwrap();
    let command = raddle(["run", "--shards", "1", "-i", "-", "-o", "json"]).tap(|it| it.arg(manifest));
    let report = run_with(command, sample().repeat(copies).as_bytes()).with_code(0).json();
    assert_eq!(report["lines_read"], 200 * copies);
    report
}

#[test]
fn a_mailbox_of_the_manifest_drops_what_it_has_no_room_for_if_it_is_to() {
    for overflow in ["drop_oldest", "drop_newest"] {
        let mailbox = format!("messages_max = 1\noverflow = \"{overflow}\"");
        let report = with_mailbox("aggregator", &mailbox, 1, 20);
        let [accepted, handled, failed, dead] = ledger(&report);
        assert!(dead > 0, "a parser sends many before an aggregator runs: {report:#}");
        assert_eq!((accepted, failed, &report["ledger"]["refused"]), (handled + dead, 0, &0.into()));
        let letters = report["dead_letters"].to_string();
        assert!(letters.contains("mailbox-full"), "{letters}");
        assert_eq!(count(&report["lines"]) + dead, 4_000, "each line is counted, or was dropped: {report:#}");
    }
}

#[test]
fn a_mailbox_of_the_manifest_refuses_what_it_has_no_room_for() {
    for bound in ["messages_max = 1", "bytes_max = 1024"] {
        let report = with_mailbox("aggregator", bound, 3, 20);
        let [.., dead] = ledger(&report);
        let refused = count(&report["ledger"]["refused"]);
        assert!(refused > 0 && dead == 0, "{bound}: {report:#}");
        assert_eq!(report["answered_with_failure"], refused, "the parser says so: {report:#}");
        assert_eq!(count(&report["lines"]) + refused, 4_000, "{report:#}");
    }
}

/// Three parsers send more than one aggregator takes. It presses at half of its room,
/// and each of them sends one batch more at most.
#[test]
fn a_mailbox_of_the_manifest_with_backpressure_loses_nothing() {
    let report = with_mailbox("aggregator", "messages_max = 16", 3, 100);
    assert!(count(&report["ledger"]["refused"]) > 0, "or the test tests nothing: {report:#}");
    let report = with_mailbox("aggregator", "messages_max = 16\noverflow = \"backpressure\"", 3, 100);
    Counts::of(sample().repeat(100).lines()).assert_in(&report);
    let [.., failed, dead] = ledger(&report);
    assert_eq!((failed, dead, &report["ledger"]["refused"]), (0, 0, &0.into()), "{report:#}");
}

#[test]
fn what_has_waited_too_long_in_a_mailbox_of_the_manifest_is_expired() {
    // A thousand lines wait at once, and one takes more than a microsecond.
    let report = with_mailbox("parser", "time_to_live_ms = 1", 1, 100);
    let [accepted, handled, failed, dead] = ledger(&report);
    assert!(dead > 0 && failed == 0, "{report:#}");
    assert_eq!(accepted, handled + dead);
    assert!(report["dead_letters"].to_string().contains("expired"), "{report:#}");
    assert_eq!(count(&report["lines"]) + dead, 20_000, "{report:#}");
}

#[test]
fn an_actor_spawns_others_of_the_manifest() {
    let folder = Folder::new();
    let manifest = format!(
        r#"
        [component.boss]
        path = {puppet:?}
        grants = {{ send = ["crew"], spawn = ["worker"], register = ["crew.*"] }}
        limits = {{ children_max = 1 }}

        [component.worker]
        path = {puppet:?}
        grants = {{ register = ["crew"] }}

        [[actor]]
        name = "boss"
        component = "boss"
        config = {{ init = "spawn worker crew.1 linked init=join crew;spawn worker crew.2 linked init=join crew" }}

        [input]
        to = "boss"
        "#,
        puppet = guest("puppet").to_str().unwrap()
    );
    let manifest = folder.write("raddle.toml", manifest);
    // The boss handles each line, and so does its worker, once it is up: it may have
    // only one.
    let lines = "to-all crew note hello\n".repeat(5_000);
    let command = raddle(["run", "--shards", "1", "--check-ledger", "-o", "json", "-i", "-"]);
    let report = run_with(command.tap(|it| it.arg(manifest)), lines.as_bytes()).with_code(0).json();
    let [_, handled, failed, dead] = ledger(&report);
    assert!((5_001..=10_000).contains(&handled), "{report:#}");
    assert_eq!((failed, dead), (0, 0), "{report:#}");
}

#[test]
fn instances_of_a_template_do_the_work_and_are_restarted_one_by_one() {
    const TRAP_ON: &str = "robots.txt";
    let folder = Folder::new();
    let sections = "[supervisors.outer]\n[supervisors.pool]\nunder = \"outer\"\n\
                    strategy = \"simple_one_for_one\"\nrestarts_max = 1000\nshutdown_ms = 1000\n";
    let manifest = folder.access_log(sections, &format!("trap_on = \"{TRAP_ON}\""));
    let text = fs::read_to_string(&manifest).unwrap();
    let parser = "component = \"parser\"\n";
    let under = text.replace(parser, &format!("{parser}supervisor = \"pool\"\n"));
    assert_ne!(under, text);
    fs::write(&manifest, under).unwrap();
    let trapping = sample().lines().filter(|line| line.contains(TRAP_ON)).count() as u64;
    let command = raddle(["run", "--shards", "2", "-o", "json"]).tap(|it| it.arg(manifest));
    let report = run(command).with_code(0).json();
    let [_, _, failed, _] = ledger(&report);
    assert_eq!((failed, &report["restarts"]), (trapping, &trapping.into()), "{report:#}");
    assert_eq!(report["lines_read"], 200);
    let per_shard = report["shards"].as_array().unwrap();
    assert!(per_shard.iter().all(|shard| count(&shard["handled"]) > 50), "one on each shard: {report:#}");
}

#[test]
fn how_actors_are_is_in_the_report_up_the_tree() {
    let folder = Folder::new();
    let [counter, trapper] = ["counter", "trapper"].map(guest);
    let input = folder.write("lines", "add 1\nadd 2\n");
    let manifest = |health: &str| {
        let text = format!(
            r#"
{health}
[component.counter]
path = {counter:?}
[component.trapper]
path = {trapper:?}
[supervisors.site]
placement = "shard:1"
[supervisors.web]
under = "site"
placement = "shard:0"
[supervisors.db]
[[actor]]
name = "counter"
component = "counter"
supervisor = "db"
[[actor]]
name = "front"
component = "trapper"
supervisor = "web"
placement = "shard:1"
config = {{ health = "degraded" }}
[[actor]]
name = "sick"
component = "trapper"
config = {{ health = "unhealthy" }}
[input]
lines = {input:?}
to = "counter"
"#
        );
        folder.write("health.toml", text)
    };
    // Nobody is asked but once, at the end.
    let asked = manifest("[health]\ninterval_ms = 86_400_000");
    let command = |output| raddle(["run", "--shards", "2", "-o", output]).tap(|it| it.arg(&asked));
    let report = run(command("json")).with_code(0).json();
    let health = &report["health"];
    let being = |state: &str, why: &str| serde_json::json!({ "state": state, "why": why });
    assert_eq!(health["whole"], being("unhealthy", "sick: as configured"), "{health:#}");
    assert_eq!(health["supervisors"]["web"], being("degraded", "front: as configured"), "{health:#}");
    assert_eq!(health["supervisors"]["site"], being("degraded", "web: front: as configured"), "{health:#}");
    assert_eq!(health["supervisors"]["db"]["state"], "healthy", "{health:#}");
    assert_eq!(health["unwell"]["front"], being("degraded", "as configured"));
    assert_eq!(health["actors"], serde_json::json!({ "degraded": 1, "healthy": 1, "unhealthy": 1 }));
    assert_eq!(report["restarts"], 0, "once is not too often");
    let text = run(command("text")).with_code(0).out;
    assert!(text.contains("health: unhealthy (degraded 1, healthy 1, unhealthy 1)"), "{text}");
    assert!(text.contains("sick unhealthy: as configured"), "{text}");

    // Once is too often: it is ended, and its supervisor starts it again.
    let strict = manifest("[health]\ninterval_ms = 86_400_000\nunhealthy_in_a_row_max = 1");
    let report =
        run(raddle(["run", "--shards", "2", "-o", "json"]).tap(|it| it.arg(strict))).with_code(0).json();
    assert_eq!((&report["restarts"], &report["exits"]["unhealthy"]), (&1.into(), &1.into()), "{report:#}");

    // Without the table nobody is asked.
    let silent = manifest("");
    let report =
        run(raddle(["run", "--shards", "2", "-o", "json"]).tap(|it| it.arg(silent))).with_code(0).json();
    assert_eq!(report.get("health"), None);
}

#[test]
fn a_line_that_is_longer_than_a_message_is_skipped_and_said() {
    let folder = Folder::new();
    let manifest = folder.access_log("[runtime]\nmessage_bytes_max = 1024", "");
    let sample = sample();
    let text = format!("{}\n{sample}{}", "x".repeat(5_000), "y".repeat(3_000_000));
    let command = raddle(["run", "-i", "-", "-o", "json"]).tap(|it| it.arg(manifest));
    let report = run_with(command, text.as_bytes()).with_code(0).json();
    Counts::of(sample.lines()).assert_in(&report);
    let problems = report["problems"].to_string();
    assert!(problems.contains("2 lines are longer than a message may be"), "{problems}");
    ledger(&report);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    for output in ["text", "json"] {
        let mut child = raddle(["run", EXAMPLE, "--output", output]).spawn().unwrap();
        drop(child.stdout.take());
        finish(child).with_code(0);
    }
    let mut child = raddle(["inspect", "guests/prebuilt/echo.wasm"]).spawn().unwrap();
    drop(child.stdout.take());
    finish(child).with_code(0);
}

#[test]
fn any_component_can_be_told_to_be_suspendable() {
    let folder = Folder::new();
    let manifest = folder.access_log("", "");
    let text = fs::read_to_string(&manifest).unwrap();
    let suspendable = text.replace("grants = {", "class = \"suspendable\"\ngrants = {");
    assert_ne!(text, suspendable);
    let manifest = folder.write("suspendable.toml", suspendable);
    let report = run(raddle(["run", "-o", "json"]).tap(|it| it.arg(manifest))).with_code(0).json();
    Counts::of(sample().lines()).assert_in(&report);
}

#[test]
fn an_actor_that_chooses_not_to_start_has_not_failed() {
    let folder = Folder::new();
    let [puppet, counter] = ["puppet", "counter"].map(guest);
    let input = folder.write("input", "add 1\nadd 2\n");
    let manifest = format!(
        r#"
[component.puppet]
path = {puppet:?}
[component.counter]
path = {counter:?}
[[actor]]
name = "shy"
component = "puppet"
config = {{ init = "ignore-start" }}
[[actor]]
name = "counter"
component = "counter"
[input]
lines = {input:?}
to = "counter"
"#
    );
    let manifest = folder.write("shy.toml", manifest);
    let report =
        run(raddle(["run", "--shards", "2", "-o", "json"]).tap(|it| it.arg(manifest))).with_code(0).json();
    let [_, handled, failed, dead] = ledger(&report);
    assert_eq!((handled, failed, dead), (2, 0, 0), "{report:#}");
    assert_eq!((&report["restarts"], &report["problems"]), (&0.into(), &serde_json::json!([])));
}
