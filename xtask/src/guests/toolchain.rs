//! Where the compiler for guests comes from, and which one it is.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{TARGET, WASI_TARGET};

#[derive(clap::Args)]
pub struct Args {
    /// Where to put it [default: ~/.cache/raddle/guest-toolchain]
    dir: Option<PathBuf>,
}

/// `cargo xtask guest-toolchain`: for machines where rustup cannot fetch the
/// target but apt can.
pub fn make(args: &Args) -> Result<()> {
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => cached().context("no home folder; name the folder to put it in")?,
    };
    if is_made(&dir) {
        println!("already made: {}", dir.display());
        return Ok(());
    }
    let script = crate::root().join("guests/toolchain.sh");
    let status = Command::new("sh").arg(&script).arg(&dir).status().context("sh")?;
    if !status.success() {
        bail!("{} failed", script.display());
    }
    Ok(())
}

fn cached() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("raddle/guest-toolchain"))
}

fn is_made(dir: &Path) -> bool {
    dir.join("rustc").is_file()
}

/// A compiler that has the target.
pub struct Toolchain {
    rustc: OsString,
    linker: Option<OsString>,
    /// What `rustc -vV` says.
    version: String,
    sysroot: PathBuf,
}

impl Toolchain {
    /// The one in `dir` if given; else $RUSTC or `rustc`, if it has the target;
    /// else the one that `cargo xtask guest-toolchain` made.
    pub fn find(dir: Option<&Path>) -> Result<Toolchain> {
        if let Some(dir) = dir {
            return Toolchain::in_dir(dir);
        }
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let linker = env::var_os("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER");
        let ordinary = Toolchain::new(rustc, linker)?;
        if ordinary.has(TARGET) {
            return Ok(ordinary);
        }
        match cached() {
            Some(dir) if is_made(&dir) => Toolchain::in_dir(&dir),
            _ => bail!(
                "`rustc` cannot build for {TARGET}; get the target with\n    \
                 rustup target add {TARGET}\n\
                 or, on Debian, a toolchain that has it with\n    \
                 cargo xtask guest-toolchain"
            ),
        }
    }

    /// As laid out by `guests/toolchain.sh`.
    fn in_dir(dir: &Path) -> Result<Toolchain> {
        let dir = fs::canonicalize(dir).with_context(|| dir.display().to_string())?;
        let toolchain = Toolchain::new(dir.join("rustc").into(), Some(dir.join("rust-lld").into()))?;
        if !toolchain.has(TARGET) {
            bail!("{} has no standard library for {TARGET}", dir.display());
        }
        Ok(toolchain)
    }

    fn new(rustc: OsString, linker: Option<OsString>) -> Result<Toolchain> {
        let version = output_of(&rustc, &["-vV"])?;
        let sysroot = PathBuf::from(output_of(&rustc, &["--print", "sysroot"])?.trim());
        Ok(Toolchain { rustc, linker, version, sysroot })
    }

    pub fn version_line(&self) -> &str {
        self.version.lines().next().unwrap_or_default()
    }

    fn std_folder(&self, target: &str) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(target).join("lib")
    }

    /// Whether there is a standard library for this target.
    pub fn has(&self, target: &str) -> bool {
        self.std_folder(target).is_dir()
    }

    pub fn identity(&self) -> Result<Identity> {
        let mut lines = Vec::new();
        for line in self.version.lines() {
            if !line.starts_with("binary:") && !line.starts_with("host:") {
                lines.push(line.to_owned());
            }
        }
        lines.push(match &self.linker {
            Some(linker) => output_of(linker, &["-flavor", "wasm", "--version"])?.trim().to_owned(),
            None => "linker: the compiler's own".to_owned(),
        });
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        lines.push(output_of(&cargo, &["--version"])?.trim().to_owned());
        for target in [TARGET, WASI_TARGET] {
            if self.has(target) {
                lines.push(format!("std {target}: {}", self.std_hash(target)?));
            }
        }
        Ok(Identity(lines))
    }

    fn std_hash(&self, target: &str) -> Result<String> {
        let mut libraries: Vec<PathBuf> =
            fs::read_dir(self.std_folder(target))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        libraries.retain(|path| path.extension() == Some(OsStr::new("rlib")));
        libraries.sort();
        let mut hasher = blake3::Hasher::new();
        for library in libraries {
            hasher.update(blake3::hash(&fs::read(library)?).as_bytes());
        }
        Ok(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// What cargo is to be told. Paths of this machine are mapped away, since
    /// panic messages hold them.
    pub fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        let mut environment =
            vec![("RUSTC", self.rustc.clone()), ("CARGO_ENCODED_RUSTFLAGS", self.rustflags()?)];
        if let Some(linker) = &self.linker {
            environment.push(("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.clone()));
            environment.push(("CARGO_TARGET_WASM32_WASIP2_LINKER", linker.clone()));
        }
        Ok(environment)
    }

    fn rustflags(&self) -> Result<OsString> {
        let mut paths = vec![(crate::root(), "/raddle")];
        let cargo_home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
            .context("neither CARGO_HOME nor HOME is set")?;
        // One folder per registry, named after a hash of its address.
        if let Ok(registries) = fs::read_dir(cargo_home.join("registry/src")) {
            for registry in registries {
                paths.push((registry?.path(), "/registry"));
            }
        }
        paths.push((self.sysroot.clone(), "/toolchain"));

        let mut flags = OsString::new();
        if self.linker.is_some() {
            // A linker of one's own otherwise means a C library of one's own too.
            flags.push("-Clink-self-contained=yes");
        }
        for (from, to) in paths {
            if !flags.is_empty() {
                flags.push("\x1f");
            }
            flags.push("--remap-path-prefix=");
            flags.push(from);
            flags.push("=");
            flags.push(to);
        }
        Ok(flags)
    }
}

/// Everything that decides which bytes come out: compiler, linker, cargo (it salts
/// symbol names) and standard libraries. A line each.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity(Vec<String>);

impl Identity {
    pub fn parse(text: &str) -> Identity {
        Identity(text.lines().map(str::to_owned).collect())
    }

    /// Whether guests for `target` come out the same. The standard libraries of
    /// other targets do not matter.
    pub fn gives_the_same_bytes(&self, other: &Identity, target: &str) -> bool {
        let own = format!("std {target}:");
        let relevant = |identity: &Identity| {
            let lines = identity.0.iter();
            lines.filter(|line| !line.starts_with("std ") || line.starts_with(&own)).cloned().collect()
        };
        let (these, those): (Vec<String>, Vec<String>) = (relevant(self), relevant(other));
        these == those
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn output_of(program: &OsStr, args: &[&str]) -> Result<String> {
    let name = program.display();
    let output = Command::new(program).args(args).output().with_context(|| name.to_string())?;
    if !output.status.success() {
        bail!("{name} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_standard_library_in_question_matters() {
        let recorded = Identity::parse("rustc 1\nstd a: 01\nstd b: 02\n");
        let same = |text: &str, target: &str| recorded.gives_the_same_bytes(&Identity::parse(text), target);
        assert!(same("rustc 1\nstd a: 01\n", "a"));
        assert!(!same("rustc 1\nstd a: 01\n", "b"));
        assert!(!same("rustc 1\nstd a: 03\nstd b: 02\n", "a"));
        assert!(!same("rustc 2\nstd a: 01\nstd b: 02\n", "a"));
    }
}
