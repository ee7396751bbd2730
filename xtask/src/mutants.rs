//! `cargo xtask mutants`: break one ordering, fence or step at a time, and see
//! which model notices.
//!
//! ```text
//!   sources ──► sites ──► mutants ──┐
//!   models, run once unbroken ──► which model reaches which site
//!                                   ▼
//!              mutant × model: killed, survived, undecided ──► the kill matrix
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::loom::{Model, Runner};

/// Take long each time, and mostly kill what others kill: asked only about sites
/// that no other model reaches.
const SLOW: &[&str] = &["l4_names::", "l5_shards::", "l7_restart::"];
/// Takes longest, and reaches nothing that others do not.
const LEFT_OUT: &[&str] = &["l5_drain::flag_at_any_moment"];

fn is_among(model: &Model, names: &[&str]) -> bool {
    names.iter().any(|name| model.name.starts_with(name))
}

const EQUIVALENT: &str = "loom_tests/equivalent.txt";
const PAGE: &str = "docs/memory-ordering.md";
const BEGIN: &str = "<!-- kill matrix: begin -->";
const END: &str = "<!-- kill matrix: end -->";

/// Break the lock-free code on purpose, and see that the models notice
#[derive(clap::Args)]
pub struct Args {
    /// Stop at the first model that kills a mutant, and leave the page alone
    #[arg(long)]
    fast: bool,
    /// Only mutants whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// How often a run may switch away from a thread that could go on; each model
    /// has a default of its own
    #[arg(long)]
    max_preemptions: Option<u32>,
    /// What one model may take with one mutant, in seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    budget: u64,
    /// How many models run at the same time
    #[arg(long)]
    jobs: Option<usize>,
}

/// One change of one site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mutant {
    site: String,
    from: String,
    to: String,
}

impl Mutant {
    fn name(&self) -> String {
        format!("{}={}", self.site, self.to)
    }
}

/// What a model said about a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Killed,
    Survived,
    /// Out of budget: nothing is known.
    Undecided,
}

/// Runs the matrix; fails if a mutant without an argument survives.
pub fn run(args: &Args) -> Result<()> {
    let started = Instant::now();
    let arguments = read_arguments()?;
    let mut mutants = mutants_of(&sites()?)?;
    let stale: Vec<_> =
        arguments.keys().filter(|name| !mutants.iter().any(|mutant| mutant.name() == **name)).collect();
    ensure!(stale.is_empty(), "{EQUIVALENT} argues about what is not there: {stale:?}");
    if let Some(only) = &args.only {
        mutants.retain(|mutant| mutant.name().contains(only.as_str()));
    }

    let runner = Runner::build()?;
    let reached = baseline(&runner, args)?;
    println!("{} models complete unbroken; {} mutants", reached.len(), mutants.len());
    let matrix = matrix(&runner, args, &mutants, &reached)?;

    let mut survivors = Vec::new();
    let mut killed = 0;
    for (mutant, row) in mutants.iter().zip(&matrix) {
        let name = mutant.name();
        let kills = row.values().filter(|verdict| **verdict == Verdict::Killed).count();
        let argued = arguments.contains_key(&name);
        match (kills, argued) {
            (0, true) => println!("equivalent  {name}"),
            (0, false) => {
                println!("SURVIVED    {name}");
                survivors.push(name);
            }
            (_, true) => bail!("{name} is argued to be equivalent, and a model kills it"),
            (_, false) => killed += 1,
        }
    }
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let argued = mutants.len() - killed - survivors.len();
    println!("{killed} killed, {argued} equivalent, {} survived, in {minutes:.1} minutes", survivors.len());
    if !args.fast && args.only.is_none() {
        let page = render(&mutants, &matrix, &reached, &arguments)?;
        write_page(&page)?;
        println!("wrote {PAGE}");
    }
    ensure!(survivors.is_empty(), "no model noticed: {}", survivors.join(", "));
    Ok(())
}

/// A named site, as the sources have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    name: String,
    kind: String,
    order: String,
}

/// Finds every site in the sources of `sync`, of the shards and of the models.
fn sites() -> Result<BTreeSet<Site>> {
    let mut sites = BTreeSet::new();
    for folder in ["src/sync", "src/shard", "loom_tests/src"] {
        for entry in std::fs::read_dir(crate::root().join(folder)).context(folder)? {
            let path = entry?.path();
            if path.is_dir() || path.file_name().is_none_or(|name| name == "mutation.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            sites.extend(sites_in(&source));
        }
    }
    Ok(sites)
}

fn sites_in(source: &str) -> Vec<Site> {
    let mut sites = Vec::new();
    for (kind, opening) in
        [("ord", "ord!("), ("fence", "fence!("), ("mutant", "mutant!("), ("mutant", "structural(")]
    {
        for (at, _) in source.match_indices(opening) {
            let Some(text) = source[at + opening.len()..].trim_start().strip_prefix('"') else {
                continue;
            };
            let Some((name, rest)) = text.split_once('"') else {
                continue;
            };
            let order = rest.trim_start_matches([',', ' ', '\n']);
            let order = order.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
            let order = if kind == "mutant" { "" } else { order };
            sites.push(Site { name: name.to_owned(), kind: kind.to_owned(), order: order.to_owned() });
        }
    }
    sites
}

/// Every site, weakened by one step; a weaker form is killed by what kills these.
fn mutants_of(sites: &BTreeSet<Site>) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for site in sites {
        let weaker: &[&str] = match (site.kind.as_str(), site.order.as_str()) {
            ("ord", "Acquire" | "Release") => &["Relaxed"],
            ("ord", "AcqRel") => &["Acquire", "Release"],
            ("fence", "SeqCst") => &["AcqRel", "none"],
            ("mutant", _) => &["on"],
            (kind, order) => bail!("{}: no way to weaken {kind}!({order})", site.name),
        };
        for to in weaker {
            let from = if site.order.is_empty() { "off".to_owned() } else { site.order.clone() };
            mutants.push(Mutant { site: site.name.clone(), from, to: (*to).to_owned() });
        }
    }
    Ok(mutants)
}

/// Why a mutant changes nothing: `site=weakened: argument`, one a line.
fn read_arguments() -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(crate::root().join(EQUIVALENT)).context(EQUIVALENT)?;
    let mut arguments = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (name, argument) = line.split_once(": ").with_context(|| format!("{EQUIVALENT}: {line}"))?;
        ensure!(argument.len() > 40, "{EQUIVALENT}: {name}: that is no argument");
        arguments.insert(name.to_owned(), argument.to_owned());
    }
    Ok(arguments)
}

/// Runs every model unbroken: it must complete, and says which sites it reaches.
fn baseline(runner: &Runner, args: &Args) -> Result<Vec<(Model, BTreeSet<String>)>> {
    let mut models = runner.models()?;
    models.retain(|model| !is_among(model, LEFT_OUT));
    in_parallel(args, models.len(), |index| {
        let model = &models[index];
        let mut command = runner.command(model, args.max_preemptions, args.budget * 5);
        let output = command.env("RADDLE_MUTANT_TRACE", "1").output().context("running a model")?;
        let name = &model.name;
        ensure!(output.status.success(), "{name} fails unbroken: see `cargo xtask loom {name}`");
        let text = String::from_utf8_lossy(&output.stdout);
        let sites = text.lines().filter_map(|line| line.strip_prefix("reached "));
        Ok((model.clone(), sites.map(str::to_owned).collect::<BTreeSet<_>>()))
    })
}

type Row = BTreeMap<String, Verdict>;

fn matrix(
    runner: &Runner,
    args: &Args,
    mutants: &[Mutant],
    reached: &[(Model, BTreeSet<String>)],
) -> Result<Vec<Row>> {
    in_parallel(args, mutants.len(), |index| {
        let mutant = &mutants[index];
        let mut row = Row::new();
        let (slow, quick): (Vec<_>, Vec<_>) = reached
            .iter()
            .filter(|(_, sites)| sites.contains(&mutant.site))
            .map(|(model, _)| model)
            .partition(|model| is_among(model, SLOW));
        for model in if quick.is_empty() { slow } else { quick } {
            let verdict = judge(runner, args, model, mutant)?;
            row.insert(model.name.clone(), verdict);
            if args.fast && verdict == Verdict::Killed {
                break;
            }
        }
        let kills = row.values().filter(|verdict| **verdict == Verdict::Killed).count();
        println!("{kills:>2} of {:>2} models kill {}", row.len(), mutant.name());
        Ok(row)
    })
}

fn judge(runner: &Runner, args: &Args, model: &Model, mutant: &Mutant) -> Result<Verdict> {
    let mut command = runner.command(model, args.max_preemptions, args.budget);
    command.env("RADDLE_MUTANT", mutant.name()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("running a mutant")?;
    let mut stderr = child.stderr.take().context("running a mutant")?;
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        // What a killed child leaves unsaid does not matter.
        let _ = stderr.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    // A model looks at its budget between interleavings. One that is still in
    // the same one long after hangs: the mutant broke it.
    let patience = Duration::from_secs(args.budget + 20);
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("waiting for a mutant")? {
            break status;
        }
        if started.elapsed() > patience {
            child.kill().context("ending a mutant that hangs")?;
            child.wait().context("ending a mutant that hangs")?;
            return Ok(Verdict::Killed);
        }
        thread::sleep(Duration::from_millis(3));
    };
    let said = reading.join().unwrap_or_default();
    Ok(match status.success() {
        true => Verdict::Survived,
        false if said.contains("out of budget") => Verdict::Undecided,
        false => Verdict::Killed,
    })
}

/// Does `count` jobs on a few threads; the results in order, or the first error.
fn in_parallel<T: Send>(
    args: &Args,
    count: usize,
    job: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let jobs = args.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let next = AtomicUsize::new(0);
    let results: Vec<_> = (0..count).map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(result) = results.get(index) else {
                        return;
                    };
                    let done = job(index);
                    if done.is_err() {
                        next.store(count, Ordering::Relaxed);
                    }
                    *result.lock().expect("no job panics with its result") = Some(done);
                }
            });
        }
    });
    results
        .into_iter()
        .filter_map(|result| result.into_inner().expect("no job panics with its result"))
        .collect()
}

/// The matrix as the page shows it: a column for each file of models.
fn render(
    mutants: &[Mutant],
    matrix: &[Row],
    reached: &[(Model, BTreeSet<String>)],
    arguments: &BTreeMap<String, String>,
) -> Result<String> {
    let file_of = |model: &str| model.split("::").next().unwrap_or(model).to_owned();
    let files: BTreeSet<_> = reached.iter().map(|(model, _)| file_of(&model.name)).collect();
    let mut page = String::new();
    let equivalent = mutants.iter().filter(|mutant| arguments.contains_key(&mutant.name())).count();
    writeln!(
        page,
        "{} mutants, {} killed, {} equivalent. A cell says how many of \
         the models that reach the site kill the mutant; an empty one, that none reaches it.\n",
        mutants.len(),
        matrix.iter().filter(|row| row.values().any(|verdict| *verdict == Verdict::Killed)).count(),
        equivalent,
    )?;
    let short: Vec<_> = files.iter().map(|file| file.split('_').next().unwrap_or(file)).collect();
    writeln!(page, "| Site | Mutation | {} | |", short.join(" | ").to_uppercase())?;
    writeln!(page, "|---|---|{}---|", "---|".repeat(files.len()))?;
    for (mutant, row) in mutants.iter().zip(matrix) {
        write!(page, "| `{}` | {} → {} |", mutant.site, mutant.from, mutant.to)?;
        for file in &files {
            let verdicts: Vec<_> =
                row.iter().filter(|(model, _)| file_of(model) == *file).map(|(_, v)| *v).collect();
            let kills = verdicts.iter().filter(|verdict| **verdict == Verdict::Killed).count();
            match verdicts.len() {
                0 => write!(page, " |")?,
                all => write!(page, " {kills}/{all} |")?,
            }
        }
        let killed = row.values().any(|verdict| *verdict == Verdict::Killed);
        let verdict = match (killed, arguments.contains_key(&mutant.name())) {
            (true, _) => "killed",
            (false, true) => "equivalent",
            (false, false) => "**survives**",
        };
        writeln!(page, " {verdict} |")?;
    }
    if equivalent > 0 {
        writeln!(page, "\nEquivalent, and why:\n")?;
        for (name, argument) in arguments {
            writeln!(page, "- `{name}`: {argument}")?;
        }
    }
    Ok(page)
}

fn write_page(matrix: &str) -> Result<()> {
    let path = crate::root().join(PAGE);
    let page = std::fs::read_to_string(&path).context(PAGE)?;
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("{PAGE}: no {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE}: no {END}"))?;
    let page = format!("{before}{BEGIN}\n{matrix}{END}{after}");
    std::fs::write(&path, page).context(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_sites_however_they_are_wrapped() {
        let source = r#"
            x.store(1, ord!("a.b", Release));
            let order = ord!(
                "a.c",
                AcqRel
            );
            fence!("f", SeqCst);
            if mutant!("m.wrong") && structural("s.wrong") {}
        "#;
        let names: Vec<_> = sites_in(source).into_iter().map(|site| (site.name, site.order)).collect();
        let expected =
            [("a.b", "Release"), ("a.c", "AcqRel"), ("f", "SeqCst"), ("m.wrong", ""), ("s.wrong", "")];
        let expected: Vec<_> =
            expected.into_iter().map(|(name, order)| (name.to_owned(), order.to_owned())).collect();
        assert_eq!(names, expected);
    }

    /// Every ordering stronger than relaxed goes through a named site, so that the
    /// registry of sites, which is the sources, is complete.
    #[test]
    fn every_ordering_of_sync_is_a_named_site() {
        let folder = crate::root().join("src/sync");
        for entry in std::fs::read_dir(folder).expect("src/sync") {
            let path = entry.expect("src/sync").path();
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            // The shim and the macros.
            if ["primitive.rs", "mutation.rs"].contains(&name.as_str()) {
                continue;
            }
            let source = std::fs::read_to_string(&path).expect("a source");
            for (number, line) in source.lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                let named = code.contains("ord!(") || code.contains("fence!(");
                for order in ["Acquire", "Release", "AcqRel", "SeqCst", "Ordering::"] {
                    let bare = code.contains(order) && !named && !code.contains("Ordering::Relaxed");
                    assert!(!bare, "{name}:{}: {order} without a site: {line}", number + 1);
                }
                assert!(
                    !code.contains("ord!(") || code.contains("ord!(\""),
                    "{name}:{}: a site is named on the line that uses it",
                    number + 1
                );
            }
        }
    }

    #[test]
    fn every_site_has_one_ordering() {
        let sites = sites().expect("the sources");
        let mut orders = BTreeMap::new();
        for site in &sites {
            let before = orders.insert(site.name.clone(), site.order.clone());
            assert!(before.is_none(), "{} is two sites", site.name);
        }
        assert!(mutants_of(&sites).expect("every site can be weakened").len() > sites.len() / 2);
    }
}
