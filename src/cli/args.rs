//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::actor::Key;
use crate::manifest::{Lines, Overrides, Reactor};

/// Runs WebAssembly component actors, one shard on each core.
///
/// A manifest says which components there are, which actors to make from them,
/// who restarts them, and where the work comes from. `raddle run` does the work
/// and prints a report: what the actors found, how fast, how long each message
/// took, and what became of every one of them.
#[derive(Debug, Parser, PartialEq)]
#[command(name = "raddle", version, max_term_width = 100, after_help = EXAMPLES, after_long_help = LONG_AFTER)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// What to log, on standard error: error, warn, info, debug or trace, or such
    /// for parts of the program, as in `warn,raddle::shard=debug`
    #[arg(long, global = true, value_name = "FILTER", default_value = "warn", help_heading = "Everywhere")]
    pub log: String,
}

/// What to do.
#[derive(Debug, Subcommand, PartialEq)]
pub enum Command {
    /// Run what a manifest says, and print a report
    ///
    /// Without an `[input]` the actors run until they are interrupted. Ctrl-C stops the
    /// input, lets the actors finish what they have, and prints the report of what was
    /// done; a second one stops at once.
    Run(RunArguments),
    /// Check a manifest and its components, and run nothing
    ///
    /// Shows everything that is wrong, each with its line; or, if all is sound, which
    /// actors would run on which shards.
    Check(CheckArguments),
    /// Show what a component exports, imports, and needs to be granted
    Inspect(InspectArguments),
    /// Call a function of a component, and print its result
    ///
    /// The component need not be an actor. It gets the limits that an actor has by default,
    /// and is granted nothing: of WASI it has clocks and random numbers. What it writes to
    /// its standard streams is logged: `--log raddle::guest=info` shows it.
    Call(CallArguments),
}

/// `raddle run`
#[derive(Debug, Args, PartialEq)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArguments {
    /// The manifest: a TOML file
    pub manifest: PathBuf,

    /// Take the lines from this file, or from standard input if it is `-`, instead
    /// of what the manifest says
    #[arg(long, short, value_name = "FILE", allow_hyphen_values = true)]
    pub input: Option<String>,

    /// How many shards.
    #[command(flatten)]
    pub shards: ShardsArgument,

    /// What drives the shards: glommio (io_uring), plain threads, or glommio where it
    /// can be had [default: what the manifest says, or auto]
    #[arg(long, value_name = "auto|glommio|thread")]
    pub reactor: Option<Reactor>,

    /// How to print the report, on standard output
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Output,

    /// Show no progress and no remarks: only the report, and errors
    #[arg(long, short)]
    pub quiet: bool,

    /// For finding faults of the runtime: check after every turn of a shard that every
    /// message is accounted for, and end the shard if one is not
    #[arg(long)]
    pub check_ledger: bool,

    /// Where compiled components are kept.
    #[command(flatten)]
    pub cache: CacheArguments,
}

/// How many shards to run, or to plan for.
#[derive(Debug, Args, PartialEq)]
pub struct ShardsArgument {
    /// How many shards [default: what the manifest says, or one for each physical core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=Key::SHARDS_MAX as i64))]
    pub shards: Option<u16>,
}

/// Where compiled components are kept.
#[derive(Debug, Args, PartialEq)]
pub struct CacheArguments {
    /// Compile the components anew, and keep nothing on disk
    #[arg(long, conflicts_with = "cache_dir")]
    pub no_cache: bool,

    /// Keep compiled components here [default: raddle/ in the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,
}

/// `raddle check`
#[derive(Debug, Args, PartialEq)]
pub struct CheckArguments {
    /// The manifest: a TOML file
    pub manifest: PathBuf,

    /// How many shards.
    #[command(flatten)]
    pub shards: ShardsArgument,
}

/// `raddle inspect`
#[derive(Debug, Args, PartialEq)]
pub struct InspectArguments {
    /// The component: a .wasm file
    pub component: PathBuf,

    /// How to print it, on standard output
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Output,
}

/// `raddle call`
#[derive(Debug, Args, PartialEq)]
#[command(after_help = CALL_EXAMPLES)]
pub struct CallArguments {
    /// The component: a .wasm file, or component text
    pub component: PathBuf,

    /// What to call, in WAVE: 'function(arguments)'. Without it, the functions that there
    /// are get listed. The whole name of one in an interface is
    /// 'namespace:package/interface@1.0.0#function'; any part that says which one is meant
    /// will do, as in 'interface#function' and 'function'
    #[arg(value_name = "CALL")]
    pub call: Option<String>,

    /// Where compiled components are kept.
    #[command(flatten)]
    pub cache: CacheArguments,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// Tables, for people
    #[default]
    Text,
    /// One JSON object, for programs
    Json,
}

impl RunArguments {
    /// What the command line says over the manifest.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            shards: self.shards.shards,
            reactor: self.reactor,
            input: self.input.as_deref().map(Lines::from_argument),
        }
    }
}

impl CheckArguments {
    /// What the command line says over the manifest.
    pub fn overrides(&self) -> Overrides {
        Overrides { shards: self.shards.shards, ..Overrides::default() }
    }
}

const EXAMPLES: &str = "\
Examples:
  raddle run examples/access_log/raddle.toml
  raddle check examples/access_log/raddle.toml
  raddle inspect guests/prebuilt/counter.wasm
  raddle call guests/prebuilt/echo.wasm 'handle(0, [104, 105])'

`raddle --help` tells more, and `raddle run --help` how to run.";

const LONG_AFTER: &str = "\
Examples:
  raddle run examples/access_log/raddle.toml
  raddle check examples/access_log/raddle.toml
  raddle inspect guests/prebuilt/counter.wasm
  raddle call guests/prebuilt/echo.wasm 'handle(0, [104, 105])'

A manifest, in short (docs/guide-manifest.md has every key):
  [component.counter]
  path = \"counter.wasm\"       # relative to the manifest

  [[actor]]
  name = \"counter\"
  component = \"counter\"
  instances = \"per-shard\"     # counter.0, counter.1, ...

  [input]
  lines = \"-\"                 # each line is a message ...
  to = \"counter\"              # ... to these, in turn

Exit codes:
    0  done; lines that failed are counted in the report
    1  the job could not be started, or not be done to its end
    2  the command line or the manifest is wrong, or what is to be called
    3  a component cannot be used
  130  interrupted; what had been read was handled and reported";

const RUN_EXAMPLES: &str = "\
Examples:
  raddle run examples/access_log/raddle.toml
  raddle run examples/access_log/raddle.toml --input access.log --output json
  raddle run examples/access_log/raddle.toml --shards 4 --reactor thread --quiet
  zcat access.log.*.gz | raddle run examples/access_log/raddle.toml --input -";

const CALL_EXAMPLES: &str = "\
Examples:
  raddle call guests/prebuilt/echo.wasm
  raddle call guests/prebuilt/echo.wasm 'handle(0, [104, 105])'
  raddle call shop.wasm 'acme:shop/cart@1.0.0#add({name: \"tea\", count: 2}, some(expedited))'

WAVE, the text of values:
  1, -1.5, nan, true, 'c', \"text\"      numbers, bool, char, string
  [1, 2], (1, \"a\"), {x: 1, y: 2}     list, tuple, record
  name, name(1), some(1), none         enum, variant, option
  ok(1), err(\"why\"), {a, b}          result, flags";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    /// What a shell quotes is one argument: here without its spaces.
    fn unquoted(line: &str) -> String {
        let parts = line.split('\'').enumerate();
        parts.map(|(at, part)| if at % 2 == 1 { part.replace(' ', "") } else { part.to_owned() }).collect()
    }

    fn run(line: &str) -> RunArguments {
        match parse(line).expect(line).command {
            Command::Run(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_examples_of_the_help_are_good() {
        let examples = [EXAMPLES, LONG_AFTER, RUN_EXAMPLES, CALL_EXAMPLES].join("\n");
        let mut count = 0;
        for line in examples.lines().filter_map(|line| line.strip_prefix("  ")) {
            let command = line.rsplit("| ").next().unwrap_or(line);
            if command.starts_with("raddle ") {
                parse(&unquoted(command)).unwrap_or_else(|error| panic!("{command}: {error}"));
                count += 1;
            }
        }
        assert_eq!(count, 15);
    }

    #[test]
    fn the_help_names_every_exit_code() {
        use crate::cli::exit::Exit;
        let help = Arguments::command().render_long_help().to_string();
        for exit in [Exit::Done, Exit::Failed, Exit::Usage, Exit::Component, Exit::Interrupted] {
            assert!(help.contains(&format!("\n  {:>3}  ", exit as u8)), "{exit:?} is missing:\n{help}");
        }
    }

    #[test]
    fn what_is_not_said_is_left_to_the_manifest() {
        let arguments = run("raddle run m.toml");
        assert_eq!(arguments.overrides(), Overrides::default());
        assert_eq!((arguments.output, arguments.quiet), (Output::Text, false));
        assert_eq!(arguments.cache, CacheArguments { no_cache: false, cache_dir: None });
    }

    #[test]
    fn what_is_said_goes_over_the_manifest() {
        let arguments = run("raddle run m.toml --shards 3 --reactor thread --input - --output json -q");
        let overrides =
            Overrides { shards: Some(3), reactor: Some(Reactor::Thread), input: Some(Lines::Stdin) };
        assert_eq!(arguments.overrides(), overrides);
        assert_eq!((arguments.output, arguments.quiet), (Output::Json, true));
        let input = run("raddle run m.toml -i x.log").overrides().input;
        assert_eq!(input, Some(Lines::File("x.log".into())));
    }

    #[test]
    fn nonsense_is_refused_with_what_was_expected() {
        for (line, expected) in [
            ("raddle", "Usage"),
            ("raddle run", "<MANIFEST>"),
            ("raddle checks m.toml", "'check'"),
            ("raddle run m.toml --shards 0", "1..=4096"),
            ("raddle run m.toml --reactor tokio", "expected auto, glommio or thread"),
            ("raddle run m.toml --output yaml", "text, json"),
            ("raddle run m.toml --shard 3", "--shards"),
            ("raddle run m.toml --no-cache --cache-dir /tmp", "cannot be used with"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(expected), "{line}:\n{error}");
        }
    }

    #[test]
    fn logging_can_be_set_anywhere() {
        for line in ["raddle --log debug check m.toml", "raddle check m.toml --log debug"] {
            assert_eq!(parse(line).expect(line).log, "debug");
        }
    }
}
