//! What figures are held against: the floors of the same run, and the rivals.

use raddle_rivals::Made;

use crate::figure::{Bar, Figure};
use crate::floor;
use crate::stats::Summary;
use crate::workload::Kind;

use super::Race;
use super::entrant::{Class, Cores, Entrant};

/// Messages a second on one core, one in each call, and in batches.
const RATE_MIN: f64 = 6_120_000.0;
const BATCHED_RATE_MIN: f64 = 40_000_000.0;
/// What a message of pairs in batches may take, in ns.
const PAIRS_BATCHED_NS_MAX: f64 = 15.0;
/// Of as many times one core, what all of them must come to.
const SCALING_MIN: f64 = 0.95;
/// What may come to an ask besides its floor.
const ASK_NS: f64 = 300.0;

/// A floor: so many times some of the bare figures, and so many ns.
pub(super) struct FloorOf {
    pub(super) name: &'static str,
    terms: &'static [(f64, &'static str)],
    extra_ns: f64,
}

impl FloorOf {
    const fn of(name: &'static str, terms: &'static [(f64, &'static str)]) -> Self {
        Self { name, terms, extra_ns: 0.0 }
    }

    /// In each round.
    pub(super) fn rounds(&self, floors: &[Figure]) -> Option<Vec<f64>> {
        let mut sums: Option<Vec<f64>> = None;
        for (factor, title) in self.terms {
            let rounds = &floors.iter().find(|figure| figure.title == *title)?.ns_per_unit;
            let term = rounds.iter().map(|ns| factor * ns);
            sums = Some(match sums {
                None => term.map(|ns| ns + self.extra_ns).collect(),
                Some(sums) => sums.iter().zip(term).map(|(sum, ns)| sum + ns).collect(),
            });
        }
        sums
    }
}

const CALL: FloorOf = FloorOf::of("bare call", &[(1.0, floor::CALL)]);
const FRAMED: FloorOf = FloorOf::of("flat-frame call", &[(1.0, floor::FRAMED)]);
const SENDING: FloorOf = FloorOf::of("call that sends", &[(1.0, floor::SENDING)]);
const THERE_AND_BACK: FloorOf = FloorOf::of("2 calls that send", &[(2.0, floor::SENDING)]);
const LIFE: FloorOf = FloorOf::of("bare life", &[(1.0, floor::LIFE)]);
const LIVES: FloorOf = FloorOf::of("bare lives on all cores", &[(1.0, floor::LIVES)]);
const ASK: FloorOf = FloorOf {
    name: "(ring there and back, 2 calls, 300 ns)",
    terms: &[(1.0, floor::ROUND_TRIP), (2.0, floor::CALL)],
    extra_ns: ASK_NS,
};

/// What somebody in this workload stands on.
pub(super) fn floor_of(kind: Kind, class: Class, cores: Cores) -> FloorOf {
    match (kind, class, cores) {
        (Kind::Ring, ..) => SENDING,
        (Kind::PingPong, ..) => THERE_AND_BACK,
        (Kind::SpawnStop, _, Cores::All) => LIVES,
        (Kind::SpawnStop, ..) => LIFE,
        (Kind::Ask, ..) => ASK,
        (_, Class::Batches, _) => FRAMED,
        _ => CALL,
    }
}

/// How many times its floor somebody may take.
fn times_floor_max(kind: Kind, class: Class, cores: Cores) -> Option<f64> {
    match (kind, class, cores) {
        (Kind::Tell, Class::Single, Cores::One) => Some(1.25),
        (Kind::Tell, Class::Batches, Cores::One) => Some(2.5),
        (Kind::Ring, Class::Single, Cores::One) => Some(1.3),
        (Kind::PingPong, Class::Single, Cores::One) => Some(1.35),
        (Kind::FanIn, Class::Single, Cores::One) => Some(1.35),
        (Kind::FanIn, Class::Batches, Cores::One) => Some(3.0),
        (Kind::Pairs, Class::Single, Cores::All) => Some(0.75),
        (Kind::SpawnStop, Class::Single, Cores::One | Cores::All) => Some(1.3),
        (Kind::Ask, Class::Single, Cores::One) => Some(1.0),
        _ => None,
    }
}

/// Is somebody of this class to be ahead of such a rival here?
fn must_be_ahead(kind: Kind, class: Class, rival: &Entrant) -> bool {
    let Class::Rival(made) = rival.class else { return false };
    match (kind, class) {
        (_, Class::Single) => made == Made::Component,
        (Kind::Tell, Class::Batches) => made != Made::Native || rival.name.starts_with("tokio"),
        (Kind::FanIn, Class::Batches) => made != Made::Native || rival.name.starts_with("actix"),
        (Kind::Pairs, Class::Batches) => true,
        _ => false,
    }
}

/// One figure by another, round by round.
pub(super) fn ratio(ours: &[f64], theirs: &[f64]) -> Option<Summary> {
    let rounds: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    (!rounds.is_empty()).then(|| Summary::of(&rounds))
}

fn bar(title: String, of: String, bound: f64, is_at_least: bool, is: Summary) -> Bar {
    let Summary { median, min, max } = is;
    Bar { title, of, bound, is_at_least, median, min, max }
}

/// All bars of these races.
pub(super) fn bars(races: &[Race], floors: &[Figure]) -> Vec<Bar> {
    let mut bars = Vec::new();
    for race in races {
        for one in race.entrants.iter().filter(|one| matches!(one.class, Class::Single | Class::Batches)) {
            bars.extend(against_floor(race.kind, one, floors));
            bars.extend(against_rivals(race, one));
        }
        bars.extend(scaling(race));
    }
    bars.extend(rate(races, Class::Single, RATE_MIN));
    bars.extend(rate(races, Class::Batches, BATCHED_RATE_MIN));
    bars
}

fn against_floor(kind: Kind, one: &Entrant, floors: &[Figure]) -> Option<Bar> {
    if (kind, one.class, one.cores) == (Kind::Pairs, Class::Batches, Cores::All) {
        let ns = ratio(&one.figure.ns_per_unit, &vec![1.0; one.figure.ns_per_unit.len()])?;
        return Some(bar(one.figure.title.clone(), "ns".to_owned(), PAIRS_BATCHED_NS_MAX, false, ns));
    }
    let most = times_floor_max(kind, one.class, one.cores)?;
    let floor = floor_of(kind, one.class, one.cores);
    let times = ratio(&one.figure.ns_per_unit, &floor.rounds(floors)?)?;
    Some(bar(one.figure.title.clone(), format!("× {}", floor.name), most, false, times))
}

/// Against the fastest of those that it must be ahead of.
fn against_rivals(race: &Race, one: &Entrant) -> Option<Bar> {
    let is_one = |other: &&Entrant| {
        other.cores == one.cores
            && must_be_ahead(race.kind, one.class, other)
            && !other.figure.ns_per_unit.is_empty()
    };
    let rivals = race.entrants.iter().filter(is_one);
    let median = |one: &Entrant| one.figure.summary().median;
    let best = rivals.min_by(|a, b| median(a).total_cmp(&median(b)))?;
    let times = ratio(&one.figure.ns_per_unit, &best.figure.ns_per_unit)?;
    Some(bar(one.figure.title.clone(), format!("× {}", best.name), 1.0, false, times))
}

fn scaling(race: &Race) -> Vec<Bar> {
    let on = |class, cores| {
        race.entrants
            .iter()
            .find(move |one| one.class == class && one.cores == cores)
            .filter(|_| race.kind == Kind::Pairs)
    };
    let scaled = |class| {
        let (alone, all) = (on(class, Cores::One)?, on(class, Cores::All)?);
        let times = ratio(&alone.figure.ns_per_unit, &all.figure.ns_per_unit)?;
        let bound = SCALING_MIN * race.shards as f64;
        Some(bar(all.figure.title.clone(), "× the rate of 1 shard".to_owned(), bound, true, times))
    };
    [Class::Single, Class::Batches].into_iter().filter_map(scaled).collect()
}

/// The most messages a second on one core.
fn rate(races: &[Race], class: Class, bound: f64) -> Option<Bar> {
    let counts = |race: &&Race| matches!(race.kind, Kind::Tell | Kind::FanIn | Kind::Pairs);
    let entrants = races.iter().filter(counts).flat_map(|race| &race.entrants);
    let alone = entrants
        .filter(|one| one.class == class && one.cores == Cores::One && !one.figure.ns_per_unit.is_empty());
    let median = |one: &Entrant| one.figure.summary().median;
    let best = alone.min_by(|a, b| median(a).total_cmp(&median(b)))?;
    let ones = vec![1e3; best.figure.ns_per_unit.len()];
    let millions = ratio(&ones, &best.figure.ns_per_unit)?;
    Some(bar(best.figure.title.clone(), "million a second on a core".to_owned(), bound / 1e6, true, millions))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors() -> Vec<Figure> {
        let figure = |title: &str, rounds: [f64; 2]| {
            let mut figure = Figure::new(title.to_owned(), "message");
            figure.ns_per_unit = rounds.to_vec();
            figure
        };
        vec![figure(floor::CALL, [100.0, 110.0]), figure(floor::ROUND_TRIP, [200.0, 220.0])]
    }

    #[test]
    fn floors_are_summed_up_round_by_round() {
        assert_eq!(CALL.rounds(&floors()), Some(vec![100.0, 110.0]));
        assert_eq!(ASK.rounds(&floors()), Some(vec![700.0, 740.0]));
        // Nothing is said of a floor that was not measured.
        assert_eq!(LIFE.rounds(&floors()), None);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let times = ratio(&[125.0, 220.0, 130.0], &[100.0, 110.0, 100.0]).unwrap();
        assert_eq!((times.median, times.min, times.max), (1.3, 1.25, 2.0));
        // One round of theirs is missing.
        assert_eq!(ratio(&[125.0, 220.0], &[100.0]).unwrap().max, 1.25);
        assert!(ratio(&[], &[100.0]).is_none());
    }

    #[test]
    fn a_bar_is_met_from_its_own_side() {
        let is = |median| Summary { median, min: median, max: median };
        assert!(bar(String::new(), String::new(), 1.25, false, is(1.25)).is_met());
        assert!(!bar(String::new(), String::new(), 1.25, false, is(1.26)).is_met());
        assert!(bar(String::new(), String::new(), 1.9, true, is(1.95)).is_met());
        assert!(!bar(String::new(), String::new(), 1.9, true, is(1.8)).is_met());
    }
}
