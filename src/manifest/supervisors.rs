//! The supervisors of a manifest: one that looks after everything, and those
//! below it.

use crate::control::child_spec::Restart;

use super::read::{DAY_MS, HOUR_MS, Reader};
use super::section::{At, Section};
use super::spec::{
    ActorSpec, AutoShutdown, BackoffSpec, Instances, NamedSupervisorSpec, Strategy, SupervisorSpec,
};

impl<'d> Reader<'d> {
    pub(super) fn supervisor(&self, section: Section<'d>) -> SupervisorSpec {
        let spec = self.supervision(&section, "[supervisor.backoff]");
        if spec.strategy == Strategy::SimpleOneForOne
            && let Some(at) = section.get("strategy")
        {
            let message = "the topmost supervisor cannot be simple_one_for_one";
            self.problems.note(at.span, message, "expected a [supervisors.NAME] with this strategy");
        }
        section.finish();
        spec
    }

    fn supervision(&self, section: &Section<'d>, backoff_title: &str) -> SupervisorSpec {
        let default = SupervisorSpec::default();
        SupervisorSpec {
            strategy: section.word("strategy").unwrap_or(default.strategy),
            restarts_max: section
                .integer("restarts_max", 0..=1_000_000)
                .map_or(default.restarts_max, |at| at.value),
            period_ms: section.integer("period_ms", 1..=DAY_MS).map_or(default.period_ms, |at| at.value),
            auto_shutdown: section.word("auto_shutdown").unwrap_or(default.auto_shutdown),
            backoff: section.section("backoff", backoff_title).map(|section| self.backoff(section)),
        }
    }

    fn backoff(&self, section: Section<'d>) -> BackoffSpec {
        let default = BackoffSpec::default();
        let base = section.integer("base_ms", 1..=HOUR_MS);
        let factor = section.number("factor", 1.0..=100.0);
        let max = section.integer("max_ms", 1..=HOUR_MS);
        let jitter = section.number("jitter", 0.0..=1.0);
        let stable_after = section.integer("stable_after_ms", 1..=DAY_MS);
        let spec = BackoffSpec {
            base_ms: base.map_or(default.base_ms, |at| at.value),
            factor: factor.map_or(default.factor, |at| at.value),
            max_ms: max.map_or(default.max_ms, |at| at.value),
            jitter: jitter.map_or(default.jitter, |at| at.value),
            stable_after_ms: stable_after.map_or(default.stable_after_ms, |at| at.value),
        };
        if spec.max_ms < spec.base_ms {
            let span = max.or(base).map_or(section.span(), |at| at.span);
            let label =
                format!("expected max_ms ({}) to be at least base_ms ({})", spec.max_ms, spec.base_ms);
            self.problems.note(span, "the longest wait is shorter than the first", label);
        }
        section.finish();
        spec
    }

    /// `[supervisors.NAME]`
    pub(super) fn supervisors(
        &self,
        top: &Section<'d>,
        topmost: &SupervisorSpec,
        shards: Option<u16>,
    ) -> Vec<NamedSupervisorSpec> {
        let mut named = Vec::new();
        let mut references = Vec::new();
        for (name, section) in top.named_sections("supervisors") {
            self.check_name(name, "supervisor");
            let spec = self.supervision(&section, &format!("[supervisors.{}.backoff]", name.value));
            let under = section.string("under", "the name of another [supervisors.NAME]");
            let placement = self.placement(&section, Instances::Single, shards);
            let restart = section.word("restart").unwrap_or_default();
            let significant = section.flag("significant");
            let shutdown = section.integer("shutdown_ms", 0..=HOUR_MS);
            references.push((under, restart, significant));
            named.push(NamedSupervisorSpec {
                name: name.value.to_owned(),
                spec,
                under: under.map(|at| at.value.to_owned()),
                placement: placement.map(|at| at.value).unwrap_or_default(),
                restart,
                shutdown_ms: shutdown.map(|at| at.value),
                significant: significant.is_some_and(|at| at.value),
                name_span: name.span,
                placement_span: placement.map_or(section.span(), |at| at.span),
            });
            section.finish();
        }
        for (at, (under, restart, significant)) in references.into_iter().enumerate() {
            if let Some(under) = under {
                self.check_under(at, under, &named);
            }
            let above = match under {
                None => Some(topmost),
                Some(under) => named.iter().find(|known| known.name == under.value).map(|known| &known.spec),
            };
            self.check_significant(significant, restart, above);
        }
        named
    }

    /// A supervisor is under another one, and not, in the end, under itself.
    fn check_under(&self, at: usize, under: At<&str>, named: &[NamedSupervisorSpec]) {
        self.check_reference(under, "supervisor", named.iter().map(|known| known.name.as_str()));
        let mut above = Some(&named[at]);
        for _ in 0..named.len() {
            above = above
                .and_then(|this| this.under.as_ref())
                .and_then(|under| named.iter().find(|known| known.name == *under));
        }
        // Who has as many above it as there are is under itself, or under one that is.
        if above.is_some() {
            let message = format!("the supervisor `{}` is under itself", named[at].name);
            self.problems.note(under.span, message, "expected one that is not below it");
        }
    }

    /// `significant`, which needs a supervisor that heeds it.
    pub(super) fn significant(
        &self,
        section: &Section<'d>,
        restart: Restart,
        above: Option<&SupervisorSpec>,
    ) -> bool {
        let significant = section.flag("significant");
        self.check_significant(significant, restart, above);
        significant.is_some_and(|at| at.value)
    }

    fn check_significant(
        &self,
        significant: Option<At<bool>>,
        restart: Restart,
        above: Option<&SupervisorSpec>,
    ) {
        let Some(At { value: true, span }) = significant else { return };
        if restart == Restart::Permanent {
            let message = "what is permanent never ends for good, and so cannot be significant";
            self.problems.note(span, message, "expected `restart` to be \"transient\" or \"temporary\"");
        } else if above.is_some_and(|spec| spec.auto_shutdown == AutoShutdown::Never) {
            let message = "its supervisor never shuts down by itself";
            self.problems.note(span, message, "expected a supervisor with `auto_shutdown`");
        }
    }

    /// Each supervisor looks after an actor, or after one that does.
    pub(super) fn check_supervisors_are_used(&self, named: &[NamedSupervisorSpec], actors: &[ActorSpec]) {
        for supervisor in named {
            if supervisor.spec.strategy == Strategy::SimpleOneForOne {
                let own = actors.iter().filter(|actor| actor.supervisor.as_ref() == Some(&supervisor.name));
                let below = named.iter().filter(|other| other.under.as_ref() == Some(&supervisor.name));
                let (own, below) = (own.count(), below.count());
                if own != 1 || below > 0 {
                    let message =
                        format!("`{}` is simple_one_for_one, and looks after others", supervisor.name);
                    let label = "expected exactly one [[actor]] with this `supervisor`, and none `under` it";
                    self.problems.note(supervisor.name_span, message, label);
                }
                continue;
            }
            if !actors.iter().any(|actor| line(named, actor).contains(&supervisor.name.as_str())) {
                let message = format!("the supervisor `{}` looks after nobody", supervisor.name);
                self.problems.note(supervisor.name_span, message, "expected an actor with this `supervisor`");
            }
        }
    }
}

/// The named supervisors above an actor, the nearest first.
pub(super) fn line<'m>(named: &'m [NamedSupervisorSpec], actor: &'m ActorSpec) -> Vec<&'m str> {
    let mut line = Vec::new();
    let mut above = actor.supervisor.as_deref();
    while let Some(name) = above
        && line.len() <= named.len()
    {
        line.push(name);
        above = named.iter().find(|known| known.name == name).and_then(|known| known.under.as_deref());
    }
    line
}
