//! Where the compiler for guests comes from, and which one it is.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::TARGET;

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
        if ordinary.std_folder().is_dir() {
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
        if !toolchain.std_folder().is_dir() {
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

    fn std_folder(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(TARGET).join("lib")
    }

    /// Everything that decides which bytes come out: compiler, standard library,
    /// linker, cargo (it salts symbol names).
    pub fn identity(&self) -> Result<String> {
        let mut identity = String::new();
        for line in self.version.lines() {
            if !line.starts_with("binary:") && !line.starts_with("host:") {
                identity.push_str(line);
                identity.push('\n');
            }
        }
        let linker = match &self.linker {
            Some(linker) => output_of(linker, &["-flavor", "wasm", "--version"])?,
            None => "linker: the compiler's own\n".to_owned(),
        };
        identity.push_str(&linker);
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        identity.push_str(&output_of(&cargo, &["--version"])?);
        identity.push_str(&format!("std: {}\n", self.std_hash()?));
        Ok(identity)
    }

    fn std_hash(&self) -> Result<String> {
        let mut libraries: Vec<PathBuf> =
            fs::read_dir(self.std_folder())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
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
            vec![("RUSTC", self.rustc.clone()), ("CARGO_ENCODED_RUSTFLAGS", self.remapped_paths()?)];
        if let Some(linker) = &self.linker {
            environment.push(("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.clone()));
        }
        Ok(environment)
    }

    fn remapped_paths(&self) -> Result<OsString> {
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

fn output_of(program: &OsStr, args: &[&str]) -> Result<String> {
    let name = program.display();
    let output = Command::new(program).args(args).output().with_context(|| name.to_string())?;
    if !output.status.success() {
        bail!("{name} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
