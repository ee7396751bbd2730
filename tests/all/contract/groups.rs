//! `groups`: join, leave, members, and the three ways to send.

use super::*;

fn ids(text: &str) -> Vec<u64> {
    let mut ids: Vec<u64> = text.split_whitespace().map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

impl Stage {
    /// Lets one shard hear what the other has said of its actors.
    fn announce(&self, puppet: ActorId, to: ActorId) {
        let before = self.heard(to).len();
        self.say(puppet, format!("send {} note heard", at(to)));
        self.hears(to, before + 1);
    }
}

#[test]
fn members_are_those_that_have_joined_and_not_left() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        assert_eq!(stage.say(a, "members crew"), "", "nobody yet");
        for _ in 0..2 {
            assert_eq!(stage.say(b, "join crew"), "ok");
        }
        assert_eq!(stage.say(a, "join crew"), "ok");
        stage.announce(b, a);
        let mut both = vec![at(a), at(b)];
        both.sort_unstable();
        assert_eq!(ids(&stage.say(a, "members crew")), both, "each once");
        // Who has joined twice leaves twice.
        assert_eq!(stage.say(b, "leave crew"), "true");
        stage.announce(b, a);
        assert_eq!(ids(&stage.say(a, "members crew")), both);
        assert_eq!(stage.say(b, "leave crew"), "true");
        assert_eq!(stage.say(b, "leave crew"), "false");
        stage.announce(b, a);
        assert_eq!(ids(&stage.say(a, "members crew")), [at(a)]);
        assert!(stage.say(a, "join a..b").contains("a token is empty"));
    });
}

#[test]
fn a_group_is_sent_to_one_in_turn_to_all_and_by_key() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let c = stage.puppet(ShardId(0));
        for puppet in [b, c] {
            assert_eq!(stage.say(puppet, "join crew"), "ok");
        }
        stage.announce(b, a);
        let before = stage.heard(a).len();
        assert_eq!(stage.say(a, "to-all crew note all"), "2");
        for puppet in [b, c] {
            assert_eq!(stage.hears(puppet, 1), ["note all"]);
        }
        for _ in 0..4 {
            assert_eq!(stage.say(a, "to-one crew note one"), "ok");
        }
        for puppet in [b, c] {
            assert_eq!(stage.hears(puppet, 3), ["note all", "note one", "note one"], "in turn");
        }
        for _ in 0..5 {
            assert_eq!(stage.say(a, "by-key crew customer-17 note mine"), "ok");
        }
        assert!(stage.runtime.settle(PATIENCE));
        let mut mine = [b, c].map(|puppet| stage.heard(puppet).len() - 3);
        mine.sort_unstable();
        assert_eq!(mine, [0, 5], "always the same one");
        assert_eq!(stage.heard(a).len(), before, "it is no member");
        assert_eq!(stage.say(a, "to-one nobody note x"), "error: SendError::NoSuchActor");
    });
}

#[test]
fn the_dead_are_no_members_and_the_restarted_join_anew() {
    on_stage(|stage| {
        let a = stage.puppet(ShardId(0));
        let (gone, stays) = (stage.puppet(stage.far()), stage.supervised(stage.far()));
        for puppet in [gone, stays] {
            assert_eq!(stage.say(puppet, "join crew"), "ok");
        }
        assert!(ask(&stage.runtime, gone, "trap").is_err());
        assert!(ask(&stage.runtime, stays, "trap").is_err());
        assert_eq!(stage.say(stays, "restarts"), "1");
        stage.announce(stays, a);
        assert_eq!(stage.say(a, "members crew"), "");
        assert_eq!(stage.say(stays, "leave crew"), "false");
        assert_eq!(stage.say(stays, "join crew"), "ok");
        stage.announce(stays, a);
        assert_eq!(ids(&stage.say(a, "members crew")), [at(stays)]);
    });
}
