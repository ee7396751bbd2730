//! What was measured on.

use serde::{Deserialize, Serialize};

/// The machine, and the versions of what ran on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    /// CPUs that this process may use.
    pub(crate) cpus: usize,
    pub(crate) kernel: String,
    pub(crate) raddle: String,
    pub(crate) wasmtime: String,
    pub(crate) rustc: String,
    /// Was it built with optimisation? Without, figures mean nothing.
    pub(crate) is_release: bool,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: model.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned()),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            raddle: env!("CARGO_PKG_VERSION").to_owned(),
            wasmtime: locked("wasmtime"),
            rustc: env!("RADDLE_PERF_RUSTC").to_owned(),
            is_release: !cfg!(debug_assertions),
        }
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        let Self { cpu, cpus, kernel, raddle, wasmtime, rustc, .. } = self;
        format!("{cpu}, {cpus} CPUs, Linux {kernel}; raddle {raddle}, wasmtime {wasmtime}, {rustc}")
    }
}

/// The version of a crate that this was built with.
pub(crate) fn locked(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let start = format!("name = \"{name}\"");
    let version = lock.split("[[package]]").find_map(|package| {
        let mut lines = package.trim().lines();
        lines.find(|line| *line == start)?;
        lines.find_map(|line| line.strip_prefix("version = ")).map(|version| version.trim_matches('"'))
    });
    version.unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock() {
        assert!(locked("wasmtime").starts_with("48."), "{}", locked("wasmtime"));
        assert_eq!(locked("no-such-crate"), "unknown");
    }
}
