//! `cargo xtask javascript-guest`: guests/javascript to guests/prebuilt/tally.wasm.
//!
//! Not a part of `cargo xtask guests`: it takes npm, and the component holds a
//! snapshot of an engine that has started, so that no two builds give the same bytes.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::component;
use super::lock::Lock;

const FOLDER: &str = "guests/javascript";
const BUILT: &str = "guests/javascript/target/tally.wasm";
const COMPONENT: &str = "guests/prebuilt/tally.wasm";

pub fn run() -> Result<()> {
    let root = crate::root();
    fs::create_dir_all(root.join(FOLDER).join("target"))?;
    for arguments in [&["install", "--no-package-lock", "--no-audit", "--no-fund"][..], &["run", "build"]] {
        let mut npm = Command::new("npm");
        npm.current_dir(root.join(FOLDER)).args(arguments);
        let status = npm.status().context("npm, which comes with Node.js, cannot be run")?;
        if !status.success() {
            bail!("`npm {}` failed in {FOLDER}", arguments.join(" "));
        }
    }
    let wasm = fs::read(root.join(BUILT)).context(BUILT)?;
    let component = component::from_compiled(&wasm)?;
    fs::write(root.join(COMPONENT), &component).context(COMPONENT)?;
    println!("{:>8} bytes  {COMPONENT}", component.len());
    fs::write(root.join(super::SOURCES), Lock::of_tree(&root)?.to_string())?;
    Ok(())
}
