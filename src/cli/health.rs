//! How a run's actors are, when its work is done.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::actor::Health;
use crate::control::supervisor::ChildStatus;
use crate::runtime::Runtime;
use crate::shard::SupervisorId;

use super::report::{HealthFigures, WellBeing};

/// How long it may take to ask everybody.
const ASK_MAX: Duration = Duration::from_secs(10);

/// Asks everybody once more, and tells how they are: each that is not well, and the
/// supervisors above them, as the worst of what they look after.
pub(super) fn figures(runtime: &Runtime, topmost: SupervisorId, supervisors: usize) -> HealthFigures {
    runtime.check_health(ASK_MAX);
    // What a child has said goes up by one supervisor, at least, while all shards take
    // a turn.
    for _ in 0..=supervisors {
        runtime.reports();
    }
    let mut figures = HealthFigures::default();
    let view = runtime.supervisor(topmost).wait_for(ASK_MAX).ok().flatten();
    figures.whole = well_being(view.as_ref().map_or(&Health::Unknown, |view| &view.health));
    walk(runtime, topmost, &mut figures.supervisors);
    let mut count = |what: &str, number: u64| {
        if number > 0 {
            *figures.actors.entry(what.to_owned()).or_default() += number;
        }
    };
    let reports = runtime.reports();
    for report in &reports {
        count("unknown", report.health.unknown);
        count("healthy", report.health.healthy);
        count("degraded", report.health.degraded);
        count("unhealthy", report.health.unhealthy);
    }
    for unwell in reports.into_iter().flat_map(|report| report.unwell) {
        let name = unwell.name.map_or_else(|| unwell.actor.to_string(), |name| name.to_string());
        figures.unwell.insert(name, well_being(&unwell.health));
    }
    figures
}

/// The supervisors below this one, by the name that the manifest gives them.
fn walk(runtime: &Runtime, supervisor: SupervisorId, found: &mut BTreeMap<String, WellBeing>) {
    let Ok(Some(view)) = runtime.supervisor(supervisor).wait_for(ASK_MAX) else { return };
    for child in view.children {
        let ChildStatus::Running(at) = child.status else { continue };
        let (Some(below), Some(name)) = (at.supervisor(), child.id) else { continue };
        if let Ok(Some(view)) = runtime.supervisor(below).wait_for(ASK_MAX) {
            found.insert(name.to_string(), well_being(&view.health));
        }
        walk(runtime, below, found);
    }
}

fn well_being(health: &Health) -> WellBeing {
    let (state, why) = match health {
        Health::Unknown => ("unknown", None),
        Health::Healthy => ("healthy", None),
        Health::Degraded(why) => ("degraded", Some(why.clone())),
        Health::Unhealthy(why) => ("unhealthy", Some(why.clone())),
    };
    WellBeing { state, why }
}
