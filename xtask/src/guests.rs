//! `cargo xtask guests`: sources in `guests/` to components in `guests/prebuilt/`.
//!
//! The components are committed, so that nobody needs a wasm toolchain to try
//! the runtime; this task is what keeps them honest. The same sources give the
//! same bytes wherever the checkout lies, as long as the toolchain is the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use lock::Lock;
use toolchain::Toolchain;

mod component;
mod lock;
pub mod toolchain;

const TARGET: &str = "wasm32-unknown-unknown";

#[derive(clap::Args)]
pub struct Args {
    /// Change nothing; fail if the committed components are not what the
    /// sources build to
    #[arg(long)]
    check: bool,

    /// Build with the toolchain in this folder (made by `cargo xtask
    /// guest-toolchain`), rather than with $RUSTC or `rustc`
    #[arg(long, value_name = "DIR", env = "RADDLE_GUEST_TOOLCHAIN")]
    toolchain: Option<PathBuf>,
}

/// A package of the guests' workspace that becomes a component.
struct Guest {
    package: &'static str,
    /// What its stack may grow to. Rust's default of 1 MiB would be most of a
    /// guest's memory.
    stack_kib: u32,
}

const GUESTS: &[Guest] = &[
    Guest { package: "echo", stack_kib: 64 },
    Guest { package: "counter", stack_kib: 16 },
    Guest { package: "parser", stack_kib: 64 },
    Guest { package: "aggregator", stack_kib: 64 },
    Guest { package: "reporter", stack_kib: 64 },
    Guest { package: "trapper", stack_kib: 64 },
];

impl Guest {
    fn file_name(&self) -> String {
        format!("{}.wasm", self.package)
    }
}

pub fn run(args: &Args) -> Result<()> {
    let guests = crate::root().join("guests");
    let toolchain = Toolchain::find(args.toolchain.as_deref())?;
    println!("building with {}", toolchain.version_line());

    if args.check { check(&guests, &toolchain) } else { rebuild(&guests, &toolchain) }
}

/// Write every component, and what it was built from and with.
fn rebuild(guests: &Path, toolchain: &Toolchain) -> Result<()> {
    let prebuilt = guests.join("prebuilt");
    fs::create_dir_all(&prebuilt)?;
    for guest in GUESTS {
        let component = build(guests, guest, toolchain)?;
        let path = prebuilt.join(guest.file_name());
        let changed = fs::read(&path).ok().as_deref() != Some(&component);
        fs::write(&path, &component).with_context(|| path.display().to_string())?;
        println!(
            "{:>7} bytes  guests/prebuilt/{}{}",
            component.len(),
            guest.file_name(),
            if changed { "  (changed)" } else { "" },
        );
    }
    fs::write(prebuilt.join("TOOLCHAIN"), toolchain.identity()?)?;
    fs::write(prebuilt.join("SOURCES"), Lock::of_tree(&crate::root())?.to_string())?;
    Ok(())
}

/// Compare what is committed with what the sources build to.
fn check(guests: &Path, toolchain: &Toolchain) -> Result<()> {
    let prebuilt = guests.join("prebuilt");
    let committed = Lock::parse(&fs::read_to_string(prebuilt.join("SOURCES")).unwrap_or_default());
    let mut stale = committed.differences(&Lock::of_tree(&crate::root())?);

    let recorded = fs::read_to_string(prebuilt.join("TOOLCHAIN")).unwrap_or_default();
    let identity = toolchain.identity()?;
    if recorded == identity {
        for guest in GUESTS {
            let committed = fs::read(prebuilt.join(guest.file_name())).unwrap_or_default();
            if build(guests, guest, toolchain)? == committed {
                println!("same bytes  guests/prebuilt/{}", guest.file_name());
            } else {
                stale.push(format!("guests/prebuilt/{}: built bytes differ", guest.file_name()));
            }
        }
    } else {
        println!(
            "bytes not compared, since another toolchain gives other bytes; \
             compared hashes of sources and components instead\n\
             guests/prebuilt/TOOLCHAIN:\n{recorded}\nthis toolchain:\n{identity}"
        );
        for guest in GUESTS {
            build(guests, guest, toolchain)?;
        }
        println!("every guest builds");
    }

    if stale.is_empty() {
        println!("guests/prebuilt is up to date");
        return Ok(());
    }
    for line in &stale {
        eprintln!("stale: {line}");
    }
    bail!("guests/prebuilt is not what the sources build to; run `cargo xtask guests` and commit it")
}

/// Compile one guest and make it a component.
fn build(guests: &Path, guest: &Guest, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(guests)
        .args(["rustc", "--quiet", "--locked", "--release", "--lib", "--target", TARGET])
        .args(["--package", guest.package, "--target-dir", "target"])
        .args(["--", "-C"])
        .arg(format!("link-arg=-zstack-size={}", guest.stack_kib * 1024))
        .envs(toolchain.environment()?)
        .env_remove("RUSTFLAGS")
        .status()
        .context("cargo")?;
    if !status.success() {
        bail!("guest `{}` does not compile", guest.package);
    }
    let path = guests.join("target").join(TARGET).join("release").join(guest.file_name());
    let module = fs::read(&path).with_context(|| path.display().to_string())?;
    component::from_module(&module).with_context(|| format!("guest `{}`", guest.package))
}
