//! What the guide and the examples say about manifests is true.

use super::*;

const GUIDE: &str = include_str!("../../../docs/guide-manifest.md");

#[test]
fn the_guide_has_every_key() {
    // Each section says which keys it knows when it is given one that it does not.
    let error = read(
        r"
        nonsense = 1
        runtime.nonsense = 1
        health.nonsense = 1
        component.a.nonsense = 1
        component.a.limits.nonsense = 1
        component.a.grants.nonsense = 1
        component.a.mailbox.nonsense = 1
        supervisor.nonsense = 1
        supervisor.backoff.nonsense = 1
        supervisors.a.nonsense = 1
        supervisors.a.backoff.nonsense = 1
        input.nonsense = 1
        report.nonsense = 1
        [[actor]]
        nonsense = 1
        ",
    )
    .expect_err("nonsense");
    let helps: Vec<String> =
        error.problems().iter().filter_map(Diagnostic::help).map(|help| help.to_string()).collect();
    let helps: Vec<&str> = helps.iter().filter_map(|help| help.strip_prefix("the keys of ")).collect();
    assert_eq!(helps.len(), 14, "one for each section: {helps:#?}");
    for help in helps {
        let (section, keys) = help.split_once(" are ").expect("that is how it is put");
        for key in keys.split([',', ' ']).filter(|key| !key.is_empty() && *key != "and") {
            let heading = ["[", "[["].map(|bracket| format!("## `{bracket}{key}"));
            let documented = match section {
                "the manifest" => heading.iter().any(|heading| GUIDE.contains(heading)),
                _ => GUIDE.contains(&format!("\n| `{key}` |")),
            };
            assert!(documented, "`{key}` of {section} is not in the guide");
        }
    }
}

#[test]
fn the_manifests_of_the_guide_are_good() {
    let blocks: Vec<&str> =
        GUIDE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 4);
    let read = |text: &str| Manifest::from_text(Path::new("docs/raddle.toml"), text, &Overrides::default());
    for block in &blocks {
        read(block).unwrap_or_else(|error| panic!("{}", render(&error)));
    }
    // The whole one spells out the defaults.
    let whole = read(blocks[1]).expect("good, as above");
    assert_eq!(whole.runtime, RuntimeSpec { shards: Some(2), ..RuntimeSpec::default() });
    let limits = whole.component("parser").expect("it is there").limits;
    assert_eq!((limits.memory_bytes_max, limits.cpu_ms_max), (Some(16 << 20), Some(20)));
    assert_eq!(whole.supervisor.backoff, Some(BackoffSpec::default()));
}

#[test]
fn the_example_is_good() {
    let path = Path::new("examples/access_log/raddle.toml");
    let manifest =
        Manifest::load(path, &Overrides::default()).unwrap_or_else(|error| panic!("{}", render(&error)));
    let names: Vec<String> =
        manifest.plan(2).expect("fits").into_iter().map(|instance| instance.name).collect();
    assert_eq!(names, ["reporter", "aggregator.0", "aggregator.1", "parser.0", "parser.1"]);
}
