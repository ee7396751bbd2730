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
use toolchain::{Identity, Toolchain};

mod component;
pub mod javascript;
mod lock;
pub mod toolchain;

/// What the committed components were built with.
const TOOLCHAIN: &str = "guests/prebuilt/TOOLCHAIN";
/// What they were built from: see [`Lock`].
const SOURCES: &str = "guests/prebuilt/SOURCES";

/// What guests are built for: no system interface, so that they import nothing
/// but the contract.
const TARGET: &str = "wasm32-unknown-unknown";
/// The target that most components are built for. They import WASI even where
/// they use none of it.
const WASI_TARGET: &str = "wasm32-wasip2";

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

#[derive(clap::Args)]
pub struct ComponentizeArgs {
    /// What the compiler put out for wasm32-unknown-unknown
    module: PathBuf,
    /// Where to put the component
    component: PathBuf,
}

/// Make a component of any guest's core module.
pub fn componentize(args: &ComponentizeArgs) -> Result<()> {
    let wasm = fs::read(&args.module).with_context(|| args.module.display().to_string())?;
    let component = component::from_compiled(&wasm)?;
    fs::write(&args.component, &component).with_context(|| args.component.display().to_string())?;
    println!("{:>8} bytes  {}", component.len(), args.component.display());
    Ok(())
}

/// A package that becomes a component.
struct Guest {
    package: &'static str,
    /// The workspace that it is in.
    workspace: &'static str,
    target: &'static str,
    /// The component's file name, less the extension.
    name: &'static str,
    /// What the stack may grow to: Rust's default of 1 MiB would be most of a
    /// guest's memory. `None`: that default.
    stack_kib: Option<u32>,
    /// Built in cargo's own release profile, rather than in that of its workspace.
    has_default_profile: bool,
}

/// The workspace of examples and tests, and that of what people copy.
const GUESTS_WORKSPACE: &str = ".";
const TEMPLATE_WORKSPACE: &str = "template";

const fn guest(package: &'static str, stack_kib: u32) -> Guest {
    Guest {
        package,
        workspace: GUESTS_WORKSPACE,
        target: TARGET,
        name: package,
        stack_kib: Some(stack_kib),
        has_default_profile: false,
    }
}

const GUESTS: &[Guest] = &[
    guest("echo", 64),
    guest("counter", 16),
    guest("parser", 64),
    guest("aggregator", 64),
    guest("reporter", 64),
    guest("sum", 16),
    guest("trapper", 64),
    guest("batcher", 64),
    guest("asker", 64),
    guest("puppet", 64),
    guest("sequence", 16),
    // The same source, built as one would without knowing this repository.
    Guest {
        target: WASI_TARGET,
        name: "echo-wasip2",
        stack_kib: None,
        has_default_profile: true,
        ..guest("echo", 0)
    },
    // As docs/guide-guests.md has it built, both ways.
    Guest { workspace: TEMPLATE_WORKSPACE, ..guest("greeter", 64) },
    Guest {
        workspace: TEMPLATE_WORKSPACE,
        target: WASI_TARGET,
        name: "greeter-wasip2",
        stack_kib: None,
        ..guest("greeter", 0)
    },
];

impl Guest {
    fn path(&self) -> String {
        format!("guests/prebuilt/{}.wasm", self.name)
    }

    /// Does it come out the same wherever it is built? Cargo salts the symbols of a
    /// path dependency outside its workspace with where that is, which decides in
    /// what order functions come; and the template is such a workspace.
    fn has_fixed_bytes(&self) -> bool {
        self.workspace == GUESTS_WORKSPACE
    }
}

pub fn run(args: &Args) -> Result<()> {
    let toolchain = Toolchain::find(args.toolchain.as_deref())?;
    println!("building with {}", toolchain.version_line());
    if args.check { check(&crate::root(), &toolchain) } else { rebuild(&crate::root(), &toolchain) }
}

/// Write every component, and what it was built from and with.
fn rebuild(root: &Path, toolchain: &Toolchain) -> Result<()> {
    fs::create_dir_all(root.join("guests/prebuilt"))?;
    for guest in GUESTS {
        let path = guest.path();
        if !toolchain.has(guest.target) {
            println!("     kept as it is  {path}: try `rustup target add {}`", guest.target);
            continue;
        }
        let component = build(root, guest, toolchain)?;
        let before = fs::read(root.join(&path)).unwrap_or_default();
        fs::write(root.join(&path), &component).with_context(|| path.clone())?;
        let changed = if before == component { "" } else { "  (changed)" };
        println!("{:>8} bytes  {path}{changed}", component.len());
    }
    fs::write(root.join(TOOLCHAIN), toolchain.identity()?.to_string())?;
    fs::write(root.join(SOURCES), Lock::of_tree(root)?.to_string())?;
    Ok(())
}

/// Compare what is committed with what the sources build to.
fn check(root: &Path, toolchain: &Toolchain) -> Result<()> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let mut stale = Lock::parse(&read(SOURCES)).differences(&Lock::of_tree(root)?);

    let recorded = Identity::parse(&read(TOOLCHAIN));
    let identity = toolchain.identity()?;
    let mut unlike = false;
    for guest in GUESTS {
        let path = guest.path();
        if !toolchain.has(guest.target) {
            println!("not built     {path}: the toolchain has no {}", guest.target);
            continue;
        }
        let built = build(root, guest, toolchain)?;
        if !recorded.gives_the_same_bytes(&identity, guest.target) {
            unlike = true;
            println!("not compared  {path}: builds, with another toolchain");
        } else if !guest.has_fixed_bytes() {
            println!("not compared  {path}: builds, to bytes that depend on the folder");
        } else if built == fs::read(root.join(&path)).unwrap_or_default() {
            println!("same bytes    {path}");
        } else {
            stale.push(format!("{path}: built bytes differ"));
        }
    }
    if unlike {
        println!(
            "\nAnother toolchain gives other bytes, so that only the hashes of sources and \
             components were compared.\n{TOOLCHAIN} has\n{recorded}\nand this one is\n{identity}"
        );
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
fn build(root: &Path, guest: &Guest, toolchain: &Toolchain) -> Result<Vec<u8>> {
    let guests = root.join("guests");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(&guests)
        .args(["rustc", "--quiet", "--locked", "--release", "--lib", "--target-dir", "target"])
        .args(["--manifest-path", &format!("{}/Cargo.toml", guest.workspace)])
        .args(["--package", guest.package, "--target", guest.target])
        .envs(toolchain.environment()?);
    if let Some(stack_kib) = guest.stack_kib {
        let size = stack_kib * 1024;
        command.args(["--", "-C", &format!("link-arg=-zstack-size={size}")]);
    }
    if guest.has_default_profile {
        // In it stays what is never called but could be: above all what a panic
        // prints to standard error.
        command.envs([("CARGO_PROFILE_RELEASE_LTO", "false"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")]);
    }
    if !command.status().context("cargo")?.success() {
        bail!("guest `{}` does not compile", guest.package);
    }
    let compiled = format!("target/{}/release/{}.wasm", guest.target, guest.package);
    let wasm = fs::read(guests.join(&compiled)).with_context(|| format!("guests/{compiled}"))?;
    component::from_compiled(&wasm).with_context(|| format!("guest `{}`", guest.name))
}
