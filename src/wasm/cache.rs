//! Compiled components on disk.
//!
//! Loading compiled code is running it, so the folder must be one that only its
//! owner can write, and every entry carries a checksum, against a disk that fills
//! up or fails. Nothing that goes wrong here stops a component from loading.

use std::fs::{self, DirBuilder, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use wasmtime::component::Component;

use super::passage;

/// Where compiled components are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CacheConfig {
    /// In `$XDG_CACHE_HOME/raddle`, or `~/.cache/raddle`.
    #[default]
    Default,
    /// In this folder.
    Folder(PathBuf),
    /// Nowhere.
    Disabled,
}

/// What the cache did for a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheOutcome {
    /// It was there.
    Hit,
    /// It was not; it was compiled, and is there now.
    Stored,
    /// It was there, but damaged; it was compiled, and replaced.
    Repaired,
    /// It was compiled, and is not kept: nobody asked for it.
    Disabled,
    /// It was compiled, and could not be kept.
    Unusable {
        /// Why: for a warning.
        reason: String,
    },
}

/// The most that the folder holds, in bytes. What was not used for longest goes
/// first; an engine of today's size makes entries of 50 KB to some MB.
const FOLDER_BYTES_MAX: u64 = 512 << 20;

/// What is half-written for so long will never be whole: its process is gone.
const PARTIAL_AGE_MAX: Duration = Duration::from_secs(3600);

/// Of the folder, and of the entries in it.
const FOLDER_MODE: u32 = 0o700;
const ENTRY_MODE: u32 = 0o600;

/// Starts every entry. After it comes the checksum of the rest, then the rest.
const MAGIC: &[u8; 16] = b"raddle compiled\n";
const CHECKSUM_BYTES: usize = blake3::OUT_LEN;

impl CacheConfig {
    /// Takes a component from the cache, or else compiles it and keeps it.
    ///
    /// # Errors
    /// That of the compiler, nothing else.
    pub(super) fn get_or_compile<E>(
        &self,
        engine: &wasmtime::Engine,
        source: &[u8],
        compile: impl FnOnce() -> Result<Component, E>,
    ) -> Result<(Component, CacheOutcome), E> {
        let folder = match self.folder() {
            None => return Ok((compile()?, CacheOutcome::Disabled)),
            Some(folder) => folder.and_then(|folder| trusted(&folder).map(|()| folder)),
        };
        let folder = match folder {
            Ok(folder) => folder,
            Err(reason) => return Ok((compile()?, CacheOutcome::Unusable { reason })),
        };
        let path = folder.join(entry_name(engine, source));
        let found = read_entry(&path, engine);
        if let Ok(Some(component)) = found {
            touch(&path);
            return Ok((component, CacheOutcome::Hit));
        }
        let component = compile()?;
        let stored = component.serialize().map_err(|error| format!("{error:#}")).and_then(|code| {
            write_entry(&path, &code).map_err(|error| format!("{}: {error}", path.display()))
        });
        if stored.is_ok() {
            evict(&folder, &path, FOLDER_BYTES_MAX);
        }
        let outcome = match (stored, found) {
            (Err(reason), _) => CacheOutcome::Unusable { reason },
            (Ok(()), Ok(_)) => CacheOutcome::Stored,
            (Ok(()), Err(Damaged)) => CacheOutcome::Repaired,
        };
        Ok((component, outcome))
    }

    fn folder(&self) -> Option<Result<PathBuf, String>> {
        let from_environment = || {
            let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            let base = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
            let base = base.ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
            Ok(base.join("raddle"))
        };
        match self {
            Self::Default => Some(from_environment()),
            Self::Folder(folder) => Some(Ok(folder.clone())),
            Self::Disabled => None,
        }
    }
}

/// Makes the folder if it is not there. If it is, nobody else may have a say in it.
fn trusted(folder: &Path) -> Result<(), String> {
    let said = |error: io::Error| format!("{}: {error}", folder.display());
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(said)?;
    let metadata = fs::symlink_metadata(folder).map_err(said)?;
    if !metadata.is_dir() {
        return Err(format!("{} is no folder", folder.display()));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("{} belongs to somebody else", folder.display()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!("{} can be written by others: `chmod go-w` it", folder.display()));
    }
    Ok(())
}

/// The component's content, and everything that its code depends on besides: what is
/// done to it before it is compiled, and the engine.
fn entry_name(engine: &wasmtime::Engine, source: &[u8]) -> String {
    struct Compatibility(blake3::Hasher);

    impl Hasher for Compatibility {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            unreachable!("asked for its 256 bits below")
        }
    }

    let mut compatibility = Compatibility(blake3::Hasher::new());
    compatibility.write(&passage::REVISION.to_le_bytes());
    engine.precompile_compatibility_hash().hash(&mut compatibility);
    let content = blake3::hash(source).to_hex();
    let engine = compatibility.0.finalize().to_hex();
    format!("{content}-{}.compiled", &engine[..16])
}

/// An entry that does not hold what was written.
struct Damaged;

#[allow(unsafe_code)]
fn read_entry(path: &Path, engine: &wasmtime::Engine) -> Result<Option<Component>, Damaged> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(_) => return Ok(None),
    };
    let rest = bytes.strip_prefix(MAGIC).ok_or(Damaged)?;
    let (checksum, code) = rest.split_at_checked(CHECKSUM_BYTES).ok_or(Damaged)?;
    if blake3::hash(code) != *checksum {
        return Err(Damaged);
    }
    // SAFETY: these are bytes that `Component::serialize` gave for an engine of the
    // same compatibility hash (it is in the file's name): the checksum says that
    // they are unchanged, and the folder that nobody but its owner wrote them.
    let component = unsafe { Component::deserialize(engine, code) };
    component.map(Some).map_err(|_| Damaged)
}

/// Notes that an entry was used. If that fails, it is only taken for an older one.
fn touch(path: &Path) {
    let now = fs::FileTimes::new().set_modified(SystemTime::now());
    let _ = File::options().append(true).open(path).and_then(|file| file.set_times(now));
}

/// Removes what was used longest ago, until the rest is small enough; but not the
/// entry that was just written. What cannot be looked at or removed stays.
fn evict(folder: &Path, keep: &Path, bytes_max: u64) {
    let Ok(listing) = fs::read_dir(folder) else { return };
    let mut entries = Vec::new();
    for entry in listing.flatten() {
        let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
        let Ok(used) = metadata.modified() else { continue };
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if extension.starts_with("partial-") && used.elapsed().is_ok_and(|age| age > PARTIAL_AGE_MAX) {
            let _ = fs::remove_file(&path);
        } else if extension == "compiled" {
            entries.push((used, metadata.len(), path));
        }
    }
    let mut bytes: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
    entries.sort();
    for (_, entry_bytes, path) in entries.iter().filter(|(_, _, path)| path != keep) {
        if bytes <= bytes_max {
            break;
        }
        if fs::remove_file(path).is_ok() {
            bytes -= entry_bytes;
        }
    }
}

/// In one step, so that nobody ever reads half an entry.
fn write_entry(path: &Path, code: &[u8]) -> io::Result<()> {
    // Of this thread of this process, and of nobody else.
    let thread = rustix::thread::gettid().as_raw_nonzero();
    let partial = path.with_extension(format!("partial-{}-{thread}", std::process::id()));
    let write = || {
        let mut file: File =
            File::options().write(true).create(true).truncate(true).mode(ENTRY_MODE).open(&partial)?;
        file.write_all(MAGIC)?;
        file.write_all(blake3::hash(code).as_bytes())?;
        file.write_all(code)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&partial);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(folder: &Path, name: &str, bytes: usize, age: Duration) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, vec![7; bytes]).unwrap();
        let used = fs::FileTimes::new().set_modified(SystemTime::now() - age);
        File::options().append(true).open(&path).unwrap().set_times(used).unwrap();
        path
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let hours = |hours: u64| Duration::from_secs(3600 * hours);
        let of = |name: &str, age| entry(folder.path(), name, 100, hours(age));
        let (oldest, used, newer) = (of("a.compiled", 9), of("b.compiled", 8), of("c.compiled", 7));
        let kept = of("d.compiled", 10);
        let (stale, fresh) = (of("e.partial-1-1", 2), of("e.partial-1-2", 0));
        let foreign = of("letter.txt", 11);
        touch(&used);
        evict(folder.path(), &kept, 200);
        for (path, is_there) in [
            (oldest, false),
            (newer, false),
            (used, true),
            (kept, true),
            (stale, false),
            (fresh, true),
            (foreign, true),
        ] {
            assert_eq!(path.exists(), is_there, "{}", path.display());
        }
    }
}
