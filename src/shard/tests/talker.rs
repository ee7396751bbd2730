//! An actor that talks to others in every way there is.

use super::*;
use crate::actor::{Awaited, Failure, Notice, RequestId, Resume, Target, TimerId};

/// Does what its messages say, and writes down what it hears:
///
/// - `log TEXT`, `echo TEXT`, `fail TEXT`, `trap`, `exit`
/// - `send ADDRESS TEXT`, `burst ADDRESS N`, `within MS ADDRESS TEXT`
/// - `request ADDRESS MS TEXT`, `cancel`
/// - `ask ADDRESS TEXT`: waits, and replies with what comes
/// - `defer`, `answer TEXT`, `decline TEXT`
/// - `pause`: goes on in its next turn
/// - `publish SUBJECT TEXT`, `subscribe FILTER`, `unsubscribe FILTER`
/// - `join GROUP`, `leave GROUP`, `members GROUP`
/// - `one GROUP TEXT`, `all GROUP TEXT`, `key GROUP KEY TEXT`, `name NAME TEXT`
/// - `after MS ADDRESS TEXT`, `every MS ADDRESS TEXT`, `no-timer`
struct Talker {
    log: Log,
    requests: Vec<RequestId>,
    owed: Vec<RequestId>,
    timer: Option<TimerId>,
    subscribes_to: Option<String>,
}

/// A world whose actors are talkers. Each subscribes, when it starts, to the filter
/// that it has as its configuration, if any.
pub(super) fn talkers(shards: usize, config: ShardConfig) -> World {
    let mut world = World::with_config(shards, config);
    let log = world.log.clone();
    world.blueprint = Arc::new(Native::new("talker", move |recipe: &crate::actor::Recipe| Talker {
        log: log.clone(),
        requests: Vec::new(),
        owed: Vec::new(),
        timer: None,
        subscribes_to: recipe.config.get("subscribe").cloned(),
    }));
    world
}

/// Runs a test with everybody on one shard, and with the other one elsewhere.
pub(super) fn both(test: impl Fn(World, usize)) {
    both_with(ShardConfig::default(), test);
}

pub(super) fn both_with(config: ShardConfig, test: impl Fn(World, usize)) {
    test(talkers(2, config), 0);
    test(talkers(2, config), 1);
}

impl World {
    pub(super) fn spawn_with(&mut self, shard: usize, mailbox: MailboxSpec) -> ActorId {
        let (done, waiter) = reply_slot();
        let spec = SpawnSpec { mailbox, ..self.spec(None) };
        self.control(shard, Control::spawn(spec, done));
        self.settle();
        waiter.wait().unwrap().unwrap()
    }

    /// What became of the requests, which must all have ended.
    #[track_caller]
    pub(super) fn closed_requests(&self) -> crate::metrics::Requests {
        let reports = self.shards.iter().map(|shard| shard.report().requests);
        let requests = reports.reduce(std::ops::Add::add).unwrap();
        assert!(requests.closes(), "{requests:?}");
        assert_eq!(requests.pending, 0, "{requests:?}");
        requests
    }

    /// Sends, settles, and gives what was written down.
    pub(super) fn told(&mut self, to: ActorId, text: &str) -> Vec<String> {
        self.tell(to, text);
        self.settle();
        self.log()
    }
}

fn shown(outcome: Result<Payload, RequestError>) -> String {
    match outcome {
        Ok(payload) => format!("got {}", String::from_utf8_lossy(&payload)),
        Err(error) => format!("error: {error}"),
    }
}

fn ms(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap())
}

impl Talker {
    fn write(&self, text: impl Into<String>) {
        self.log.lock().unwrap().push(text.into());
    }

    fn talk(&mut self, context: &Context, text: &str) -> Result<Outcome, String> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let words = |count: usize| -> Vec<&str> { rest.splitn(count, ' ').collect() };
        let refused = |error: crate::actor::SendError| format!("refused: {error}");
        let reply = |text: String| Ok(Outcome::Done(Some(text.into())));
        match (verb, &words(3)[..]) {
            ("log", _) => self.write(rest),
            ("echo", _) => return reply(rest.to_owned()),
            ("fail", _) => return Ok(Outcome::Failed(Failure::Retry(rest.to_owned()))),
            ("trap", _) => {
                let message = "told to".into();
                return Ok(Outcome::Exited(ExitReason::Trap { cause: TrapCause::Guest, message }));
            }
            ("exit", _) => context.exit(ExitReason::Normal),
            ("send", _) => {
                let [to, what] = words(2)[..] else { panic!("{text}") };
                context.send(to.parse().unwrap(), what).map_err(refused)?;
            }
            ("burst", [to, count]) => {
                for number in 0..count.parse::<u32>().unwrap() {
                    let sent = context.send(to.parse().unwrap(), format!("log {number}"));
                    sent.map_err(|error| format!("refused at {number}: {error}"))?;
                }
            }
            ("within", [time, to, what]) => {
                context.send_within(to.parse().unwrap(), *what, ms(time)).map_err(refused)?;
            }
            ("request", [to, time, what]) => {
                let request = context.request(to.parse().unwrap(), *what, ms(time)).map_err(refused)?;
                self.requests.push(request);
            }
            ("cancel", _) => {
                let Some(&request) = self.requests.last() else { return reply("nothing asked".into()) };
                return reply(context.cancel(request).to_string());
            }
            ("ask", _) => {
                let [to, what] = words(2)[..] else { panic!("{text}") };
                let to = to.parse().unwrap();
                return match context.ask(to, what, Duration::from_secs(1)) {
                    Ok(request) => Ok(Outcome::Suspended(Awaited::Reply(request))),
                    Err(error) => reply(format!("error: {error}")),
                };
            }
            ("defer", _) => match context.defer() {
                Some(request) => self.owed.push(request),
                None => return reply("nothing to defer".into()),
            },
            ("answer", _) => {
                if self.owed.is_empty() {
                    return reply("nothing owed".into());
                }
                let request = self.owed.remove(0);
                return reply(context.reply(request, Ok(rest.into())).to_string());
            }
            ("decline", _) => {
                let failure = Failure::Rejected(rest.into());
                return reply(context.reply(self.owed.remove(0), Err(failure)).to_string());
            }
            ("forge", [request]) => {
                let request = request.parse().unwrap();
                return reply(context.reply(request, Ok("forged".into())).to_string());
            }
            ("pause", _) => {
                self.write("pausing");
                return Ok(Outcome::Suspended(Awaited::Turn));
            }
            ("publish", _) => {
                let [subject, what] = words(2)[..] else { panic!("{text}") };
                context.publish(subject, what).map_err(refused)?;
            }
            ("subscribe", [filter]) => context.subscribe(filter).map_err(refused)?,
            ("unsubscribe", [filter]) => {
                return reply(context.unsubscribe(filter).map_err(refused)?.to_string());
            }
            ("join", [group]) => context.join(group).map_err(refused)?,
            ("leave", [group]) => return reply(context.leave_group(group).to_string()),
            ("members", [group]) => {
                let mut members = context.members(group);
                members.sort();
                return reply(format!("{members:?}"));
            }
            ("one", _) => {
                let [group, what] = words(2)[..] else { panic!("{text}") };
                context.route(Target::One(group), what).map_err(refused)?;
            }
            ("all", _) => {
                let [group, what] = words(2)[..] else { panic!("{text}") };
                return reply(context.send_to_all(group, what).map_err(refused)?.to_string());
            }
            ("key", [group, key, what]) => {
                context.route(Target::Key { group, key: key.as_bytes() }, *what).map_err(refused)?;
            }
            ("name", _) => {
                let [name, what] = words(2)[..] else { panic!("{text}") };
                context.route(Target::Name(name), what).map_err(refused)?;
            }
            ("after", [time, to, what]) => {
                let timer = context.send_after(ms(time), to.parse().unwrap(), *what).map_err(refused)?;
                self.timer = Some(timer);
            }
            ("every", [time, to, what]) => {
                let timer = context.send_every(ms(time), to.parse().unwrap(), *what).map_err(refused)?;
                self.timer = Some(timer);
            }
            ("no-timer", _) => {
                let Some(timer) = self.timer.take() else { return reply("no timer".into()) };
                return reply(context.cancel_timer(timer).to_string());
            }
            _ => panic!("a talker does not understand {text:?}"),
        }
        Ok(Outcome::Done(None))
    }
}

impl Actor for Talker {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        if let Some(subject) = message.subject() {
            self.write(format!("{subject}: {text}"));
            return Outcome::Done(None);
        }
        self.talk(context, &text).unwrap_or_else(|refusal| Outcome::Done(Some(refusal.into())))
    }

    fn resume(&mut self, _: &Context, resume: Resume) -> Outcome {
        match resume {
            Resume::Turn => {
                self.write("going on");
                Outcome::Done(None)
            }
            Resume::Reply(outcome) => {
                let text = shown(outcome);
                self.write(&text);
                Outcome::Done(Some(text.into()))
            }
        }
    }

    fn notice(&mut self, _: &Context, notice: Notice) -> Outcome {
        if let Notice::Reply { request, outcome } = notice {
            let index = self.requests.iter().position(|&one| one == request);
            self.requests.swap_remove(index.expect("the outcome of one of its requests, once"));
            self.write(shown(outcome));
        }
        Outcome::Done(None)
    }
}

impl Child for Talker {
    fn start(&mut self, context: &Context, _: &Incarnation) -> Result<(), StartError> {
        match &self.subscribes_to {
            Some(filter) => context.subscribe(filter).map_err(|error| StartError::Refused(error.to_string())),
            None => Ok(()),
        }
    }
}
