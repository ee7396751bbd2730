//! The layer map, and who breaks it.

use std::fmt;

use super::source::{File, Token};

/// A folder (or file) of `src`, and the layers that it may import.
struct Layer {
    name: &'static str,
    below: &'static [&'static str],
}

/// From the floor up; the drawing is in src/lib.rs. `error` and `lib` are what
/// embedders see of all layers, and part of none.
const LAYERS: &[Layer] = &[
    Layer { name: "sync", below: &[] },
    Layer { name: "actor", below: &[] },
    Layer { name: "metrics", below: &["actor", "sync"] },
    Layer { name: "control", below: &["actor"] },
    Layer { name: "shard", below: &["control", "metrics", "actor", "sync"] },
    Layer { name: "wasm", below: &["metrics", "actor", "sync"] },
    Layer { name: "runtime", below: &["shard", "wasm", "control", "metrics", "actor", "sync"] },
    Layer { name: "manifest", below: &["control", "actor"] },
    Layer {
        name: "cli",
        below: &["manifest", "runtime", "shard", "wasm", "control", "metrics", "actor", "sync"],
    },
    Layer { name: "error", below: &["runtime", "shard", "wasm", "actor"] },
    Layer { name: "lib", below: &["error", "runtime", "actor"] },
    Layer { name: "main", below: &[] },
];

/// A third-party crate, and the layers that may name it.
pub struct Home {
    pub name: &'static str,
    layers: &'static [&'static str],
}

const EVERYWHERE: &[&str] =
    &["sync", "actor", "metrics", "control", "shard", "wasm", "runtime", "manifest", "cli", "error"];

/// One home each, so that a swap is one folder. Those with more have a reason.
pub const HOMES: &[Home] = &[
    Home { name: "loom", layers: &["sync"] },
    Home { name: "hdrhistogram", layers: &["metrics"] },
    Home { name: "quanta", layers: &["metrics"] },
    Home { name: "foldhash", layers: &["control"] },
    Home { name: "imbl", layers: &["shard"] },
    Home { name: "wasmtime", layers: &["wasm"] },
    Home { name: "wasmtime_wasi", layers: &["wasm"] },
    Home { name: "blake3", layers: &["wasm"] },
    Home { name: "wasmparser", layers: &["wasm"] },
    Home { name: "wat", layers: &["wasm"] },
    Home { name: "tokio", layers: &["wasm"] },
    Home { name: "bytes", layers: &["wasm"] },
    Home { name: "glommio", layers: &["runtime"] },
    Home { name: "io_uring", layers: &["runtime"] },
    Home { name: "core_affinity", layers: &["runtime"] },
    // The system's interface, as std is: who owns the cache folder, and what
    // this process may lock.
    Home { name: "rustix", layers: &["wasm", "runtime"] },
    Home { name: "toml", layers: &["manifest"] },
    Home { name: "strsim", layers: &["manifest"] },
    // The manifest says what is wrong and where, the command line shows it.
    Home { name: "miette", layers: &["manifest", "cli"] },
    Home { name: "clap", layers: &["cli"] },
    Home { name: "comfy_table", layers: &["cli"] },
    Home { name: "ctrlc", layers: &["cli"] },
    Home { name: "indicatif", layers: &["cli"] },
    // Rust values become component values by it, and manifests and reports text.
    Home { name: "serde", layers: &["wasm", "cli"] },
    Home { name: "serde_json", layers: &["cli"] },
    Home { name: "tracing_subscriber", layers: &["cli"] },
    Home { name: "mimalloc", layers: &["main"] },
    // Facades without a behaviour of their own.
    Home { name: "thiserror", layers: EVERYWHERE },
    Home { name: "tracing", layers: EVERYWHERE },
];

/// Unsafe code above the floor: only where wasmtime's API demands it.
pub struct UnsafeSite {
    pub file: &'static str,
    pub count: usize,
}

pub const UNSAFE_SITES: &[UnsafeSite] = &[
    // `Lift` and `Lower`, for types that cross the border, are unsafe traits.
    UnsafeSite { file: "wasm/abi/letter.rs", count: 2 },
    UnsafeSite { file: "wasm/abi/lists.rs", count: 5 },
    UnsafeSite { file: "wasm/abi/frames.rs", count: 1 },
    // So is `LinearMemory`, for memories of one's own: it hands out a raw pointer.
    UnsafeSite { file: "wasm/compact.rs", count: 6 },
    UnsafeSite { file: "wasm/compact/slots.rs", count: 11 },
    // `Component::deserialize` takes machine code on trust.
    UnsafeSite { file: "wasm/cache.rs", count: 1 },
    // Types are checked when a component is loaded, and not again in each instance.
    UnsafeSite { file: "wasm/exports.rs", count: 1 },
    // The data of a store with WASI must be `Send`, though it never leaves its thread.
    UnsafeSite { file: "wasm/thread_bound.rs", count: 2 },
];

/// What only the floor may say after `Ordering::`; that of `std::cmp` has others.
const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// A rule that is broken, and where.
pub struct Violation {
    file: String,
    line: Option<usize>,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// Everything that breaks a rule.
pub fn check(files: &[File]) -> Vec<Violation> {
    let mut violations: Vec<Violation> =
        files.iter().filter(|file| !file.is_test()).flat_map(check_file).collect();
    for site in UNSAFE_SITES {
        let file = files.iter().find(|file| file.name() == site.file);
        let count = file.map_or(0, unsafe_count);
        if count != site.count {
            let what = format!("has {count} unsafe sites, and tests/all/layers/rules.rs says {}", site.count);
            violations.push(Violation { file: site.file.to_owned(), line: None, what });
        }
    }
    violations
}

fn unsafe_count(file: &File) -> usize {
    (0..file.len()).filter(|&index| file.token(index).is_some_and(|token| token.is("unsafe"))).count()
}

fn check_file(file: &File) -> Vec<Violation> {
    let layer_name = file.module().first().copied().unwrap_or(file.name().trim_end_matches(".rs"));
    let at =
        |index, what: String| Violation { file: file.name().to_owned(), line: Some(file.line(index)), what };
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == layer_name) else {
        return vec![at(0, "is in no layer: see tests/all/layers/rules.rs".into())];
    };
    let mut violations = Vec::new();
    for index in 0..file.len() {
        let Some(Token::Word(word)) = file.token(index) else { continue };
        match word.as_str() {
            "crate" | "super" => {
                let imports = imports(file, index);
                violations
                    .extend(imports.iter().filter_map(|&name| upward(layer, name)).map(|w| at(index, w)));
            }
            "unsafe" if layer.name != "sync" && !UNSAFE_SITES.iter().any(|site| site.file == file.name()) => {
                violations.push(at(index, "is unsafe, and that lives in sync".into()));
            }
            word if layer.name != "sync" && is_atomic(file, index) => {
                violations.push(at(index, format!("has `{word}`, and atomics live in sync")));
            }
            "raddle" if starts_a_path(file, index) && layer.name != "main" => {
                violations.push(at(index, "imports raddle, which is itself".into()));
            }
            word => {
                let home = HOMES.iter().find(|home| home.name == word && starts_a_path(file, index));
                if let Some(home) = home.filter(|home| !home.layers.contains(&layer.name)) {
                    let layers = home.layers.join(" and ");
                    violations.push(at(index, format!("uses {word}, which lives in {layers}")));
                }
            }
        }
    }
    violations
}

fn is_atomic(file: &File, index: usize) -> bool {
    let Some(Token::Word(word)) = file.token(index) else { return false };
    let leads_on = matches!(file.token(index + 1), Some(Token::Path));
    match word.as_str() {
        "atomic" => true,
        "Ordering" if leads_on => file.heads(index + 2).iter().any(|head| ORDERINGS.contains(head)),
        _ => false,
    }
}

/// What a layer may not import, in words.
fn upward(layer: &Layer, name: &str) -> Option<String> {
    if name == "as" {
        return Some("imports crate as something else, where nobody can follow".into());
    }
    let known = LAYERS.iter().any(|other| other.name == name);
    let fine = name == layer.name || layer.below.contains(&name) || !known;
    (!fine).then(|| format!("imports crate::{name}, and may import {:?}", layer.below))
}

/// The top-level modules that a path from `crate`, or one that climbs up to it by
/// `super`, leads to.
fn imports(file: &File, index: usize) -> Vec<&str> {
    if file.token(index).is_some_and(|token| token.is("crate")) {
        return match file.token(index + 1) {
            Some(Token::Path) => file.heads(index + 2),
            Some(token) if token.is("as") => vec!["as"],
            _ => Vec::new(),
        };
    }
    let follows = |index: usize| matches!(file.token(index), Some(Token::Path));
    if index > 0 && follows(index - 1) {
        return Vec::new(); // In the middle of a chain that was looked at.
    }
    let (mut at, mut climbed) = (index, 0);
    while file.token(at).is_some_and(|token| token.is("super")) && follows(at + 1) {
        climbed += 1;
        at += 2;
    }
    // Inside a module of the file itself it is one too many; such a name would
    // have to be that of a layer to be taken for one.
    if climbed >= file.module().len() && climbed > 0 { file.heads(at) } else { Vec::new() }
}

/// Does this word begin a path, or name a crate in a `use`?
fn starts_a_path(file: &File, index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|index| file.token(index));
    let in_a_path = match before {
        Some(Token::Path) => {
            // `::wasmtime` names the crate, `host::wasmtime` does not.
            !matches!(index.checked_sub(2).and_then(|index| file.token(index)), Some(Token::Word(word)) if !KEYWORDS.contains(&word.as_str()))
        }
        Some(Token::Mark('.')) => false,
        _ => true,
    };
    let leads_on = matches!(file.token(index + 1), Some(Token::Path));
    let is_used = before.is_some_and(|token| token.is("use") || *token == Token::Mark('{'))
        && matches!(file.token(index + 1), Some(token) if token.is("as") || *token == Token::Mark(';'));
    in_a_path && (leads_on || is_used)
}

/// Words that may stand before a path that begins with `::`.
const KEYWORDS: [&str; 8] = ["use", "in", "as", "return", "dyn", "impl", "mut", "const"];
