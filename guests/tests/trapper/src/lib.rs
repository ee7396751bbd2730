//! Misbehaves on request, for the tests of supervision, limits and host calls.
//!
//! The first byte of a payload says what to do, the rest is its argument;
//! integers are little-endian.
//!
//! | op | argument              | does                               | reply            |
//! |----|-----------------------|------------------------------------|------------------|
//! |  0 | bytes                 | echo                               | the bytes        |
//! |  1 | text                  | panic with the text                | –                |
//! |  2 |                       | loop forever                       | –                |
//! |  3 |                       | grow the memory until refused      | u64: pages       |
//! |  4 |                       | recurse until the stack is gone    | –                |
//! |  5 | u64 actor id, bytes   | send it the bytes                  | empty            |
//! |  6 | name                  | look the name up                   | u64 id, or empty |
//! |  7 | text                  | fail: rejected(text)               | –                |
//! |  8 | text                  | log at level info, context `test`  | empty            |
//! |  9 | key                   | read the configuration             | value, or empty  |
//! | 10 |                       | exit                               | empty            |
//! | 11 |                       | from now on, trap in the stop hook | empty            |
//! | 12 |                       |                                    | u64: its own id  |
//! | 13 |                       | messages of this incarnation before this one | u64    |
//! | 14 | u32 MiB               | allocate and touch, and keep       | u64: pages       |
//! | 15 | text                  | be so healthy from now on          | empty            |
//! | 16 | text                  | fail: retry(text)                  | –                |
//! | 17 | text                  | fail: other(text)                  | –                |
//! | 18 |                       |                                    | u64: sender's id |
//! | 19 |                       | restarts as told to `init`         | u64              |
//! | 20 |                       | configuration, `key=value\n` each  | text             |
//!
//! An unknown op, and an argument too short, is rejected. A refused send fails
//! with `other` and what the host said; a refused allocation with `retry`.
//!
//! | configuration  |                                                              |
//! |----------------|--------------------------------------------------------------|
//! | `fail_init`    | `error`: the start fails; `trap`: it panics                  |
//! | `health`       | `healthy` (default), `degraded`, `unhealthy`, or `trap`      |

mod havoc;

use raddle_guest::{
    Actor, ActorId, Answer, Failure, Health, Level, Lifecycle, Start, Status, StopReason, config,
    config_all, exit, log, log_panics, lookup, own_id, send,
};

struct Trapper {
    handled_count: u64,
    restarts: u32,
    health: String,
    trap_in_stop: bool,
    /// What op 14 allocated.
    hoard: Vec<Vec<u8>>,
}

impl Default for Trapper {
    fn default() -> Self {
        log_panics();
        Trapper {
            handled_count: 0,
            restarts: 0,
            health: config("health").unwrap_or_else(|| "healthy".into()),
            trap_in_stop: false,
            hoard: Vec::new(),
        }
    }
}

impl Actor for Trapper {
    fn handle(&mut self, sender: ActorId, payload: Vec<u8>) -> Answer {
        let handled_before = self.handled_count;
        self.handled_count += 1;

        let (op, argument) = payload
            .split_first()
            .ok_or_else(|| rejected("empty payload"))?;
        match op {
            0 => Ok(Some(argument.to_owned())),
            1 => panic!("{}", text(argument)),
            2 => havoc::loop_forever(),
            3 => number(havoc::grow_until_refused()),
            4 => number(havoc::recurse()),
            5 => {
                let (to, bytes) = argument
                    .split_first_chunk()
                    .ok_or_else(|| rejected("no id"))?;
                match send(u64::from_le_bytes(*to), bytes) {
                    Ok(()) => Ok(None),
                    Err(error) => Err(Failure::Other(error.to_string())),
                }
            }
            6 => Ok(lookup(&text(argument)).map(|id| id.to_le_bytes().to_vec())),
            7 => Err(Failure::Rejected(text(argument))),
            8 => {
                log(Level::Info, "test", &text(argument));
                Ok(None)
            }
            9 => Ok(config(&text(argument)).map(String::into_bytes)),
            10 => {
                exit();
                Ok(None)
            }
            11 => {
                self.trap_in_stop = true;
                Ok(None)
            }
            12 => number(own_id()),
            13 => number(handled_before),
            14 => {
                let mib = argument.first_chunk().ok_or_else(|| rejected("no size"))?;
                let size = u32::from_le_bytes(*mib) as usize * 1024 * 1024;
                let block = havoc::allocate(size);
                self.hoard
                    .push(block.ok_or_else(|| Failure::Retry("no memory".into()))?);
                number(havoc::memory_pages())
            }
            15 => {
                self.health = text(argument);
                Ok(None)
            }
            16 => Err(Failure::Retry(text(argument))),
            17 => Err(Failure::Other(text(argument))),
            18 => number(sender),
            19 => number(self.restarts.into()),
            20 => {
                let lines = config_all()
                    .into_iter()
                    .map(|(key, value)| format!("{key}={value}\n"));
                Ok(Some(lines.collect::<String>().into_bytes()))
            }
            unknown => Err(rejected(&format!("unknown op {unknown}"))),
        }
    }
}

impl Lifecycle for Trapper {
    fn init(&mut self, start: Start) -> Result<(), String> {
        self.restarts = start.restarts;
        match config("fail_init").as_deref() {
            Some("error") => Err("fail_init = error".into()),
            Some("trap") => panic!("fail_init = trap"),
            _ => Ok(()),
        }
    }

    fn stop(&mut self, _reason: StopReason) {
        assert!(!self.trap_in_stop, "asked to trap in the stop hook");
    }
}

impl Health for Trapper {
    fn check(&mut self) -> Status {
        match self.health.as_str() {
            "degraded" => Status::Degraded("as configured".into()),
            "unhealthy" => Status::Unhealthy("as configured".into()),
            "trap" => panic!("health = trap"),
            _ => Status::Healthy,
        }
    }
}

fn number(value: u64) -> Answer {
    Ok(Some(value.to_le_bytes().to_vec()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn rejected(why: &str) -> Failure {
    Failure::Rejected(why.into())
}

raddle_guest::actor!(Trapper: lifecycle, health);
