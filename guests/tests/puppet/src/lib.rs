//! Does what its messages say, through every interface of the contract, and keeps what
//! it hears. A message is a line of text: a command and its words, the last of which may
//! have spaces. Addresses, requests, timers and monitors are decimal numbers.
//!
//! | command                    | does                                            | reply            |
//! |----------------------------|-------------------------------------------------|------------------|
//! | `note TEXT`                | keeps it, as heard                              | empty            |
//! | `heard`                    |                                                 | all, by line     |
//! | `id`, `restarts`           |                                                 | number           |
//! | `send TO TEXT`, `exit`, `ignore-start` | see `messaging`                     | `ok`             |
//! | `trap`, `reject TEXT`      | traps; answers with a failure                   |                  |
//! | `healthy`, `degraded WHY`, `unhealthy WHY` | what it says of itself from here on | `ok`         |
//! | `lookup NAME`              | see `registry`                                  | number or `none` |
//! | `register NAME`, `unregister NAME`, `watch NAME`, `unwatch NAME` | the same      | `ok`, `true`, `false` |
//! | `request TO MS TEXT`       | see `requests`; the outcome is heard            | number           |
//! | `cancel-request N`         |                                                 | `true`, `false`  |
//! | `defer`                    | takes the request over, and keeps it            | none: dropped    |
//! | `deferred`                 |                                                 | the latest one   |
//! | `reply N TEXT`, `fail N TEXT` | answers it                                   | `true`, `false`  |
//! | `publish SUBJECT TEXT`, `subscribe FILTER`, `unsubscribe FILTER` | see `topics` | `ok`        |
//! | `join`, `leave`, `members`, `to-one`, `to-all`, `by-key` | see `groups`      |                  |
//! | `after MS TO TEXT`, `every MS TO TEXT`, `cancel-timer N`, `now` | see `timers` |               |
//! | `spawn COMPONENT NAME linked KEY=VALUE`, `link`, … | see `processes`       |                  |
//!
//! Whatever the host refuses is the reply `error: …`. The key `init` of the configuration
//! has commands for the start, with `;` between; `refuse` fails it. What it says at its
//! end goes to the actor that `witness` names: `note NAME stopped REASON`. With `stop-ms`
//! it says `stopping` in the log, and is not done before so many milliseconds have passed.

mod commands;
mod words;

use std::time::Duration;

use raddle_guest::{
    Actor, ActorId, Answer, ExitReason, Failure, Health, Level, Lifecycle, MonitorId, Names, Replies,
    RequestError, RequestId, Signals, Start, Status, StopReason, Subscriber, config, log, lookup, send,
    timers,
};

// On wasm only: unit tests run on the host, and with its allocator.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: raddle_guest::Arena = raddle_guest::Arena::new();

struct Puppet {
    name: String,
    restarts: u32,
    heard: Vec<String>,
    deferred: Option<RequestId>,
    status: Status,
}

impl Default for Puppet {
    fn default() -> Self {
        Self {
            name: String::new(),
            restarts: 0,
            heard: Vec::new(),
            deferred: None,
            status: Status::Healthy,
        }
    }
}

impl Puppet {
    fn hear(&mut self, what: String) {
        self.heard.push(what);
    }
}

impl Actor for Puppet {
    fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
        let text = String::from_utf8(payload).map_err(|_| Failure::Rejected("not text".into()))?;
        self.obey(&text).map(|reply| reply.map(String::into_bytes))
    }
}

impl Lifecycle for Puppet {
    fn init(&mut self, start: Start) -> Result<(), String> {
        self.name = start.name.unwrap_or_default();
        self.restarts = start.restarts;
        if config("refuse").is_some() {
            return Err("told to refuse".into());
        }
        for command in config("init").iter().flat_map(|init| init.split(';')) {
            self.obey(command.trim()).map_err(|failure| format!("{failure:?}"))?;
        }
        Ok(())
    }

    fn stop(&mut self, reason: StopReason) {
        if let Some(witness) = config("witness").and_then(|name| lookup(&name)) {
            let note = format!("note {} stopped {}", self.name, words::stop_reason(reason));
            // Nobody is left to say it to.
            let _ = send(witness, note.as_bytes());
        }
        if let Some(stop_ms) = config("stop-ms").and_then(|ms| ms.parse().ok()) {
            let until = timers::now() + Duration::from_millis(stop_ms);
            log(Level::Info, "puppet", "stopping");
            while timers::now() < until {}
        }
    }
}

impl Health for Puppet {
    fn check(&mut self) -> Status {
        self.status.clone()
    }
}

impl Replies for Puppet {
    fn handle_reply(&mut self, request: RequestId, outcome: Result<Vec<u8>, RequestError>) {
        self.hear(format!("reply {request} {}", words::outcome(outcome)));
    }
}

impl Subscriber for Puppet {
    fn handle_publication(
        &mut self,
        subject: &str,
        sender: ActorId,
        payload: Vec<u8>,
    ) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(&payload);
        if text == "reject" {
            return Err(Failure::Rejected("told to".into()));
        }
        self.hear(format!("published {subject} {sender} {text}"));
        Ok(())
    }
}

impl Signals for Puppet {
    fn handle_down(&mut self, monitor: MonitorId, actor: ActorId, reason: ExitReason) {
        self.hear(format!("down {monitor} {actor} {}", words::exit_reason(&reason)));
    }

    fn handle_exit(&mut self, actor: ActorId, reason: ExitReason) {
        self.hear(format!("exit {actor} {}", words::exit_reason(&reason)));
    }
}

impl Names for Puppet {
    fn handle_registered(&mut self, name: &str, outcome: Result<(), ActorId>) {
        self.hear(match outcome {
            Ok(()) => format!("registered {name}"),
            Err(by) => format!("taken {name} {by}"),
        });
    }

    fn handle_holder(&mut self, name: &str, holder: Option<ActorId>) {
        self.hear(format!("holder {name} {}", words::or_none(holder)));
    }
}

raddle_guest::actor!(Puppet: lifecycle, health, replies, subscriber, signals, names);
