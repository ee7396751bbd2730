//! EDGE: the command line.

pub mod args;
mod assemble;
mod call;
pub mod check;
mod components;
pub mod exit;
mod feed;
mod health;
mod inspect;
mod interrupt;
pub mod report;
mod run;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Arguments, CheckArguments, Command};
use exit::{Exit, Failure};

use crate::manifest::Manifest;
use crate::runtime::topology;

/// The command.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = start_log(&arguments.log).and_then(|()| match &arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Check(arguments) => check(arguments),
        Command::Inspect(arguments) => inspect::inspect(arguments),
        Command::Call(arguments) => call::call(arguments),
    });
    match outcome {
        Ok(exit) => exit.into(),
        Err(Failure { exit, report }) => {
            eprintln!("{report:?}");
            exit.into()
        }
    }
}

fn start_log(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| Failure {
        exit: Exit::Usage,
        report: miette::miette!("--log {filter:?}: {error}"),
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_ansi(std::io::stderr().is_terminal()).init();
    Ok(())
}

fn check(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let manifest = Manifest::load(&arguments.manifest, &arguments.overrides())?;
    let shards = shards_of(&manifest)?;
    let engine = assemble::engine(&manifest, 0);
    let engine =
        crate::wasm::Engine::new(&engine).map_err(|error| Failure::failed(miette::miette!("{error}")))?;
    let plan = check::check(&manifest, shards, |spec| {
        components::load(&engine, spec, &manifest, &crate::wasm::CacheConfig::Disabled, &()).map(drop)
    })?;
    print(&plan)?;
    Ok(Exit::Done)
}

/// How many shards a manifest is to run on, here.
fn shards_of(manifest: &Manifest) -> Result<u16, Failure> {
    match manifest.runtime.shards {
        Some(shards) => Ok(shards),
        None => {
            let topology =
                topology::available().map_err(|error| Failure::failed(miette::miette!("{error}")))?;
            Ok(u16::try_from(topology.shards_default()).unwrap_or(u16::MAX))
        }
    }
}

/// Prints on standard output. A reader that has gone away is no error.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(miette::miette!("cannot print: {error}")))
        }
        _ => Ok(()),
    }
}
