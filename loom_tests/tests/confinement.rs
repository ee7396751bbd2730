//! Memory orderings and unsafe code stay in `src/sync`.
#![cfg(not(loom))]

use std::path::{Path, PathBuf};

/// Where unsafe code is allowed besides `src/sync`, and why.
const UNSAFE: &[(&str, &str)] = &[
    ("src/wasm/abi.rs", "wasmtime's `ComponentType`, `Lift` and `Lower` are unsafe traits"),
    ("src/wasm/cache.rs", "`Component::deserialize` trusts what was compiled before"),
    (
        "src/wasm/compact.rs",
        "wasmtime's `MemoryCreator` and `LinearMemory` are unsafe traits over raw memory",
    ),
    ("src/wasm/thread_bound.rs", "what wasmtime wants `Send` never leaves its shard"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a folder of sources").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The words of a line, comments and text left out.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or("");
    let code = if code.contains('"') { "" } else { code };
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
}

#[test]
fn orderings_and_unsafe_code_stay_in_sync() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let mut escaped = Vec::new();
    for path in files {
        let name = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
        if name.starts_with("src/sync/") {
            continue;
        }
        let may_be_unsafe = UNSAFE.iter().any(|(file, _)| *file == name);
        let source = std::fs::read_to_string(&path).expect("a source");
        for (number, line) in source.lines().enumerate() {
            // Orderings come from `atomic`, under whatever name they are used.
            let ordering = words(line).any(|word| word == "atomic");
            let r#unsafe = words(line).any(|word| word == "unsafe") && !may_be_unsafe;
            if ordering || r#unsafe {
                escaped.push(format!("{name}:{}: {line}", number + 1));
            }
        }
    }
    assert!(escaped.is_empty(), "outside src/sync:\n{}", escaped.join("\n"));
}
