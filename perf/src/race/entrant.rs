//! Who races in a workload: Raddle, and each rival in every way that makes sense there.

use anyhow::Context;
use raddle_rivals::{Job, Made, Rival};

use crate::figure::Figure;
use crate::floor::ring::pin;
use crate::run::units;
use crate::setup::Stand;
use crate::workload::{Kind, Place, Workload, set_up, set_up_alone};

use super::{AWAKE, Args};

/// Of asks that find everybody asleep, one for so many of the others.
const ASLEEP_SHARE: u64 = 10;

/// Where many messages are handled at once, so many times as many make a round: else it
/// would be over in some ms, before the caches know whose turn it is.
const BATCHES_MORE: u64 = 4;

/// On how many cores something runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cores {
    One,
    /// Each busy with its own.
    All,
    /// Messages go from one to the other.
    Across,
}

/// What is raced with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Raddle, one message in each call of a guest.
    Single,
    /// Raddle, with batches.
    Batches,
    Rival(Made),
}

/// How a rival runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    OneThread,
    /// One runtime with as many threads as there are shards.
    AllThreads,
    /// As many runtimes of one thread, which share nothing.
    Apart,
    /// One thread that does not sleep.
    Awake,
}

enum Who {
    Raddle { stand: usize, workload: Box<dyn Workload> },
    Rival { index: usize, way: Way },
}

/// One of those who race.
pub(super) struct Entrant {
    who: Who,
    pub(super) name: String,
    pub(super) class: Class,
    pub(super) cores: Cores,
    pub(super) figure: Figure,
}

/// All who race in this workload.
pub(super) fn entrants(
    kind: Kind,
    stands: &[Stand],
    args: &Args,
    rivals: &[Box<dyn Rival>],
) -> anyhow::Result<Vec<Entrant>> {
    let mut all = Vec::new();
    for (index, stand) in stands.iter().enumerate() {
        if index == AWAKE && kind != Kind::Ask {
            continue;
        }
        let shards = stand.runtime.shards();
        if shards > 1
            && let Some(workload) = set_up_alone(kind, stand)?
        {
            all.push(raddle(kind, index, stand, workload, Cores::One));
        }
        for (nth, workload) in set_up(kind, Place::Both, stand, &args.extras)?.into_iter().enumerate() {
            let cores = match kind {
                Kind::Pairs | Kind::SpawnStop if shards > 1 => Cores::All,
                // The bar is for a shard that is awake.
                Kind::Ask if index != AWAKE => Cores::Across,
                _ if nth > 0 => Cores::Across,
                _ => Cores::One,
            };
            all.push(raddle(kind, index, stand, workload, cores));
        }
    }
    let unit = all[0].figure.unit.clone();
    for &way in ways(kind, stands[0].runtime.shards()) {
        for (index, one) in rivals.iter().enumerate() {
            let name = match way {
                Way::OneThread => one.name().to_owned(),
                Way::AllThreads => format!("{}, on {} threads", one.name(), stands[0].runtime.shards()),
                Way::Apart => format!("{}, a runtime on each core", one.name()),
                Way::Awake => format!("{}, kept awake", one.name()),
            };
            let cores = if matches!(way, Way::AllThreads | Way::Apart) { Cores::All } else { Cores::One };
            let figure = Figure::new(format!("{}: {name}", kind.name()), &unit);
            let class = Class::Rival(one.made());
            all.push(Entrant { who: Who::Rival { index, way }, name, class, cores, figure });
        }
    }
    Ok(all)
}

fn raddle(kind: Kind, index: usize, stand: &Stand, workload: Box<dyn Workload>, cores: Cores) -> Entrant {
    let (name, class) = match stand.setup.batch {
        1 if index == AWAKE => (format!("raddle, kept awake ({})", workload.title()), Class::Single),
        1 => (format!("raddle ({})", workload.title()), Class::Single),
        batch => (format!("raddle, batches of {batch} ({})", workload.title()), Class::Batches),
    };
    let figure = Figure::new(format!("{}: {name}", kind.name()), workload.unit());
    Entrant { who: Who::Raddle { stand: index, workload }, name, class, cores, figure }
}

fn ways(kind: Kind, shards: usize) -> &'static [Way] {
    match kind {
        Kind::Pairs if shards > 1 => &[Way::AllThreads, Way::Apart],
        Kind::SpawnStop if shards > 1 => &[Way::OneThread, Way::Apart],
        Kind::Ask => &[Way::OneThread, Way::Awake],
        _ => &[Way::OneThread],
    }
}

impl Entrant {
    /// ns per unit, proved; and how many units there were.
    pub(super) fn round(
        &mut self,
        kind: Kind,
        stands: &[Stand],
        args: &Args,
        rivals: &[Box<dyn Rival>],
    ) -> anyhow::Result<(f64, u64)> {
        let more = match (kind, self.class) {
            (Kind::Tell | Kind::FanIn | Kind::Pairs, Class::Batches) => BATCHES_MORE,
            _ => 1,
        };
        let units = units(kind, args.messages).saturating_mul(more);
        match &mut self.who {
            Who::Raddle { stand, workload } => {
                let round = workload.round(&stands[*stand], units)?;
                Ok((round.ns_per_unit(), round.units))
            }
            Who::Rival { index, way } => {
                let job = job(kind, *way, units, stands[0].runtime.shards(), args)?;
                let rival = &*rivals[*index];
                let ns = match way {
                    Way::Apart => apart(rival, job, stands[0].runtime.cpus())?,
                    _ => rival.ns_per_unit(&job)?,
                };
                Ok((ns, job.units))
            }
        }
    }

    /// Stops what of it is still there.
    pub(super) fn end(self, stands: &[Stand]) -> anyhow::Result<Figure> {
        if let Who::Raddle { stand, workload } = self.who {
            workload.end(&stands[stand])?;
        }
        Ok(self.figure)
    }
}

pub(super) fn of(kind: Kind) -> anyhow::Result<raddle_rivals::Workload> {
    use raddle_rivals::Workload;
    Ok(match kind {
        Kind::Tell => Workload::Tell,
        Kind::Ring => Workload::Ring,
        Kind::PingPong => Workload::PingPong,
        Kind::FanIn => Workload::FanIn,
        Kind::Pairs => Workload::Pairs,
        Kind::SpawnStop => Workload::SpawnStop,
        Kind::Ask => Workload::Ask,
        other => anyhow::bail!("nobody else runs `{}`: it is not raced in", other.name()),
    })
}

fn job(kind: Kind, way: Way, units: u64, shards: usize, args: &Args) -> anyhow::Result<Job> {
    let is_asleep = kind == Kind::Ask && way != Way::Awake;
    Ok(Job {
        workload: of(kind)?,
        units: if is_asleep { units.div_ceil(ASLEEP_SHARE) } else { units },
        payload_bytes: args.setup.payload,
        actors: if kind == Kind::Pairs { args.setup.pairs } else { args.setup.actors },
        workers: if way == Way::AllThreads { shards } else { 1 },
        is_kept_awake: way == Way::Awake,
    })
}

/// The same, by a runtime on each core, each with its share. Their rates add up.
fn apart(rival: &dyn Rival, job: Job, cpus: &[Option<usize>]) -> anyhow::Result<f64> {
    let share =
        Job { units: job.units.div_ceil(cpus.len() as u64), actors: job.actors.div_ceil(cpus.len()), ..job };
    let each: Vec<anyhow::Result<f64>> = std::thread::scope(|scope| {
        let on = |&cpu: &Option<usize>| {
            scope.spawn(move || {
                pin(cpu);
                rival.ns_per_unit(&share)
            })
        };
        let threads: Vec<_> = cpus.iter().map(on).collect();
        threads.into_iter().map(|thread| thread.join().ok().context("it panicked")?).collect()
    });
    let rates = each.into_iter().map(|ns| Ok(1.0 / ns?));
    Ok(1.0 / rates.sum::<anyhow::Result<f64>>()?)
}
