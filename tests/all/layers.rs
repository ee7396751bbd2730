//! Does the source keep to its layers? Imports point down only, each third-party
//! crate has one home, and atomics and unsafe stay on the floor.

mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use rules::{Violation, check};
use source::File;

use crate::support::repository;

#[test]
fn the_sources_keep_to_their_layers() {
    let files: Vec<File> = sources(&repository("src")).iter().map(|path| read(path)).collect();
    assert!(files.len() > 50, "only {} files were found", files.len());
    let violations = check(&files);
    assert!(violations.is_empty(), "\n{}", lines(&violations));
}

#[test]
fn every_dependency_has_a_home() {
    let manifest = fs::read_to_string(repository("Cargo.toml")).unwrap();
    let manifest = toml::de::DeTable::parse(&manifest).unwrap().into_inner();
    let under = |path: &[&str]| {
        let table = path.iter().fold(manifest.clone(), |table, key| {
            table.get(*key).and_then(|value| value.get_ref().as_table()).expect("a table").clone()
        });
        table.keys().map(|key| key.get_ref().to_string()).collect::<Vec<_>>()
    };
    let mut missing = [under(&["dependencies"]), under(&["target", "cfg(loom)", "dependencies"])].concat();
    assert!(missing.len() > 10, "{missing:?}");
    missing.retain(|name| !rules::HOMES.iter().any(|home| home.name == name.replace('-', "_")));
    assert_eq!(missing, Vec::<String>::new(), "say in tests/all/layers/rules.rs where they live");
}

/// Every `.rs` file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> File {
    let name = path.strip_prefix(repository("src")).unwrap().to_str().unwrap();
    File::new(name, &fs::read_to_string(path).unwrap())
}

fn lines(violations: &[Violation]) -> String {
    violations.iter().map(|violation| format!("{violation}\n")).collect()
}

/// What `check` says of one made-up file, and of the sanctioned ones, which must
/// be there too.
fn verdict(name: &str, text: &str) -> String {
    let sanctioned = |site: &rules::UnsafeSite| File::new(site.file, &"unsafe {}\n".repeat(site.count));
    let sanctioned = rules::UNSAFE_SITES.iter().map(sanctioned);
    let files: Vec<File> = sanctioned.filter(|file| file.name() != name).collect();
    let files: Vec<File> = files.into_iter().chain([File::new(name, text)]).collect();
    lines(&check(&files))
}

mod self_test {
    use super::*;

    #[test]
    fn an_import_that_points_up_is_found() {
        for (name, text, found) in [
            ("actor/id.rs", "use crate::shard::Shard;", "actor/id.rs:1: imports crate::shard"),
            (
                "control/x.rs",
                "\nfn f() { crate::wasm::Engine::new() }",
                "control/x.rs:2: imports crate::wasm",
            ),
            (
                "wasm/a.rs",
                "use crate::{actor::Actor, shard::{Shard, Seed}};",
                "wasm/a.rs:1: imports crate::shard",
            ),
            (
                "shard/a.rs",
                "pub(super) fn f(_: &crate::runtime::Runtime) {}",
                "shard/a.rs:1: imports crate::runtime",
            ),
            ("shard/a.rs", "use super::super::wasm::Engine;", "shard/a.rs:1: imports crate::wasm"),
            ("shard/mod.rs", "use super::cli;", "shard/mod.rs:1: imports crate::cli"),
            ("manifest.rs", "use crate::cli::Exit;", "manifest.rs:1: imports crate::cli"),
            ("metrics/a.rs", "use crate as everything;", "metrics/a.rs:1: imports crate as something else"),
            ("shard/a.rs", "use raddle::Runtime;", "shard/a.rs:1: imports raddle, which is itself"),
            ("novelty/mod.rs", "", "novelty/mod.rs:1: is in no layer"),
        ] {
            let verdict = verdict(name, text);
            assert!(verdict.starts_with(found), "{text}: {verdict:?}");
        }
    }

    #[test]
    fn a_crate_away_from_home_is_found() {
        for (name, text, found) in [
            ("runtime/a.rs", "use wasmtime::Config;", "runtime/a.rs:1: uses wasmtime, which lives in wasm"),
            ("cli/a.rs", "fn f() -> ::wasmtime::Config {}", "cli/a.rs:1: uses wasmtime, which lives in wasm"),
            (
                "shard/a.rs",
                "use hdrhistogram::{\n",
                "shard/a.rs:1: uses hdrhistogram, which lives in metrics",
            ),
            ("shard/a.rs", "use {glommio as g};", "shard/a.rs:1: uses glommio, which lives in runtime"),
            ("actor/a.rs", "#[derive(clap::Parser)]", "actor/a.rs:1: uses clap, which lives in cli"),
        ] {
            let verdict = verdict(name, text);
            assert!(verdict.starts_with(found), "{text}: {verdict:?}");
        }
    }

    #[test]
    fn atomics_and_unsafe_above_the_floor_are_found() {
        for (name, text, found) in [
            ("shard/a.rs", "use std::sync::atomic::AtomicU64;", "shard/a.rs:1: has `atomic`"),
            (
                "shard/a.rs",
                "use crate::sync::primitive::Ordering::{Acquire};",
                "shard/a.rs:1: has `Ordering`",
            ),
            ("shard/a.rs", "x.load(Ordering::Acquire)", "shard/a.rs:1: has `Ordering`"),
            ("shard/a.rs", "fn f() {\n unsafe {} }", "shard/a.rs:2: is unsafe"),
            ("wasm/cache.rs", "unsafe {}\nunsafe {}", "wasm/cache.rs: has 2 unsafe sites"),
        ] {
            let verdict = verdict(name, text);
            assert!(verdict.starts_with(found), "{text}: {verdict:?}");
        }
        let verdict = verdict("wasm/cache.rs", "fn safe() {}");
        assert!(verdict.contains("wasm/cache.rs: has 0 unsafe sites"), "a stale exception: {verdict}");
    }

    #[test]
    fn what_is_fine_is_not_found() {
        for (name, text) in [
            ("shard/a.rs", "use crate::{actor, control::registry, metrics::Clock, sync::ring};"),
            ("shard/a.rs", "//! Unlike [`crate::runtime`], no unsafe code.\n/* crate::cli /* nested */ */"),
            ("shard/a.rs", r##"const X: &str = "unsafe \" crate::cli"; const Y: &str = r#"" unsafe"#;"##),
            ("shard/a.rs", "fn f<'a>(x: &'a str) -> char { if x == \"\" { '\"' } else { '\\'' } }"),
            ("shard/a.rs", "#[cfg(test)]\nmod tests { use crate::runtime::Runtime; }\nuse crate::sync;"),
            (
                "shard/a.rs",
                "#[cfg(test)]\n#[path = \"x.rs\"]\nuse crate::runtime::Runtime;\nuse crate::sync;",
            ),
            ("shard/tests/a.rs", "use crate::cli;"),
            ("shard/a.rs", "enum Answer { Release } fn f() -> Answer { Answer::Release }"),
            ("shard/a.rs", "use std::cmp::Ordering; fn f() -> Ordering { Ordering::Less }"),
            ("shard/sub/a.rs", "use super::super::table::Table; use super::wasm::X;"),
            ("runtime/driver/x.rs", "use crate::wasm::Engine; glommio::spawn()"),
            ("wasm/a.rs", "mod host; fn f() { state.toml::<u8>(); host::toml::read() }"),
        ] {
            assert_eq!(verdict(name, text), "", "{name}: {text}");
        }
        let after_a_test_module = "#[cfg(test)]\nmod tests { fn f() { {} } }\nuse crate::runtime;";
        assert_ne!(verdict("shard/a.rs", after_a_test_module), "", "what comes after is read again");
    }
}
