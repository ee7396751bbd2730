//! `race`, where the rivals were not built in: see `race.rs`.

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// As with the feature `race`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<String>,
}

pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    anyhow::bail!("the rivals are not built in: cargo run --release -p raddle-perf --features race -- race")
}
