//! Soak, overload and round trips, as short as they get. No figure is looked at for its
//! size: what is looked at is that everything is accounted for.

use crate::support::raddle_perf;

#[test]
fn a_short_soak_loses_nothing_singly_and_in_batches() {
    for batch in ["1", "32"] {
        let args = ["soak", "--messages", "5000", "--actors", "5", "--tokens", "64", "--batch", batch];
        let out = raddle_perf(&args).succeeds();
        assert!(out.contains("none lost, doubled or out of order over 25 pairs"), "{out}");
        assert!(out.contains("the ledger closes"), "{out}");
    }
}

#[test]
fn a_soak_of_fewer_messages_than_guests_is_one() {
    let out = raddle_perf(&["soak", "--messages", "3", "--shards", "1"]).succeeds();
    assert!(out.contains("3 messages among 16 guests"), "{out}");
}

#[test]
fn an_overload_is_refused_and_accounted_for_wherever_it_comes_from() {
    for from in ["outside", "same", "across"] {
        let times = ["--phase-ms", "200", "--overload-ms", "400", "--factor", "20"];
        let rooms = ["--mailbox-messages-max", "16", "--under-way-messages-max", "16"];
        let figures =
            raddle_perf(&[&["overload", "--json", "--from", from], &times[..], &rooms].concat()).json();
        assert_eq!(figures["from"], from);
        assert!(figures["accepted"].as_u64().unwrap() > 0, "{figures:#}");
        assert!(figures["refused"].as_u64().unwrap() > 0, "{figures:#}");
        assert!(figures["goodput_per_second"].as_f64().unwrap() > 0.0, "{figures:#}");
        assert_eq!(figures["queue_messages_max"], if from == "same" { 16 } else { 32 });
        for phase in ["calm", "overload", "recovery"] {
            let latency = &figures[format!("{phase}_latency_ns")];
            assert!(latency["p50"].as_u64() <= latency["max"].as_u64(), "{figures:#}");
        }
    }
}

#[test]
fn round_trips_are_proved_and_stand_beside_what_they_are_made_of() {
    let args = ["round-trip", "--repeats", "1", "--round-trips", "200", "--json"];
    let figures = raddle_perf(&args).json();
    let what: Vec<&str> =
        figures.as_array().unwrap().iter().map(|figure| figure["what"].as_str().unwrap()).collect();
    assert_eq!(what.len(), 6, "{what:?}");
    assert!(figures.as_array().unwrap().iter().all(|figure| figure["median_ns"].as_f64() > Some(0.0)));
}

#[test]
fn what_cannot_be_says_so() {
    for (args, what) in [
        (&["overload", "--factor", "0.5"][..], "--factor 0.5: expected from 1 to 100"),
        (&["soak", "--guest", "nowhere.wasm", "--messages", "1"], "--guest nowhere.wasm"),
        (&["soak", "--actors", "65"], "65 is not in 1..=64"),
    ] {
        raddle_perf(args).fails_with(what);
    }
}
