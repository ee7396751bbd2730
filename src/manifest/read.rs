//! From the text of a manifest to its specs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::actor::{Filter, Key};

use super::error::{ManifestError, Problem, Source, Span};
use super::plan::misplaced;
use super::section::{At, Problems, Section, closest, grouped, list};
use super::spec::{
    ActorSpec, ComponentSpec, GrantsSpec, HealthSpec, IN_FLIGHT_MAX, InputSpec, Instances, Lines,
    NamedSupervisorSpec, Placement, ReportSpec, RuntimeSpec, SHUTDOWN_MS, SupervisorSpec,
};
use super::{MailboxSpec, Manifest, Overrides};

const SHARDS_MAX: u16 = Key::SHARDS_MAX as u16;
const INSTANCES_MAX: u32 = Key::SLOTS_MAX as u32;
pub(super) const HOUR_MS: u32 = 3_600_000;
pub(super) const DAY_MS: u32 = 24 * HOUR_MS;

pub(super) fn read(path: &Path, text: &str, overrides: &Overrides) -> Result<Manifest, ManifestError> {
    let invalid = |problems| ManifestError::Invalid { path: path.to_owned(), problems };
    let source = Source::new(path, text);

    let document = match DeTable::parse(text) {
        Ok(document) => document,
        // Without a well-formed text the rest would be guesswork.
        Err(error) => return Err(invalid(vec![not_toml(&source, text, &error)])),
    };

    let problems = Problems::new(source.clone());
    let reader = Reader {
        folder: path.parent().unwrap_or(Path::new("")),
        problems: &problems,
        names: RefCell::default(),
    };
    let top = Section::new("the manifest", Span::default(), document.get_ref(), &problems);
    let manifest = reader.manifest(path, source, &top, overrides);
    top.finish();

    let problems = problems.into_sorted();
    if !problems.is_empty() {
        return Err(invalid(problems));
    }
    if let Some(lines) = &overrides.input {
        check_input_override(lines, manifest.input.is_some())?;
    }
    Ok(manifest)
}

fn not_toml(source: &Source, text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(text.len()..text.len());
    let at = span.clone().into();
    match (error.message(), text.get(span)) {
        ("duplicate key", Some(key)) => {
            Problem::new(source, at, format!("`{key}` is given twice"), "expected another name")
                .with_help("a key is given once, and so is a name such as that of a component")
        }
        (message, _) => Problem::new(source, at, format!("this is not TOML: {message}"), "here"),
    }
}

pub(super) struct Reader<'d> {
    folder: &'d Path,
    pub(super) problems: &'d Problems,
    /// The actors seen so far, and where.
    names: RefCell<BTreeMap<&'d str, Span>>,
}

impl<'d> Reader<'d> {
    fn manifest(&self, path: &Path, source: Source, top: &Section<'d>, overrides: &Overrides) -> Manifest {
        let mut runtime =
            top.section("runtime", "[runtime]").map(|section| self.runtime(section)).unwrap_or_default();
        runtime.shards = overrides.shards.or(runtime.shards);
        runtime.reactor = overrides.reactor.unwrap_or(runtime.reactor);

        let health = top.section("health", "[health]").map(health);

        let components: Vec<_> = top
            .named_sections("component")
            .into_iter()
            .map(|(name, section)| self.component(name, section, &runtime))
            .collect();
        let supervisor = top
            .section("supervisor", "[supervisor]")
            .map(|section| self.supervisor(section))
            .unwrap_or_default();
        let supervisors = self.supervisors(top, &supervisor, runtime.shards);

        let above = (&supervisor, &supervisors[..]);
        let sections = top.sections("actor");
        if sections.is_empty() && top.get("actor").is_none_or(|at| matches!(at.value, DeValue::Array(_))) {
            self.problems.note(top.span(), "the manifest has no actors", "expected at least one [[actor]]");
        }
        let actors: Vec<_> = sections
            .into_iter()
            .map(|section| self.actor(section, &components, above, runtime.shards))
            .collect();
        self.check_supervisors_are_used(&supervisors, &actors);

        let input = top.section("input", "[input]").map(|section| self.input(section, &actors, overrides));
        let report = top.section("report", "[report]").map(|section| self.report(section, &actors));
        let path = path.to_owned();
        Manifest { path, runtime, health, components, supervisor, supervisors, actors, input, report, source }
    }

    fn runtime(&self, section: Section<'d>) -> RuntimeSpec {
        let default = RuntimeSpec::default();
        let shards = section.integer("shards", 1..=SHARDS_MAX);
        let reactor = section.word("reactor");
        let mailbox_messages = section.integer("mailbox_messages_max", 1..=1 << 24);
        let mailbox_bytes = section.integer("mailbox_bytes_max", 1024..=1 << 40);
        let message_bytes = section.integer("message_bytes_max", 1..=1 << 30);
        let park_spin = section.integer("park_spin_us", 0..=1_000_000);
        let spec = RuntimeSpec {
            shards: shards.map(|at| at.value),
            reactor: reactor.unwrap_or(default.reactor),
            mailbox_messages_max: mailbox_messages.map_or(default.mailbox_messages_max, |at| at.value),
            mailbox_bytes_max: mailbox_bytes.map_or(default.mailbox_bytes_max, |at| at.value),
            message_bytes_max: message_bytes.map_or(default.message_bytes_max, |at| at.value),
            park_spin_us: park_spin.map_or(default.park_spin_us, |at| at.value),
            memory_layout: section.word("memory_layout").unwrap_or(default.memory_layout),
        };
        if u64::from(spec.message_bytes_max) > spec.mailbox_bytes_max {
            let span = message_bytes.map(|at| at.span).or(mailbox_bytes.map(|at| at.span));
            let message = "the largest message fits in no mailbox";
            let label = format!(
                "expected message_bytes_max ({}) to be at most mailbox_bytes_max ({})",
                grouped(spec.message_bytes_max.into()),
                grouped(spec.mailbox_bytes_max.into()),
            );
            self.problems.note(span.unwrap_or(section.span()), message, label);
        }
        section.finish();
        spec
    }

    fn component(&self, name: At<&str>, section: Section<'d>, runtime: &RuntimeSpec) -> ComponentSpec {
        self.check_name(name, "component");
        let at = section.required_string("path", "the path of a .wasm component, relative to the manifest");
        let path = at.map(|at| self.file(at, "component")).unwrap_or_default();
        let title = format!("[component.{}.limits]", name.value);
        let limits =
            section.section("limits", &title).map(|limits| self.limits(limits, runtime.message_bytes_max));
        let class = section.word("class");
        let trust = section.word("trust").unwrap_or_default();
        let title = format!("[component.{}.grants]", name.value);
        let grants = section.section("grants", &title).map(|grants| self.grants(&title, grants));
        let title = format!("[component.{}.mailbox]", name.value);
        let mailbox = section.section("mailbox", &title).map(MailboxSpec::read);
        let path_span = at.map_or(section.span(), |at| at.span);
        section.finish();
        ComponentSpec {
            name: name.value.to_owned(),
            path,
            path_span,
            trust,
            class,
            limits: limits.unwrap_or_default(),
            grants: grants.unwrap_or_default(),
            mailbox: mailbox.unwrap_or_default(),
        }
    }

    fn grants(&self, title: &str, section: Section<'d>) -> GrantsSpec {
        let patterns = |key: &'static str, may_name_sender: bool| {
            let mut patterns = Vec::new();
            for at in section.strings(key, "names or patterns, such as \"orders\", \"worker.*\" or \">\"") {
                match Filter::parse(at.value) {
                    Err(error) if !(may_name_sender && at.value == "@sender") => self.problems.note(
                        at.span,
                        format!("this is no pattern: {error}"),
                        "expected a name; `*` stands for one part between dots, a last `>` for the rest",
                    ),
                    _ => patterns.push(at.value.to_owned()),
                }
            }
            patterns
        };
        let table = |key: &'static str| {
            let title = format!("{}.{key}]", title.trim_end_matches(']'));
            let table = section.section(key, &title);
            table.map(|table| table.texts().into_iter().collect::<BTreeMap<_, _>>()).unwrap_or_default()
        };
        let folders = |key: &'static str| {
            let path = |(guest, path): (String, String)| (guest, self.folder.join(path));
            table(key).into_iter().map(path).collect()
        };
        let spec = GrantsSpec {
            send: patterns("send", true),
            ask: patterns("ask", true),
            link: patterns("link", true),
            register: patterns("register", false),
            publish: patterns("publish", false),
            subscribe: patterns("subscribe", false),
            spawn: patterns("spawn", false),
            clocks: section.flag("clocks").is_some_and(|at| at.value),
            random: section.flag("random").is_some_and(|at| at.value),
            stdio: section.flag("stdio").is_some_and(|at| at.value),
            environment: table("environment"),
            read: folders("read"),
            write: folders("write"),
        };
        section.finish();
        spec
    }

    fn actor(
        &self,
        section: Section<'d>,
        components: &[ComponentSpec],
        (topmost, supervisors): (&SupervisorSpec, &[NamedSupervisorSpec]),
        shards: Option<u16>,
    ) -> ActorSpec {
        let name = section.required_string("name", "a name to register the actor under");
        if let Some(name) = name {
            self.check_name(name, "actor");
            if let Some(first) = self.names.borrow_mut().insert(name.value, name.span) {
                let message = format!("two actors are named `{}`", name.value);
                let problem = self.problems.problem(name.span, message, "expected another name");
                let problem = problem.with_also(first, "the first is here");
                self.problems.push(problem.with_help("for several of a kind, set `instances`"));
            }
        }
        let component = section.required_string("component", "the name of a [component.NAME]");
        if let Some(component) = component {
            let names = components.iter().map(|component| component.name.as_str());
            self.check_reference(component, "component", names);
        }
        let instances = self.instances(&section).unwrap_or_default();
        let placement = self.placement(&section, instances, shards);
        let supervisor = section.string("supervisor", "the name of a [supervisors.NAME]");
        if let Some(supervisor) = supervisor {
            let names = supervisors.iter().map(|supervisor| supervisor.name.as_str());
            self.check_reference(supervisor, "supervisor", names);
        }
        let restart = section.word("restart").unwrap_or_default();
        let above = supervisor.map_or(Some(topmost), |supervisor| {
            supervisors.iter().find(|known| known.name == supervisor.value).map(|known| &known.spec)
        });
        let significant = self.significant(&section, restart, above);
        let shutdown_ms = section.integer("shutdown_ms", 0..=HOUR_MS);
        let config = section.section("config", "[actor.config]").map(Section::texts).unwrap_or_default();
        let spec = ActorSpec {
            name: name.map(|at| at.value.to_owned()).unwrap_or_default(),
            component: component.map(|at| at.value.to_owned()).unwrap_or_default(),
            instances,
            placement: placement.map(|at| at.value).unwrap_or_default(),
            supervisor: supervisor.map(|at| at.value.to_owned()),
            restart,
            significant,
            shutdown_ms: shutdown_ms.map_or(SHUTDOWN_MS, |at| at.value),
            config: config.into_iter().collect(),
            name_span: name.map_or(section.span(), |at| at.span),
            component_span: component.map_or(section.span(), |at| at.span),
            placement_span: placement.map_or(section.span(), |at| at.span),
        };
        section.finish();
        spec
    }

    fn instances(&self, section: &Section<'d>) -> Option<Instances> {
        let at = section.get("instances")?;
        let expected =
            format!("expected \"per-shard\", or an integer from 1 to {}", grouped(INSTANCES_MAX.into()));
        match at.value {
            DeValue::String(text) if text == "per-shard" => Some(Instances::PerShard),
            DeValue::String(text) => {
                section.wrong(at.span, format!("`instances` cannot be \"{text}\""), expected)
            }
            DeValue::Integer(_) => {
                section.integer("instances", 1..=INSTANCES_MAX).map(|at| Instances::Count(at.value))
            }
            _ => section.mistyped("instances", &at, &expected),
        }
    }

    pub(super) fn placement(
        &self,
        section: &Section<'d>,
        instances: Instances,
        shards: Option<u16>,
    ) -> Option<At<Placement>> {
        let expected = "\"spread\" or \"shard:NUMBER\"";
        let at = section.string("placement", expected)?;
        let number = at.value.strip_prefix("shard:").map(|number| number.trim().parse::<u16>());
        match (at.value, number) {
            ("spread", _) => Some(At { value: Placement::Spread, span: at.span }),
            (_, Some(Ok(_))) if instances == Instances::PerShard => section.wrong(
                at.span,
                "one instance per shard, and all on one shard",
                "expected no `placement` beside `instances = \"per-shard\"`",
            ),
            (_, Some(Ok(shard))) => {
                let shards = shards.unwrap_or(SHARDS_MAX);
                if shard >= shards {
                    let problem = |message, label| self.problems.problem(at.span, message, label);
                    self.problems.push(misplaced(problem, shard, shards));
                }
                Some(At { value: Placement::Shard(shard), span: at.span })
            }
            _ => section.wrong(
                at.span,
                format!("`placement` cannot be \"{}\"", at.value),
                format!("expected {expected}"),
            ),
        }
    }

    fn input(&self, section: Section<'d>, actors: &[ActorSpec], overrides: &Overrides) -> InputSpec {
        let what = "the path of a text file, relative to the manifest, or \"-\" for standard input";
        let lines = match &overrides.input {
            // The manifest's own input may be left out, and may be missing.
            Some(_) => section.string("lines", what),
            None => section.required_string("lines", what),
        };
        let to = section.required_string("to", "the name of the actor that gets the lines");
        if let Some(to) = to {
            self.check_reference(to, "actor", actors.iter().map(|actor| actor.name.as_str()));
        }
        let in_flight_max = section.integer("in_flight_max", 1..=1 << 24);
        let spec = InputSpec {
            lines: match (&overrides.input, lines) {
                (Some(lines), _) => lines.clone(),
                (None, Some(At { value: "-", .. }) | None) => Lines::Stdin,
                (None, Some(at)) => Lines::File(self.file(at, "input")),
            },
            to: to.map(|at| at.value.to_owned()).unwrap_or_default(),
            in_flight_max: in_flight_max.map_or(IN_FLIGHT_MAX, |at| at.value),
            lines_span: lines.map_or(section.span(), |at| at.span),
        };
        section.finish();
        spec
    }

    fn report(&self, section: Section<'d>, actors: &[ActorSpec]) -> ReportSpec {
        let ask = section.required_string("ask", "the name of the actor whose instances are asked");
        let with = section.required_string("with", "the text that they are asked");
        let via = section.required_string("via", "the name of the actor that puts the answers together");
        let then = section.required_string("then", "the text that this actor is asked");
        for actor in [ask, via].into_iter().flatten() {
            self.check_reference(actor, "actor", actors.iter().map(|actor| actor.name.as_str()));
        }
        if let Some(via) = via
            && let Some(actor) = actors.iter().find(|actor| actor.name == via.value)
            && actor.instances != Instances::Single
        {
            let problem = self.problems.problem(
                via.span,
                format!("there are several of `{}`", via.value),
                "expected an actor without `instances`",
            );
            self.problems.push(problem.with_also(actor.name_span, "this one has `instances`"));
        }
        section.finish();
        let text = |at: Option<At<&str>>| at.map(|at| at.value.to_owned()).unwrap_or_default();
        ReportSpec { ask: text(ask), with: text(with), via: text(via), then: text(then) }
    }

    /// Names end up in addresses such as NAME.3, on command lines, and in reports.
    pub(super) fn check_name(&self, name: At<&str>, what: &str) {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if name.value.is_empty() || name.value.len() > 64 || !name.value.chars().all(plain) {
            self.problems.note(
                name.span,
                format!(
                    "`{}` cannot be the name of {} {what}",
                    name.value,
                    if what == "actor" { "an" } else { "a" }
                ),
                "expected 1 to 64 letters (a to z), digits, `-` and `_`",
            );
        }
    }

    /// Notes a name that nothing has.
    pub(super) fn check_reference<'c>(
        &self,
        at: At<&str>,
        what: &str,
        names: impl Iterator<Item = &'c str> + Clone,
    ) {
        if names.clone().any(|name| name == at.value) {
            return;
        }
        let label = match closest(at.value, names.clone()) {
            Some(right) => format!("did you mean `{right}`?"),
            None => format!("expected the name of {} {what}", if what == "actor" { "an" } else { "a" }),
        };
        let problem = self.problems.problem(at.span, format!("there is no {what} `{}`", at.value), label);
        let mut names = names.filter(|name| !name.is_empty()).peekable();
        let help = match names.peek() {
            None => format!("this manifest has no {what}s"),
            Some(_) => format!("the {what}s of this manifest: {}", list(names, "and")),
        };
        self.problems.push(problem.with_help(help));
    }

    /// The path of a file that must be there.
    fn file(&self, at: At<&str>, what: &str) -> PathBuf {
        let path = self.folder.join(at.value);
        match std::fs::metadata(&path) {
            // A pipe or a device will do.
            Ok(metadata) if !metadata.is_dir() => {}
            Ok(_) => self.problems.note(
                at.span,
                format!("the {what} file is a folder"),
                "expected the path of a file",
            ),
            Err(error) => {
                let problem = self.problems.problem(
                    at.span,
                    format!("the {what} file cannot be used: {}", describe(&error)),
                    "expected the path of a file, relative to the manifest",
                );
                self.problems.push(problem.with_help(format!("this is {}", path.display())));
            }
        }
        path
    }
}

fn health(section: Section<'_>) -> HealthSpec {
    let default = HealthSpec::default();
    let interval = section.integer("interval_ms", 1..=DAY_MS);
    let unhealthy = section.integer("unhealthy_in_a_row_max", 1..=1_000_000);
    let answer = section.integer("answer_ms_max", 1..=HOUR_MS);
    section.finish();
    HealthSpec {
        interval_ms: interval.map_or(default.interval_ms, |at| at.value),
        unhealthy_in_a_row_max: unhealthy.map_or(default.unhealthy_in_a_row_max, |at| at.value),
        answer_ms_max: answer.map_or(default.answer_ms_max, |at| at.value),
    }
}

/// `--input` names a file that must be there, and needs an actor to give it to.
fn check_input_override(lines: &Lines, has_input: bool) -> Result<(), ManifestError> {
    let wrong = |message: String, help: &str| {
        let what = match lines {
            Lines::Stdin => "--input -".to_owned(),
            Lines::File(path) => format!("--input {}", path.display()),
        };
        Err(ManifestError::Override { what, message, help: help.to_owned() })
    };
    if !has_input {
        return wrong(
            "the manifest has no [input]".to_owned(),
            "add [input] with `to`, the name of the actor that gets the lines",
        );
    }
    let Lines::File(path) = lines else { return Ok(()) };
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            wrong("a folder".to_owned(), "give a file, or - for standard input")
        }
        Ok(_) => Ok(()),
        Err(error) => wrong(describe(&error), "give the path of a file, or - for standard input"),
    }
}

/// What went wrong, without the number that the system gives it.
fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
