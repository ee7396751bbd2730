//! `cargo xtask loom`: every model, in every interleaving that loom tells apart.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// Check the lock-free code in every interleaving
#[derive(clap::Args)]
pub struct Args {
    /// Only models whose name starts so, as `l3` or `l1_ring::fifo`
    models: Vec<String>,
    /// How often a run may switch away from a thread that could go on; 0: no
    /// bound. Each model has a default of its own
    #[arg(long)]
    max_preemptions: Option<u32>,
    /// What one model may take; one that needs more fails
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    budget: u64,
}

/// Runs the models chosen; fails if one fails or does not complete.
pub fn run(args: &Args) -> Result<()> {
    let runner = Runner::build()?;
    let chosen: Vec<_> = runner
        .models()?
        .into_iter()
        .filter(|model| {
            args.models.is_empty() || args.models.iter().any(|start| model.name.starts_with(start))
        })
        .collect();
    ensure!(!chosen.is_empty(), "no model is called so");
    let mut failed = Vec::new();
    for model in &chosen {
        let mut command = runner.command(model, args.max_preemptions, args.budget);
        let output = command.output().context("running a model")?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        // The word is printed only after loom came to the end by itself.
        let line = stdout.lines().find(|line| line.contains("completed in"));
        match line {
            Some(line) if output.status.success() => println!("{line}"),
            _ => {
                println!("{}: FAILED", model.name);
                print!("{}", String::from_utf8_lossy(&output.stderr));
                failed.push(model.name.as_str());
            }
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} models failed: {}", failed.len(), chosen.len(), failed.join(", "));
    }
    println!("{} models completed", chosen.len());
    Ok(())
}

/// A model, as the models tell.
#[derive(Debug, Clone)]
pub struct Model {
    /// `file::scenario`.
    pub name: String,
    /// Its own bound; 0: none.
    pub preemptions: u32,
}

/// The models, built with `--cfg loom`.
pub struct Runner(PathBuf);

impl Runner {
    /// Builds them, in a target folder of their own: the flag reaches every crate.
    pub fn build() -> Result<Self> {
        let root = crate::root();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let target = target.join("loom");
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--release", "--package", "raddle-loom"])
            .current_dir(&root)
            .env("RUSTFLAGS", "--cfg loom")
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .context("running cargo")?;
        ensure!(status.success(), "the models do not build");
        Ok(Self(target.join("release/raddle-loom")))
    }

    /// All models.
    pub fn models(&self) -> Result<Vec<Model>> {
        let output = Command::new(&self.0).arg("list").output().context("listing the models")?;
        let text = String::from_utf8(output.stdout).context("listing the models")?;
        let model = |line: &str| {
            let mut fields = line.split('\t');
            let name = fields.next()?.to_owned();
            Some(Model { name, preemptions: fields.next()?.parse().ok()? })
        };
        text.lines().map(|line| model(line).with_context(|| format!("no model: {line}"))).collect()
    }

    /// One model in a process of its own: a mutant may take its process with it.
    pub fn command(&self, model: &Model, preemptions: Option<u32>, budget: u64) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["run", model.name.as_str()]);
        command.env("RADDLE_MODEL_SECONDS", budget.to_string());
        command.env("RUST_BACKTRACE", "0");
        command.env_remove("LOOM_MAX_PREEMPTIONS");
        let preemptions = preemptions.unwrap_or(model.preemptions);
        if preemptions > 0 {
            command.env("LOOM_MAX_PREEMPTIONS", preemptions.to_string());
        }
        command
    }
}
