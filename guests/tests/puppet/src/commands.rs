//! What the commands do.

use std::fmt::Debug;
use std::time::Duration;

use raddle_guest::processes::{self, Spawn};
use raddle_guest::{
    ExitReason, Failure, Status, exit, groups, ignore_start, lookup, names, own_id, requests, send, timers,
    topics,
};

use crate::Puppet;
use crate::words::{Words, or_none, to_exit_reason};

/// A reply in text; none is empty.
type Said = Result<Option<String>, Failure>;

impl Puppet {
    pub fn obey(&mut self, command: &str) -> Said {
        let mut words = Words::new(command);
        let said = match words.word() {
            "note" => {
                self.hear(format!("note {}", words.rest()));
                return Ok(None);
            }
            "heard" => self.heard.join("\n"),
            "id" => own_id().to_string(),
            "restarts" => self.restarts.to_string(),
            "send" => done(send(words.number()?, words.rest().as_bytes())),
            "exit" => {
                exit();
                "ok".into()
            }
            "ignore-start" => {
                ignore_start();
                "ok".into()
            }
            "trap" => panic!("told to"),
            "reject" => return Err(Failure::Rejected(words.rest().into())),
            "healthy" => self.be(Status::Healthy),
            "degraded" => self.be(Status::Degraded(words.rest().into())),
            "unhealthy" => self.be(Status::Unhealthy(words.rest().into())),
            "lookup" => or_none(lookup(words.rest())),
            "defer" => {
                self.deferred = requests::defer();
                match self.deferred {
                    Some(_) => "this is dropped".into(),
                    None => "nothing to defer".into(),
                }
            }
            "deferred" => or_none(self.deferred),
            command => return ask_and_answer(command, words),
        };
        Ok(Some(said))
    }

    fn be(&mut self, status: Status) -> String {
        self.status = status;
        "ok".into()
    }
}

fn ask_and_answer(command: &str, mut words: Words<'_>) -> Said {
    let said = match command {
        "request" => {
            let (to, within) = (words.number()?, Duration::from_millis(words.number()?));
            value(requests::request(to, words.rest().as_bytes(), within))
        }
        "cancel-request" => requests::cancel(words.number()?).to_string(),
        "reply" => requests::reply(words.number()?, Ok(words.rest().as_bytes())).to_string(),
        "fail" => {
            let request = words.number()?;
            requests::reply(request, Err(Failure::Other(words.rest().into()))).to_string()
        }
        "publish" => {
            let subject = words.word();
            done(topics::publish(subject, words.rest().as_bytes()))
        }
        "subscribe" => done(topics::subscribe(words.rest())),
        "unsubscribe" => done(topics::unsubscribe(words.rest())),
        "join" => done(groups::join(words.rest())),
        "leave" => groups::leave(words.rest()).to_string(),
        "members" => groups::members(words.rest())
            .iter()
            .map(|id| id.to_string())
            .collect::<Vec<_>>()
            .join(" "),
        "to-one" => done(groups::send_to_one(words.word(), words.rest().as_bytes())),
        "to-all" => value(groups::send_to_all(words.word(), words.rest().as_bytes())),
        "by-key" => {
            let (group, key) = (words.word(), words.word());
            done(groups::send_by_key(group, key.as_bytes(), words.rest().as_bytes()))
        }
        command => return live_and_let_die(command, words),
    };
    Ok(Some(said))
}

fn live_and_let_die(command: &str, mut words: Words<'_>) -> Said {
    let said = match command {
        "register" => done(names::register(words.rest())),
        "unregister" => names::unregister(words.rest()).to_string(),
        "watch" => done(names::watch(words.rest())),
        "unwatch" => names::unwatch(words.rest()).to_string(),
        "after" | "every" => {
            let (wait, to) = (Duration::from_millis(words.number()?), words.number()?);
            let bytes = words.rest().as_bytes();
            value(match command {
                "after" => timers::send_after(wait, to, bytes),
                _ => timers::send_every(wait, to, bytes),
            })
        }
        "cancel-timer" => timers::cancel(words.number()?).to_string(),
        "now" => timers::now().as_nanos().to_string(),
        "spawn" => value(spawn(&mut words).start()),
        "link" => done(processes::link(words.number()?)),
        "unlink" => {
            processes::unlink(words.number()?);
            "ok".into()
        }
        "monitor" => value(processes::monitor(words.number()?)),
        "demonitor" => processes::demonitor(words.number()?).to_string(),
        "trap-exits" => {
            processes::trap_exits(words.rest() == "on");
            "ok".into()
        }
        "exit-other" => {
            let (other, reason): (_, ExitReason) = (words.number()?, to_exit_reason(words.rest()));
            done(processes::exit_other(other, &reason))
        }
        unknown => return Err(Failure::Rejected(format!("no command `{unknown}`"))),
    };
    Ok(Some(said))
}

/// `COMPONENT NAME linked KEY=VALUE`, where `-` stands for no name and no link. The
/// value may have spaces.
fn spawn(words: &mut Words<'_>) -> Spawn {
    let mut spawn = Spawn::of(words.word());
    let name = words.word();
    if !matches!(name, "-" | "") {
        spawn = spawn.name(name);
    }
    if words.word() == "linked" {
        spawn = spawn.linked();
    }
    match words.rest().split_once('=') {
        Some((key, value)) => spawn.config(key, value),
        None => spawn,
    }
}

fn done<E: Debug>(result: Result<(), E>) -> String {
    result.map_or_else(|error| format!("error: {error:?}"), |()| "ok".into())
}

fn value<T: ToString, E: Debug>(result: Result<T, E>) -> String {
    result.map_or_else(|error| format!("error: {error:?}"), |value| value.to_string())
}
