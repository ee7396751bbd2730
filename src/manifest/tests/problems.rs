//! Every problem that a manifest can have, as the user sees it.

use expect_test::expect;

use super::*;

#[test]
fn several_problems_are_shown_together_with_their_lines() {
    let error = read(
        r#"
[runtime]
shard = 2
reactor = "glomio"

[component.parser]
path = "parser.wasm"

[[actor]]
name = "parser"
component = "parsr"
instances = 0

[[actor]]
name = "parser"
component = "parser"
"#,
    )
    .expect_err("wrong throughout");
    expect![[r#"
          × 6 problems in raddle.toml

        Error:
          × unknown key `shard` in [runtime]
           ╭─[raddle.toml:3:1]
         2 │ [runtime]
         3 │ shard = 2
           · ──┬──
           ·   ╰── did you mean `shards`?
         4 │ reactor = "glomio"
           ╰────
          help: the keys of [runtime] are shards, reactor, mailbox_messages_max, mailbox_bytes_max,
                message_bytes_max, park_spin_us and memory_layout

        Error:
          × `reactor` cannot be "glomio"
           ╭─[raddle.toml:4:11]
         3 │ shard = 2
         4 │ reactor = "glomio"
           ·           ────┬───
           ·               ╰── expected "auto", "glommio" or "thread"
         5 │
           ╰────
          help: did you mean "glommio"?

        Error:
          × the component file cannot be used: no such file
           ╭─[raddle.toml:7:8]
         6 │ [component.parser]
         7 │ path = "parser.wasm"
           ·        ──────┬──────
           ·              ╰── expected the path of a file, relative to the manifest
         8 │
           ╰────
          help: this is parser.wasm

        Error:
          × there is no component `parsr`
            ╭─[raddle.toml:11:13]
         10 │ name = "parser"
         11 │ component = "parsr"
            ·             ───┬───
            ·                ╰── did you mean `parser`?
         12 │ instances = 0
            ╰────
          help: the components of this manifest: parser

        Error:
          × `instances` is out of range
            ╭─[raddle.toml:12:13]
         11 │ component = "parsr"
         12 │ instances = 0
            ·             ┬
            ·             ╰── expected an integer from 1 to 67_108_864
         13 │
            ╰────

        Error:
          × two actors are named `parser`
            ╭─[raddle.toml:15:8]
          9 │ [[actor]]
         10 │ name = "parser"
            ·        ────┬───
            ·            ╰── the first is here
         11 │ component = "parsr"
         12 │ instances = 0
         13 │
         14 │ [[actor]]
         15 │ name = "parser"
            ·        ────┬───
            ·            ╰── expected another name
         16 │ component = "parser"
            ╰────
          help: for several of a kind, set `instances`
    "#]]
    .assert_eq(&render(&error));
}

#[test]
fn one_problem_is_shown_by_itself() {
    let error = read(&GOOD.replace("\"worker\"\n", "7\n")).expect_err("a number is no name");
    assert_eq!(error.problems().len(), 2);
    let error =
        read(&GOOD.replace("component = \"worker\"", "component = 7")).expect_err("a number is no name");
    expect![[r#"
          × `component` in [[actor]] is an integer
           ╭─[raddle.toml:7:13]
         6 │ name = "worker"
         7 │ component = 7
           ·             ┬
           ·             ╰── expected the name of a [component.NAME]
           ╰────
    "#]]
    .assert_eq(&render(&error));
}

#[test]
fn what_is_no_toml_is_shown_where_it_stops_being_so() {
    let error = read("[runtime]\nshards = = 2\n\n[component.worker]\npath = \"x\n").expect_err("no TOML");
    expect![[r#"
          × this is not TOML: extra `=`, expected nothing
           ╭─[raddle.toml:2:10]
         1 │ [runtime]
         2 │ shards = = 2
           ·          ┬
           ·          ╰── here
         3 │
           ╰────
    "#]]
    .assert_eq(&render(&error));
}

#[test]
fn keys_are_known_everywhere() {
    wrong(
        "[[actor]]\nname = \"b\"\ncomponent = \"worker\"\nplacment = \"spread\"\nconfig = { any = 1 }\n",
        &expect![[r#"
            10:1 unknown key `placment` in [[actor]]: did you mean `placement`? (the keys of [[actor]] are name, component, instances, placement, supervisor, restart, significant, shutdown_ms and config)
        "#]],
    );
    wrong(
        "[supervisor]\nmax_restarts = 3\nbackoff.min_ms = 3\n",
        &expect![[r#"
            8:1 unknown key `max_restarts` in [supervisor]: did you mean `restarts_max`? (the keys of [supervisor] are strategy, restarts_max, period_ms, auto_shutdown and backoff)
            9:9 unknown key `min_ms` in [supervisor.backoff]: did you mean `max_ms`? (the keys of [supervisor.backoff] are base_ms, factor, max_ms, jitter and stable_after_ms)
        "#]],
    );
    wrong(
        "[runtime]\ncolour = \"green\"\n[inputs]\n",
        &expect![[r#"
            8:1 unknown key `colour` in [runtime]: not a key here (the keys of [runtime] are shards, reactor, mailbox_messages_max, mailbox_bytes_max, message_bytes_max, park_spin_us and memory_layout)
            9:2 unknown key `inputs` in the manifest: did you mean `input`? (the keys of the manifest are runtime, health, component, supervisor, supervisors, actor, input and report)
        "#]],
    );
    wrong(
        "[component.b]\npath = \"Cargo.toml\"\nlimits.memory_max = 1\n",
        &expect![[r#"
            9:8 unknown key `memory_max` in [component.b.limits]: did you mean `memories_max`? (the keys of [component.b.limits] are message_bytes_max, hostcall_bytes_max, memory_bytes_max, memories_max, tables_max, table_elements_max, core_instances_max, cpu_ms_max, cpu_percent_max, cpu_window_ms, lifecycle_ms_max, batch_messages_max, log_lines_per_s_max, log_line_bytes_max, requests_max, deferred_max, timers_max, subscriptions_max, groups_max, names_max, watches_max, relations_max, children_max, addresses_max and wasi_resources_max)
        "#]],
    );
}

#[test]
fn keys_and_names_are_given_once() {
    wrong(
        "[component.worker]\npath = \"Cargo.toml\"\n",
        &expect![[r#"
            7:12 `worker` is given twice: expected another name (a key is given once, and so is a name such as that of a component)
        "#]],
    );
    wrong(
        "[runtime]\nshards = 1\nshards = 2\n",
        &expect![[r#"
            9:1 `shards` is given twice: expected another name (a key is given once, and so is a name such as that of a component)
        "#]],
    );
    wrong(
        "[[actor]]\nname = \"worker\"\ncomponent = \"worker\"\n",
        &expect![[r#"
        8:8 two actors are named `worker`: expected another name / the first is here (for several of a kind, set `instances`)
    "#]],
    );
}

#[test]
fn types_are_checked() {
    wrong(
        "[runtime]\nshards = \"2\"\nreactor = 1\npark_spin_us = 0.5\n",
        &expect![[r#"
        8:10 `shards` in [runtime] is a string: expected an integer from 1 to 4_096
        9:11 `reactor` in [runtime] is an integer: expected "auto", "glommio" or "thread"
        10:16 `park_spin_us` in [runtime] is a float: expected an integer from 0 to 1_000_000
    "#]],
    );
    wrong(
        "[supervisor]\nbackoff = 3\n",
        &expect![[r#"
        8:11 `backoff` in [supervisor] is an integer: expected a table, written [supervisor.backoff]
    "#]],
    );
    wrong(
        "[supervisor.backoff]\nfactor = \"2\"\n",
        &expect![[r#"
        8:10 `factor` in [supervisor.backoff] is a string: expected a number from 1 to 100
    "#]],
    );
    wrong(
        "[[actor]]\nname = 1\ncomponent = true\nplacement = 1\ninstances = []\n",
        &expect![[r#"
            8:8 `name` in [[actor]] is an integer: expected a name to register the actor under
            9:13 `component` in [[actor]] is a boolean: expected the name of a [component.NAME]
            10:13 `placement` in [[actor]] is an integer: expected "spread" or "shard:NUMBER"
            11:13 `instances` in [[actor]] is an array: expected "per-shard", or an integer from 1 to 67_108_864
        "#]],
    );
    wrong(
        "[actor.config]\nlist = [1]\nwhen = 2026-01-01\nmask = 0xff\n",
        &expect![[r#"
        8:8 `list` in [actor.config] is an array: expected a string, a decimal number, or true or false (guests get every value as text: put it in quotes)
        9:8 `when` in [actor.config] is a date or time: expected a string, a decimal number, or true or false (guests get every value as text: put it in quotes)
        10:8 `mask` in [actor.config] is an integer: expected a string, a decimal number, or true or false (guests get every value as text: put it in quotes)
    "#]],
    );
    let error = read("component = 1\nactor = { name = \"a\" }\ninput = 2026-01-01\n").expect_err("types");
    expect![[r#"
        1:13 `component` is an integer: expected tables, written [component.NAME]
        2:9 `actor` is a table: expected [[actor]], in double brackets, once for each
        3:9 `input` is a date or time: expected a table, written [input]
    "#]]
    .assert_eq(&summary(&error));
    let error = read("actor = [1]\n[component]\nworker = \"worker.wasm\"\n").expect_err("types");
    expect![[r#"
        1:1 the manifest has no actors: expected at least one [[actor]]
        1:10 `actor` holds an integer: expected [[actor]], in double brackets, once for each
        3:10 `worker` in [component] is a string: expected a table, written [component.NAME]
    "#]]
    .assert_eq(&summary(&error));
}

#[test]
fn ranges_are_checked() {
    wrong(
        "[runtime]\nshards = 0\nmailbox_messages_max = 0\nmessage_bytes_max = -1\npark_spin_us = 99999999999999999999\n",
        &expect![[r#"
            8:10 `shards` is out of range: expected an integer from 1 to 4_096
            9:24 `mailbox_messages_max` is out of range: expected an integer from 1 to 16_777_216
            10:21 `message_bytes_max` is out of range: expected an integer from 1 to 1_073_741_824
            11:16 `park_spin_us` is out of range: expected an integer from 0 to 1_000_000
        "#]],
    );
    wrong(
        "[runtime]\nmailbox_bytes_max = 1024\n",
        &expect![[r#"
        8:21 the largest message fits in no mailbox: expected message_bytes_max (1_048_576) to be at most mailbox_bytes_max (1_024)
    "#]],
    );
    wrong(
        "[component.b]\npath = \"Cargo.toml\"\nlimits = { memory_bytes_max = 100, cpu_ms_max = 0 }\n",
        &expect![[r#"
            9:31 `memory_bytes_max` is out of range: expected an integer from 65_536 to 4_294_967_296
            9:49 `cpu_ms_max` is out of range: expected an integer from 1 to 3_600_000
        "#]],
    );
    wrong(
        "[component.b]\npath = \"Cargo.toml\"\nclass = \"suspended\"\n[component.b.limits]\nmessage_bytes_max = 2_000_000\nhostcall_bytes_max = 1_000_000\ntimers_max = -1\ncpu_window_ms = 1\n",
        &expect![[r#"
            9:9 `class` cannot be "suspended": expected "run-to-completion" or "suspendable" (did you mean "suspendable"?)
            11:21 no message as large as this is taken: expected at most the message_bytes_max of [runtime], 1_048_576
            12:22 the largest message could not leave the guest: expected at least the message_bytes_max of its actors, 2_000_000
            13:14 `timers_max` is out of range: expected an integer from 0 to 1_048_576
            14:17 `cpu_window_ms` is out of range: expected an integer from 10 to 86_400_000
        "#]],
    );
    wrong(
        "[supervisor]\nperiod_ms = 0\n[supervisor.backoff]\nfactor = 0.5\njitter = nan\nmax_ms = 1\n",
        &expect![[r#"
            8:13 `period_ms` is out of range: expected an integer from 1 to 86_400_000
            10:10 `factor` is out of range: expected a number from 1 to 100
            11:10 `jitter` is out of range: expected a number from 0 to 1
            12:10 the longest wait is shorter than the first: expected max_ms (1) to be at least base_ms (10)
        "#]],
    );
    wrong(
        "[input]\nlines = \"-\"\nto = \"worker\"\nin_flight_max = 0\n",
        &expect![[r#"
        10:17 `in_flight_max` is out of range: expected an integer from 1 to 16_777_216
    "#]],
    );
}

#[test]
fn supervisors_are_checked() {
    wrong(
        "[supervisors.a]\nunder = \"b\"\n[supervisors.b]\nunder = \"a\"\n[supervisors.c]\nunder = \"cc\"\nstrategy = \"simple_for_one\"\n[[actor]]\nname = \"b\"\ncomponent = \"worker\"\nsupervisor = \"d\"\n",
        &expect![[r#"
            7:14 the supervisor `a` looks after nobody: expected an actor with this `supervisor`
            8:9 the supervisor `a` is under itself: expected one that is not below it
            9:14 the supervisor `b` looks after nobody: expected an actor with this `supervisor`
            10:9 the supervisor `b` is under itself: expected one that is not below it
            11:14 the supervisor `c` looks after nobody: expected an actor with this `supervisor`
            12:9 there is no supervisor `cc`: did you mean `c`? (the supervisors of this manifest: a, b and c)
            13:12 `strategy` cannot be "simple_for_one": expected "one_for_one", "one_for_all", "rest_for_one" or "simple_one_for_one" (did you mean "simple_one_for_one"?)
            17:14 there is no supervisor `d`: expected the name of a supervisor (the supervisors of this manifest: a, b and c)
        "#]],
    );
    wrong(
        "[supervisors.a]\nauto_shutdown = \"any_significant\"\nsignificant = true\n[[actor]]\nname = \"b\"\ncomponent = \"worker\"\nsupervisor = \"a\"\nsignificant = true\n[[actor]]\nname = \"c\"\ncomponent = \"worker\"\nrestart = \"transient\"\nsignificant = true\n[[actor]]\nname = \"d\"\ncomponent = \"worker\"\nsignificant = 1\n",
        &expect![[r#"
            9:15 what is permanent never ends for good, and so cannot be significant: expected `restart` to be "transient" or "temporary"
            14:15 what is permanent never ends for good, and so cannot be significant: expected `restart` to be "transient" or "temporary"
            19:15 its supervisor never shuts down by itself: expected a supervisor with `auto_shutdown`
            23:15 `significant` in [[actor]] is an integer: expected true or false
        "#]],
    );
}

#[test]
fn words_are_checked() {
    wrong(
        "[runtime]\nmemory_layout = \"gaurded\"\nreactor = \"tokio\"\n",
        &expect![[r#"
        8:17 `memory_layout` cannot be "gaurded": expected "guarded" or "compact" (did you mean "guarded"?)
        9:11 `reactor` cannot be "tokio": expected "auto", "glommio" or "thread"
    "#]],
    );
    wrong(
        "[supervisor]\nstrategy = \"one-for-one\"\n",
        &expect![[r#"
            8:12 `strategy` cannot be "one-for-one": expected "one_for_one", "one_for_all", "rest_for_one" or "simple_one_for_one" (did you mean "one_for_one"?)
        "#]],
    );
    wrong(
        "[[actor]]\nname = \"b\"\ncomponent = \"worker\"\nrestart = \"always\"\ninstances = \"per_shard\"\nplacement = \"shard:x\"\n",
        &expect![[r#"
            10:11 `restart` cannot be "always": expected "permanent", "transient" or "temporary"
            11:13 `instances` cannot be "per_shard": expected "per-shard", or an integer from 1 to 67_108_864
            12:13 `placement` cannot be "shard:x": expected "spread" or "shard:NUMBER"
        "#]],
    );
}

#[test]
fn what_is_needed_must_be_there() {
    wrong(
        "[component.b]\n[[actor]]\n[input]\n[report]\n",
        &expect![[r#"
            7:1 [component.b] has no `path`: expected `path`: the path of a .wasm component, relative to the manifest
            8:1 [[actor]] has no `name`: expected `name`: a name to register the actor under
            8:1 [[actor]] has no `component`: expected `component`: the name of a [component.NAME]
            9:1 [input] has no `lines`: expected `lines`: the path of a text file, relative to the manifest, or "-" for standard input
            9:1 [input] has no `to`: expected `to`: the name of the actor that gets the lines
            10:1 [report] has no `ask`: expected `ask`: the name of the actor whose instances are asked
            10:1 [report] has no `with`: expected `with`: the text that they are asked
            10:1 [report] has no `via`: expected `via`: the name of the actor that puts the answers together
            10:1 [report] has no `then`: expected `then`: the text that this actor is asked
        "#]],
    );
    expect![[r#"
        1:1 the manifest has no actors: expected at least one [[actor]]
    "#]]
    .assert_eq(&summary(&read("").expect_err("no actors")));
    wrong(
        "[input]\nlines = \"\"\nto = \" \"\n",
        &expect![[r#"
        8:9 `lines` is empty: expected the path of a text file, relative to the manifest, or "-" for standard input
        9:6 `to` is empty: expected the name of the actor that gets the lines
    "#]],
    );
}

#[test]
fn references_are_checked() {
    wrong(
        "[[actor]]\nname = \"b\"\ncomponent = \"wroker\"\n",
        &expect![[r#"
            9:13 there is no component `wroker`: did you mean `worker`? (the components of this manifest: worker)
        "#]],
    );
    wrong(
        "[input]\nlines = \"-\"\nto = \"nobody\"\n",
        &expect![[r#"
            9:6 there is no actor `nobody`: expected the name of an actor (the actors of this manifest: worker)
        "#]],
    );
    wrong(
        "instances = 2\n[report]\nask = \"workers\"\nwith = \"totals\"\nvia = \"worker\"\nthen = \"report\"\n",
        &expect![[r#"
            9:7 there is no actor `workers`: did you mean `worker`? (the actors of this manifest: worker)
            11:7 there are several of `worker`: expected an actor without `instances` / this one has `instances`
        "#]],
    );
    let error = read("[[actor]]\nname = \"a\"\ncomponent = \"b\"\n").expect_err("no components");
    expect![[r#"
        3:13 there is no component `b`: expected the name of a component (this manifest has no components)
    "#]]
    .assert_eq(&summary(&error));
}

#[test]
fn names_are_plain() {
    wrong(
        "[[actor]]\nname = \"worker.1\"\ncomponent = \"worker\"\n",
        &expect![[r#"
        8:8 `worker.1` cannot be the name of an actor: expected 1 to 64 letters (a to z), digits, `-` and `_`
    "#]],
    );
    wrong(
        "[component.\"a b\"]\npath = \"Cargo.toml\"\n",
        &expect![[r#"
        7:12 `a b` cannot be the name of a component: expected 1 to 64 letters (a to z), digits, `-` and `_`
    "#]],
    );
}

#[test]
fn files_must_be_there() {
    wrong(
        "[component.b]\npath = \"nowhere/b.wasm\"\n[component.c]\npath = \"src\"\n[input]\nlines = \"missing.log\"\nto = \"worker\"\n",
        &expect![[r#"
            8:8 the component file cannot be used: no such file: expected the path of a file, relative to the manifest (this is nowhere/b.wasm)
            10:8 the component file is a folder: expected the path of a file
            12:9 the input file cannot be used: no such file: expected the path of a file, relative to the manifest (this is missing.log)
        "#]],
    );
}

#[test]
fn a_manifest_that_cannot_be_read_says_why() {
    let load =
        |path: &str| render(&Manifest::load(Path::new(path), &Overrides::default()).expect_err("unreadable"));
    expect![[r#"
          × cannot read the manifest nowhere/raddle.toml
          ╰─▶ No such file or directory (os error 2)
          help: give the path of a manifest, such as examples/access_log/raddle.toml
    "#]]
    .assert_eq(&load("nowhere/raddle.toml"));
    expect![[r#"
          × cannot read the manifest src
          ╰─▶ Is a directory (os error 21)
          help: give the file, not its folder: perhaps src/raddle.toml
    "#]]
    .assert_eq(&load("src"));
}

#[test]
fn a_problem_found_later_points_to_its_line() {
    let manifest = read(GOOD).expect("valid");
    let component = &manifest.components[0];
    let problem = manifest
        .problem(component.path_span, "the component `worker` cannot be loaded", "expected a component")
        .with_cause("it is a core module")
        .with_help("make a component of it: `wasm-tools component new`");
    let error = ManifestError::Invalid { path: manifest.path.clone(), problems: vec![problem] };
    expect![[r#"
          × the component `worker` cannot be loaded
          ╰─▶ it is a core module
           ╭─[raddle.toml:3:8]
         2 │ [component.worker]
         3 │ path = "Cargo.toml"
           ·        ──────┬─────
           ·              ╰── expected a component
         4 │
           ╰────
          help: make a component of it: `wasm-tools component new`
    "#]]
    .assert_eq(&render(&error));
}

#[test]
fn columns_count_characters_and_lines_end_anyhow() {
    let error = read("# é\r\nactor = []\r\nübel = 1 # ü\r\n\"ü\" = 2").expect_err("wrong");
    expect![[r#"
        3:1 this is not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`: here
    "#]]
    .assert_eq(&summary(&error));
}

#[test]
fn a_template_is_alone() {
    wrong(
        "[supervisor]\nstrategy = \"simple_one_for_one\"\n[supervisors.a]\nstrategy = \"simple_one_for_one\"\nshutdown_ms = -1\n\
         [supervisors.b]\nunder = \"a\"\n[[actor]]\nname = \"b\"\ncomponent = \"worker\"\nsupervisor = \"b\"\n\
         [[actor]]\nname = \"c\"\ncomponent = \"worker\"\nsupervisor = \"a\"\n",
        &expect![[r#"
            8:12 the topmost supervisor cannot be simple_one_for_one: expected a [supervisors.NAME] with this strategy
            9:14 `a` is simple_one_for_one, and looks after others: expected exactly one [[actor]] with this `supervisor`, and none `under` it
            11:15 `shutdown_ms` is out of range: expected an integer from 0 to 3_600_000
        "#]],
    );
    let text = "[supervisors.a]\nstrategy = \"simple_one_for_one\"\nshutdown_ms = 70\n\
                [[actor]]\nname = \"b\"\ncomponent = \"worker\"\nsupervisor = \"a\"\ninstances = 3\n";
    let manifest = read(&format!("{}{text}", GOOD.trim_start())).expect("valid");
    let above = &manifest.supervisors[0];
    assert_eq!((above.spec.strategy, above.shutdown_ms), (Strategy::SimpleOneForOne, Some(70)));
}

#[test]
fn the_health_of_actors_is_asked_for_in_bounds() {
    let health = read(&format!("[health]\nanswer_ms_max = 7{GOOD}")).expect("valid").health;
    let expected = HealthSpec { interval_ms: 1000, unhealthy_in_a_row_max: 3, answer_ms_max: 7 };
    assert_eq!(health, Some(expected));
    assert_eq!(read(GOOD).expect("valid").health, None, "nobody is asked");
    wrong(
        "\n[health]\ninterval_ms = 0\nunhealthy_max = 2\nanswer_ms_max = \"long\"\n",
        &expect![[r#"
            9:15 `interval_ms` is out of range: expected an integer from 1 to 86_400_000
            10:1 unknown key `unhealthy_max` in [health]: did you mean `unhealthy_in_a_row_max`? (the keys of [health] are interval_ms, unhealthy_in_a_row_max and answer_ms_max)
            11:17 `answer_ms_max` in [health] is a string: expected an integer from 1 to 3_600_000
        "#]],
    );
}

#[test]
fn a_mailbox_says_what_it_cannot_be() {
    wrong(
        r#"
[component.other]
path = "Cargo.toml"

[component.other.mailbox]
messages_max = 0
bytes_max = 1_023
overflow = "drop-oldest"
ttl_ms = 7
time_to_live_ms = 0
"#,
        &expect![[r#"
            12:16 `messages_max` is out of range: expected an integer from 1 to 16_777_216
            13:13 `bytes_max` is out of range: expected an integer from 1_024 to 4_294_967_295
            14:12 `overflow` cannot be "drop-oldest": expected "reject", "backpressure", "drop_oldest" or "drop_newest" (did you mean "drop_oldest"?)
            15:1 unknown key `ttl_ms` in [component.other.mailbox]: not a key here (the keys of [component.other.mailbox] are messages_max, bytes_max, overflow and time_to_live_ms)
            16:19 `time_to_live_ms` is out of range: expected an integer from 1 to 3_600_000
        "#]],
    );
}
