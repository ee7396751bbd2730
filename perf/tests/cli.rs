//! The command line, with runs as small as they get: that figures are proved, that
//! what is written can be read, and what rubbish is answered with. No figure is
//! looked at for its size.

mod long;
mod support;

use serde_json::Value;
use support::{Ran, raddle_perf, start};

/// Small, and as JSON.
const QUICK: [&str; 9] = ["--repeats", "2", "--warmup", "1", "--noise-ms", "2", "--shards", "2", "--json"];

fn run(args: &[&str]) -> Value {
    let args = [&["run"], args, &QUICK].concat();
    raddle_perf(&args).json()
}

/// The same at a set rate, again if the machine was so busy with others that a sender
/// was a second behind, and gave up.
fn run_that_keeps_up(args: &[&str]) -> Value {
    let keeps_up =
        |saved: &Value| saved["figures"].as_array().unwrap().iter().all(|one| one["kept_up"] == true);
    let mut runs = (0..10).map(|_| run(args));
    runs.find(keeps_up).expect("the rate is never kept up")
}

fn titles(saved: &Value) -> Vec<&str> {
    saved["figures"].as_array().unwrap().iter().map(|figure| figure["title"].as_str().unwrap()).collect()
}

fn figure<'a>(saved: &'a Value, title: &str) -> &'a Value {
    let figures = saved["figures"].as_array().unwrap();
    figures
        .iter()
        .find(|figure| figure["title"] == title)
        .unwrap_or_else(|| panic!("no `{title}` among {:?}", titles(saved)))
}

#[test]
fn every_workload_adds_up() {
    let saved = run(&[
        "tell",
        "ring",
        "ping-pong",
        "fan-in",
        "fan-out",
        "pairs",
        "ask",
        "publish",
        "spawn-stop",
        "restart-storm",
        "mixed",
        "access-log",
        "--messages",
        "2000",
        "--actors",
        "5",
        "--pairs",
        "6",
        "--payload",
        "100",
    ]);
    assert_eq!(saved["is_complete"], true);
    for title in [
        "bare wasmtime call",
        "tell, same shard",
        "tell, across shards",
        "ring of 5, same shard",
        "ring of 5, across shards",
        "ping-pong, same shard",
        "fan-in of 5, across shards",
        "fan-out to 5, across shards",
        "6 pairs on 2 shards",
        "ask from outside",
        "publish to 5, same shard",
        "publish to 5, across shards",
        "mixed, 80 % tell, 15 % ask, 5 % publish, 5 guests",
        "spawn, first message, stop, on 2 shards",
        "restart storm among 5",
        "access log, 2 parsers and aggregators",
    ] {
        let rounds = figure(&saved, title)["ns_per_unit"].as_array().unwrap();
        assert_eq!(rounds.len(), 2, "{title}");
        assert!(rounds.iter().all(|ns| ns.as_f64().unwrap() > 0.0), "{title}");
    }
    assert_eq!(figure(&saved, "tell, same shard")["units_per_round"], 2_000);
    assert_eq!(figure(&saved, "restart storm among 5")["units_per_round"], 20);
}

#[test]
fn at_a_set_rate_every_message_has_its_latency_and_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let saved = run_that_keeps_up(&[
        "tell",
        "pairs",
        "ask",
        "component",
        "--component",
        "guests/prebuilt/counter.wasm",
        "--message",
        "add",
        "--rate",
        "1000",
        "--duration-ms",
        "200",
        "--pairs",
        "4",
        "--out",
        out,
    ]);
    for (title, path) in [
        ("tell, same shard", "same-shard"),
        ("tell, across shards", "across-shards"),
        ("4 pairs on 2 shards", "same-shard"),
        ("ask from outside", "from-outside"),
        ("counter, from outside", "from-outside"),
    ] {
        let figure = figure(&saved, title);
        let latencies = figure["latencies"].as_array().unwrap();
        assert_eq!(latencies.len(), 1, "{title}");
        assert_eq!(latencies[0]["path"], path, "{title}");
        let stages = latencies[0]["stages"].as_array().unwrap();
        let all = stages.iter().find(|stage| stage["stage"] == "all").unwrap();
        // 1,000 a second for 0.2 s, twice.
        assert_eq!(all["count"], 400, "{title}");
        let has = |name: &str| stages.iter().any(|stage| stage["stage"] == name);
        assert_eq!(has("replied"), title.starts_with("ask"), "{title}");
        assert!(has("handled"), "{title}");
        // A component of somebody else says nothing of when its messages were sent.
        assert_eq!(has("enqueued"), !title.starts_with("counter"), "{title}");
        let is_ours = !title.starts_with("counter");
        assert_eq!(has("waited"), is_ours, "{title}");
        assert_eq!(has("crossed"), is_ours && path != "same-shard", "{title}");
        assert!(!has("crossed and waited"), "{title}");
        assert!(!figure["over_time"].as_array().unwrap().is_empty());
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&read("run.json")).unwrap(), saved);
    let sampled = ["tell", "--rate", "1000", "--duration-ms", "200", "--sample-every", "5"];
    let sampled = run_that_keeps_up(&[&sampled[..], &["--place", "same"]].concat());
    // The first of each five, in two rounds of 200.
    assert_eq!(figure(&sampled, "tell, same shard")["latencies"][0]["stages"][0]["count"], 80);
    let hgrm = read("tell-same-shard-at-1000-s.hgrm");
    assert!(hgrm.contains("Percentile") && hgrm.contains("Total count    =          400"), "{hgrm}");
    for stage in ["across-shards-all", "across-shards-enqueued", "across-shards-handled"] {
        let hgrm = read(&format!("tell-across-shards-at-1000-s.{stage}.hgrm"));
        assert!(hgrm.contains("Total count    =          400"), "{stage}: {hgrm}");
    }
    assert!(read("tell-same-shard-at-1000-s.same-shard-waited.hgrm").contains("=          400"));
    let hlog = read("tell-same-shard-at-1000-s.hlog");
    assert!(hlog.starts_with("#") && hlog.contains("[StartTime: "), "{hlog}");
    let html = read("report.html");
    assert!(html.contains("tell, across shards") && html.contains("<svg"), "{html}");
    for from_elsewhere in ["src=", "href=", "@import"] {
        assert!(!html.contains(from_elsewhere), "{from_elsewhere}");
    }
    assert!(read("percentiles.svg").contains("ask from outside"));
    assert!(read("over-time.svg").contains("tell, same shard"));
}

#[test]
fn each_round_trip_of_a_ping_pong_is_told() {
    let saved = run(&["ping-pong", "--latency", "--messages", "2000"]);
    for (title, path) in
        [("ping-pong, same shard", "same-shard"), ("ping-pong, across shards", "across-shards")]
    {
        let latencies = figure(&saved, title)["latencies"].as_array().unwrap();
        assert_eq!((latencies.len(), &latencies[0]["path"]), (1, &path.into()), "{title}");
        // 1,000 round trips in each of two rounds; of the last one only the half is seen.
        assert_eq!(latencies[0]["stages"][0]["count"], 2 * 999, "{title}");
        // None is longer than its round.
        let rounds = figure(&saved, title)["ns_per_unit"].as_array().unwrap();
        let round_ns = rounds.iter().map(|ns| ns.as_f64().unwrap() * 1_000.0).fold(0.0, f64::max);
        assert!(latencies[0]["stages"][0]["max_ns"].as_f64().unwrap() <= round_ns, "{title}");
    }
}

/// All are due at once: what the guest's mailbox does not take is refused.
#[test]
fn asks_that_are_refused_are_a_rate_that_is_not_kept_up() {
    let args = ["ask", "--rate", "100000000", "--duration-ms", "10", "--sample-every", "10"];
    let saved = raddle_perf(
        &[&["run"], &args[..], &["--repeats", "1", "--warmup", "0", "--noise-ms", "2", "--json"]].concat(),
    )
    .json();
    let asked = figure(&saved, "ask from outside");
    let count = asked["latencies"][0]["stages"][0]["count"].as_u64().unwrap();
    assert!((1..=100_000).contains(&count), "{count}");
    assert_eq!(asked["kept_up"], count == 100_000, "{count}");
}

#[test]
fn a_sweep_tells_the_knee() {
    let args = [
        "sweep",
        "tell",
        "--messages",
        "2000",
        "--duration-ms",
        "50",
        "--noise-ms",
        "2",
        "--shards",
        "1",
        "--repeats",
        "3",
        "--json",
    ];
    let saved = raddle_perf(&args).json();
    let rates: Vec<f64> = saved["figures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|figure| figure["offered_per_second"].as_f64().unwrap())
        .collect();
    assert!(rates.is_sorted() && !rates.is_empty(), "{rates:?}");
    let knee = saved["setup"]["knee_per_second"].as_f64();
    assert!(knee.is_none_or(|knee| rates.contains(&knee)), "{knee:?}: {rates:?}");
    let at_half = |knee| rates.iter().filter(|&&rate| rate == knee / 2.0).count();
    assert!(knee.is_none_or(|knee| at_half(knee) >= 3), "{knee:?}: {rates:?}");
    assert_eq!(saved["setup"]["p999_ns_at_half_the_knee"].as_u64().is_some(), knee.is_some());
}

#[test]
fn batches_and_fibers_add_up_too() {
    for how in [["--batch", "32"], ["--class", "suspendable"], ["--layout", "compact"]] {
        let args =
            ["tell", "fan-in", "pairs", "ring", "ask", "--messages", "2000", "--actors", "4", "--pairs", "4"];
        let saved = run(&[&args[..], &how].concat());
        assert!(figure(&saved, "tell, same shard")["ns_per_unit"][1].as_f64().unwrap() > 0.0, "{how:?}");
        assert!(figure(&saved, "bare flat-frame call, 32 at once")["ns_per_unit"][1].as_f64().unwrap() > 0.0);
        let on_fibers = saved["figures"].as_array().unwrap().iter();
        let on_fibers = on_fibers.filter(|figure| figure["title"] == "bare wasmtime call_async").count();
        assert_eq!(on_fibers, usize::from(how[1] == "suspendable"));
    }
    let open = ["tell", "--batch", "32", "--rate", "2000", "--duration-ms", "100"];
    let saved = run_that_keeps_up(&open);
    assert_eq!(figure(&saved, "tell, same shard")["latencies"][0]["stages"][0]["count"], 400);
}

#[test]
fn what_does_not_add_up_is_an_error() {
    // Echo answers with what it is asked, and never counts.
    let lied = raddle_perf(&["run", "tell", "--messages", "10", "--guest", "guests/prebuilt/echo.wasm"]);
    lied.fails_with("the guest's count is not two words");
    let folder = tempfile::tempdir().unwrap();
    let trap = folder.path().join("trap");
    std::fs::write(&trap, [6, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let rejected = raddle_perf(&[
        "run",
        "component",
        "--component",
        "guests/prebuilt/counter.wasm",
        "--message",
        "rubbish",
        "--messages",
        "10",
        "--noise-ms",
        "1",
    ]);
    rejected.fails_with("does not handle its message `rubbish` (7 bytes)");
    rejected.fails_with("rejected: expected `add`");
    let trapped = raddle_perf(&[
        "run",
        "--component",
        "guests/prebuilt/sum.wasm",
        "--message-file",
        trap.to_str().unwrap(),
        "--messages",
        "10",
    ]);
    trapped.fails_with("the callee ended: ");
}

/// Nothing but the program and somebody's component.
#[test]
fn a_stranger_is_measured_from_any_folder() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("theirs.wasm");
    std::fs::copy(support::root().join("guests/prebuilt/echo-wasip2.wasm"), &component).unwrap();
    let args = ["run", "--component", "theirs.wasm", "--messages", "100"];
    let saved: Value = support::raddle_perf_in(folder.path(), &[&args[..], &QUICK].concat()).json();
    assert_eq!(figure(&saved, "theirs, from outside")["units_per_round"], 100);
    assert_eq!(figure(&saved, "bare wasmtime call")["ns_per_unit"].as_array().unwrap().len(), 2);
}

#[test]
fn rubbish_is_answered_clearly() {
    for (args, said) in [
        (&["run"][..], "required arguments were not provided"),
        (&["run", "tel"], "a similar value exists: 'tell'"),
        (&["run", "tell", "--payload", "7"], "expected from 8 to 1048576 bytes"),
        (&["run", "tell", "--actors", "0"], "expected from 1 to 10000 actors"),
        (&["run", "tell", "--shards", "0"], "--shards is 0"),
        (&["run", "tell", "--batch", "0"], "expected from 1 to 1024 messages"),
        (&["run", "tell", "--latency"], "only ping-pong tells latencies"),
        (&["run", "ping-pong", "--latency", "--rate", "5"], "cannot be used with"),
        (&["run", "tell", "--rate", "0"], "messages a second"),
        (&["run", "tell", "--rate", "NaN"], "messages a second"),
        (&["run", "ring", "--rate", "10"], "`ring` sets its own pace"),
        (&["run", "tell", "--rate", "10", "--payload", "8"], "takes at least 32 bytes"),
        (&["run", "component"], "takes --component FILE"),
        (&["run", "component", "--component", "no.wasm"], "--component no.wasm"),
        (&["run", "tell", "--guest", "Cargo.toml"], "--guest Cargo.toml"),
        (&["run", "access-log", "--log", "no.log"], "--log no.log"),
        (&["run", "component", "--config", "key"], "expected KEY=VALUE"),
        (&["run", "--component", "guests/prebuilt/echo.wasm", "--message-file", "no"], "--message-file no"),
        (&["run", "--component", "Cargo.toml"], "`Cargo` is no valid component"),
        (&["run", "tell", "--reactor", "steam"], "steam"),
        (&["run", "tell", "--place", "across", "--shards", "1"], "takes 2 shards"),
        (&["sweep", "ping-pong"], "`ping-pong` sets its own pace"),
        (&["sweep", "tell", "--place", "both"], "a sweep is of one place"),
        (&["compare", "no.json", "no.json"], "no.json"),
        (&["compare", "Cargo.toml", "Cargo.toml"], "not a run that raddle-perf saved"),
    ] {
        raddle_perf(args).fails_with(said);
    }
}

#[cfg(not(feature = "race"))]
#[test]
fn without_the_rivals_a_race_says_how_to_get_them() {
    raddle_perf(&["race", "--messages", "10"]).fails_with("--features race");
}

#[cfg(feature = "race")]
#[test]
fn every_rival_adds_up() {
    let args =
        ["race", "--messages", "400", "--actors", "3", "--pairs", "4", "--repeats", "1", "--warmup", "0"];
    let saved = raddle_perf(&[&args[..], &["--noise-ms", "2", "--shards", "2", "--json"]].concat()).json();
    let bars = saved["bars"].as_array().unwrap();
    for workload in ["tell", "ring", "ping-pong", "fan-in", "pairs", "spawn-stop", "ask"] {
        let who: Vec<_> =
            titles(&saved).into_iter().filter(|title| title.starts_with(&format!("{workload}: "))).collect();
        for rival in
            ["raddle", "tokio, native", "call_async", "best", "core module", "actix", "ractor", "kameo"]
        {
            assert!(who.iter().any(|title| title.contains(rival)), "no {rival} in {workload}: {who:?}");
        }
        assert!(who.iter().any(|title| title.contains("batches of 32")), "{who:?}");
        let prefix = format!("{workload}: ");
        let of_it = bars.iter().filter(|bar| bar["title"].as_str().unwrap().starts_with(&prefix)).count();
        assert!(of_it >= 2, "no bars for {workload}: {bars:#?}");
    }
    for (title, unit) in [
        ("spawn-stop: raddle (spawn, first message, stop, on 1 shard)", "life"),
        ("spawn-stop: raddle (spawn, first message, stop, on 2 shards)", "life"),
        ("spawn-stop: tokio + component, best, a runtime on each core", "life"),
        ("pairs: kameo, native, a runtime on each core", "message"),
        ("ask: actix, native, kept awake", "reply"),
        ("bare call that sends once", "message"),
        ("bare host send, one of 100 in a call", "message"),
        ("bare life: store, instance, call, drop", "life"),
        ("bare lives, on all cores at once", "life"),
        ("bare ring, two cores", "message"),
        ("bare ring, there and back", "round trip"),
    ] {
        assert_eq!(figure(&saved, title)["unit"], unit, "{title}");
        assert_eq!(figure(&saved, title)["ns_per_unit"].as_array().unwrap().len(), 1, "{title}");
    }
    raddle_perf(&["race", "publish"]).fails_with("nobody else runs `publish`");
}

#[test]
fn two_runs_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let saved = run(&["ask", "--messages", "200"]);
    let asked = titles(&saved).iter().position(|title| *title == "ask from outside").unwrap();
    let with = |name: &str, rounds: [f64; 3], rate: Option<f64>| {
        let mut saved = saved.clone();
        saved["figures"][asked]["ns_per_unit"] = rounds.to_vec().into();
        saved["figures"][asked]["offered_per_second"] = rate.into();
        let path = folder.path().join(name);
        std::fs::write(&path, saved.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let before = with("before.json", [100.0, 101.0, 102.0], None);
    let slower = with("slower.json", [130.0, 131.0, 132.0], None);
    let other = with("other.json", [100.0, 101.0, 102.0], Some(5.0));
    let said = raddle_perf(&["compare", &before, &slower]).succeeds();
    assert!(said.contains("+29.7 %") && said.contains("SLOWER"), "{said}");
    let said = raddle_perf(&["compare", &slower, &before]).succeeds();
    assert!(said.contains("faster") && !said.contains("SLOWER"), "{said}");
    let said = raddle_perf(&["compare", &before, &before]).succeeds();
    assert!(said.contains("within noise") && !said.contains("faster"), "{said}");
    let said = raddle_perf(&["compare", &before, &other]).succeeds();
    assert!(said.contains("only before: ask from outside"), "{said}");
}

/// What a run gives that was interrupted as soon as it had this figure: earlier it is
/// tried again, and later interrupted.
fn interrupted(args: &[&str], title: &str) -> Value {
    for seconds in [2, 4, 8, 16, 32] {
        let running = start(args);
        std::thread::sleep(std::time::Duration::from_secs(seconds));
        running.interrupt();
        let ran: Ran = running.end();
        let Ok(saved) = serde_json::from_str::<Value>(&ran.stdout) else {
            ran.fails_with("interrupted before the first round was done");
            continue;
        };
        assert_eq!(ran.code, Some(130), "{}", ran.stderr);
        assert_eq!(saved["is_complete"], false);
        if titles(&saved).contains(&title) {
            return saved;
        }
    }
    panic!("{title} is never reported")
}

#[test]
fn interrupted_at_a_set_rate_it_gives_the_round_as_far_as_it_came() {
    let args = ["run", "tell", "--place", "same", "--rate", "1000", "--duration-ms", "600000"];
    let more = ["--repeats", "1", "--warmup", "0", "--noise-ms", "1", "--json"];
    let saved = interrupted(&[args.as_slice(), &more].concat(), "tell, same shard");
    let count = figure(&saved, "tell, same shard")["latencies"][0]["stages"][0]["count"].as_u64().unwrap();
    assert!((1..600_000).contains(&count), "{count}");
}

#[test]
fn interrupted_it_gives_what_there_is() {
    let args = ["run", "ask", "--messages", "2000", "--repeats", "1000", "--warmup", "0"];
    let saved = interrupted(&[args.as_slice(), &["--noise-ms", "50", "--json"]].concat(), "ask from outside");
    let rounds = figure(&saved, "ask from outside")["ns_per_unit"].as_array().unwrap().len();
    assert!((1..1_000).contains(&rounds), "{rounds}");
}
