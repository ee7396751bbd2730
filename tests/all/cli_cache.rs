//! The cache of compiled components: what goes wrong with it costs time, and
//! nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::*;

fn run_with_cache(cache: &Path) -> Ran {
    run(raddle(["run", EXAMPLE, "-o", "json", "--cache-dir"]).tap(|it| it.arg(cache)))
}

/// It did its job all the same.
#[track_caller]
fn did_its_job(ran: Ran) -> Ran {
    let ran = ran.with_code(0);
    assert_eq!(ran.json()["lines"], 200);
    ran
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

#[test]
fn one_that_cannot_be_had_is_a_warning() {
    let folder = Folder::new();
    let file = folder.write("file", "not a folder");
    let open_to_all = folder.path().join("open");
    fs::create_dir(&open_to_all).unwrap();
    fs::set_permissions(&open_to_all, fs::Permissions::from_mode(0o777)).unwrap();
    for (cache, why) in [
        (file.join("below"), "Not a directory"),
        (file.clone(), "File exists"),
        (open_to_all.clone(), "can be written by others"),
    ] {
        let ran = did_its_job(run_with_cache(&cache));
        ran.says("warning: compiled components are not cached");
        ran.says(why);
    }
    assert_eq!(entries(&open_to_all), Vec::<PathBuf>::new(), "nothing is put where others write");
}

#[test]
fn a_disk_that_is_full_is_a_warning() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    // Guests' memories are files too in the other layout.
    let manifest = folder.access_log("[runtime]\nmemory_layout = \"compact\"", "");
    // No file may grow larger than one block; the signal that comes with it is off.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_raddle"), "run", "-o", "json"]);
    command.arg(manifest).arg("--cache-dir").arg(&cache);
    in_the_repository(&mut command);
    let ran = did_its_job(run(command));
    ran.says("warning: compiled components are not cached");
    ran.says("File too large");
    assert_eq!(entries(&cache), Vec::<PathBuf>::new(), "no half entry is left");
}

#[test]
fn an_entry_that_is_damaged_is_compiled_again() {
    let folder = Folder::new();
    let cache = folder.path().join("cache");
    did_its_job(run_with_cache(&cache));
    let kept = entries(&cache);
    assert_eq!(kept.len(), 3, "one for each component");

    let intact: Vec<Vec<u8>> = kept.iter().map(|entry| fs::read(entry).unwrap()).collect();
    let damage: [fn(&mut Vec<u8>); 3] = [
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.clear(),
    ];
    let damaged: Vec<Vec<u8>> = intact
        .iter()
        .zip(damage)
        .map(|(bytes, damage)| {
            let mut bytes = bytes.clone();
            damage(&mut bytes);
            bytes
        })
        .collect();
    for (entry, bytes) in kept.iter().zip(&damaged) {
        fs::write(entry, bytes).unwrap();
    }
    let ran = did_its_job(run_with_cache(&cache));
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    assert_eq!(entries(&cache), kept);
    for (entry, damaged) in kept.iter().zip(&damaged) {
        assert_ne!(&fs::read(entry).unwrap(), damaged, "{} was replaced", entry.display());
    }
}

#[test]
fn without_one_nothing_is_written() {
    let folder = Folder::new();
    let command = raddle(["run", EXAMPLE, "-o", "json", "--no-cache"]);
    did_its_job(run(command.tap(|it| it.env("XDG_CACHE_HOME", folder.path()))));
    assert_eq!(entries(folder.path()), Vec::<PathBuf>::new());
}
