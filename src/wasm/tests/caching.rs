//! Compiled components on disk: used, replaced, and done without.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::support::*;
use crate::actor::Outcome;
use crate::wasm::{CacheConfig, CacheOutcome, CompileProgress, Component, Engine, EngineConfig, Source};

/// A folder of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("raddle-cache-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn config(&self) -> CacheConfig {
        CacheConfig::Folder(self.0.clone())
    }

    fn entries(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700));
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Counts compilations.
#[derive(Default)]
struct Compilations {
    started: Cell<u32>,
    finished: Cell<u32>,
}

impl CompileProgress for Compilations {
    fn started(&self, name: &str, bytes: usize) {
        assert_eq!(name, "echo");
        assert!(bytes > 0);
        self.started.set(self.started.get() + 1);
    }

    fn finished(&self, _: &str, took: Duration) {
        assert!(took > Duration::ZERO);
        self.finished.set(self.finished.get() + 1);
    }
}

fn load(engine: &Engine, cache: &CacheConfig) -> (Component, u32) {
    let compilations = Compilations::default();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt/echo.wasm");
    let component = engine.load(&path, cache, &compilations).unwrap();
    assert_eq!(compilations.started, compilations.finished);
    (component, compilations.finished.get())
}

#[track_caller]
fn works(component: Component) {
    let mut echo = Subject::started(component);
    assert!(matches!(echo.ask(b"x"), Outcome::Done(Some(reply)) if *reply == *b"x"));
}

#[track_caller]
fn unusable(component: &Component) -> &str {
    match component.cache() {
        CacheOutcome::Unusable { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn compiled_once_and_found_after_that() {
    let (ticking, folder) = (Ticking::new(), Folder::new("hit"));
    let (first, compilations) = load(&ticking.engine, &folder.config());
    assert_eq!((first.cache(), compilations), (&CacheOutcome::Stored, 1));
    works(first);
    let (second, compilations) = load(&ticking.engine, &folder.config());
    assert_eq!((second.cache(), compilations), (&CacheOutcome::Hit, 0));
    works(second);
    let entries = folder.entries();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(fs::metadata(&folder.0).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&entries[0]).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn an_entry_is_for_one_content_and_one_kind_of_engine() {
    let (ticking, folder) = (Ticking::new(), Folder::new("key"));
    load(&ticking.engine, &folder.config());
    let compact = Ticking::compact();
    let (other_engine, _) = load(&compact.engine, &folder.config());
    assert_eq!(other_engine.cache(), &CacheOutcome::Stored);
    works(other_engine);
    let text = Text::default().build();
    let other_content =
        ticking.engine.load(Source::Bytes("text", text.as_bytes()), &folder.config(), &()).unwrap();
    assert_eq!(other_content.cache(), &CacheOutcome::Stored);
    assert_eq!(folder.entries().len(), 3);
    // The size of the pool is not part of compiled code.
    let more = Engine::new(&EngineConfig { instances_max: 3, ..EngineConfig::default() }).unwrap();
    assert_eq!(load(&more, &folder.config()).0.cache(), &CacheOutcome::Hit);
}

#[test]
fn a_damaged_entry_is_compiled_anew() {
    let (ticking, folder) = (Ticking::new(), Folder::new("damaged"));
    load(&ticking.engine, &folder.config());
    let entry = folder.entries().remove(0);
    let whole = fs::read(&entry).unwrap();
    for damage in [0, 20, 60, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[damage] ^= 1;
        fs::write(&entry, damaged).unwrap();
        let (component, compilations) = load(&ticking.engine, &folder.config());
        assert_eq!((component.cache(), compilations), (&CacheOutcome::Repaired, 1), "byte {damage}");
        works(component);
        assert_eq!(fs::read(&entry).unwrap(), whole);
    }
    for len in [0, 10, 30, whole.len() - 1] {
        fs::write(&entry, &whole[..len]).unwrap();
        assert_eq!(load(&ticking.engine, &folder.config()).0.cache(), &CacheOutcome::Repaired, "{len} bytes");
    }
}

#[test]
fn without_a_cache_nothing_is_written() {
    let ticking = Ticking::new();
    let (component, compilations) = load(&ticking.engine, &CacheConfig::Disabled);
    assert_eq!((component.cache(), compilations), (&CacheOutcome::Disabled, 1));
}

#[test]
fn a_folder_that_others_can_write_is_refused() {
    let (ticking, folder) = (Ticking::new(), Folder::new("shared"));
    load(&ticking.engine, &folder.config());
    for mode in [0o720, 0o702, 0o777] {
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(mode)).unwrap();
        let (component, compilations) = load(&ticking.engine, &folder.config());
        assert!(unusable(&component).contains("written by others"));
        assert_eq!(compilations, 1, "its entry was used");
        works(component);
    }
}

#[test]
fn a_link_to_a_folder_is_refused() {
    let (ticking, folder, link) = (Ticking::new(), Folder::new("target"), Folder::new("link"));
    load(&ticking.engine, &folder.config());
    symlink(&folder.0, &link.0).unwrap();
    let (component, compilations) = load(&ticking.engine, &link.config());
    assert!(unusable(&component).contains("no folder"));
    assert_eq!(compilations, 1);
    fs::remove_file(&link.0).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_done_without() {
    let ticking = Ticking::new();
    let folder = Folder::new("file");
    fs::write(&folder.0, "a file").unwrap();
    let (component, _) = load(&ticking.engine, &CacheConfig::Folder(folder.0.join("below")));
    unusable(&component);
    works(component);
    fs::remove_file(&folder.0).unwrap();
}

#[test]
fn a_full_disk_is_done_without() {
    // As good as one: an entry of that name cannot be replaced, for it is a folder
    // with something in it.
    let (ticking, folder) = (Ticking::new(), Folder::new("full"));
    load(&ticking.engine, &folder.config());
    let entry = folder.entries().remove(0);
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    fs::write(entry.join("something"), "").unwrap();
    let (component, _) = load(&ticking.engine, &folder.config());
    assert!(unusable(&component).contains(&*entry.to_string_lossy()));
    works(component);
    assert_eq!(folder.entries(), [entry], "no partial entry is left behind");
}
