//! `guests/prebuilt/SOURCES`: hashes of what the components are built from, and
//! of the components. It lets somebody with another compiler see whether they
//! belong together.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Path in the repository → hash of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lock(BTreeMap<String, String>);

impl Lock {
    /// Hash the guests, the contract, and what makes components of them.
    pub fn of_tree(root: &Path) -> Result<Lock> {
        let mut lock = Lock::default();
        for path in ["guests", "wit", "xtask/src/guests.rs", "xtask/src/guests/component.rs"] {
            lock.add(root, path)?;
        }
        Ok(lock)
    }

    fn add(&mut self, root: &Path, path: &str) -> Result<()> {
        let full = root.join(path);
        if full.is_dir() {
            for entry in fs::read_dir(&full).with_context(|| path.to_owned())? {
                let name = entry?.file_name().into_string().unwrap_or_default();
                if !["target", "node_modules"].contains(&&*name) && !name.starts_with('.') {
                    self.add(root, &format!("{path}/{name}"))?;
                }
            }
        } else if is_locked(path) {
            let content = fs::read(&full).with_context(|| path.to_owned())?;
            let hash = blake3::hash(&content).to_hex();
            self.0.insert(path.to_owned(), hash[..32].to_owned());
        }
        Ok(())
    }

    pub fn parse(text: &str) -> Lock {
        let lines = text.lines().filter_map(|line| line.split_once("  "));
        Lock(lines.map(|(hash, path)| (path.to_owned(), hash.to_owned())).collect())
    }

    /// What is new, changed or gone in `now`; one line each.
    pub fn differences(&self, now: &Lock) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, hash) in &now.0 {
            match self.0.get(path) {
                None => lines.push(format!("{path}: new")),
                Some(locked) if locked != hash => lines.push(format!("{path}: changed")),
                Some(_) => {}
            }
        }
        let gone = self.0.keys().filter(|path| !now.0.contains_key(*path));
        lines.extend(gone.map(|path| format!("{path}: gone")));
        lines
    }
}

/// Whether a file has a say in what a component is. Prose has not.
fn is_locked(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "toml" | "lock" | "wit" | "wasm" | "js" | "json"))
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, hash) in &self.0 {
            writeln!(f, "{hash}  {path}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(text: &str) -> Lock {
        Lock::parse(text)
    }

    #[test]
    fn survives_a_round_trip() {
        let text = "0a  guests/a.rs\n0b  wit/b c.wit\n";
        assert_eq!(lock(text).to_string(), text);
    }

    #[test]
    fn names_what_differs() {
        let before = lock("01  a\n02  b\n03  c\n");
        let after = lock("01  a\n04  b\n05  d\n");
        assert_eq!(before.differences(&after), ["b: changed", "d: new", "c: gone"]);
        assert!(before.differences(&before).is_empty());
    }
}
