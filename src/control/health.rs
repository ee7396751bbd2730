//! How a supervisor is: as its children are, and theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::actor::Health;

use super::supervisor::ChildNumber;

/// What the children of one supervisor have said, and what that makes of it.
#[derive(Debug)]
pub struct Aggregate {
    children: BTreeMap<ChildNumber, (Arc<str>, Health)>,
    whole: Health,
}

impl Default for Aggregate {
    fn default() -> Self {
        Self { children: BTreeMap::new(), whole: Health::Unknown }
    }
}

fn rank(health: &Health) -> u8 {
    match health {
        Health::Unknown => 0,
        Health::Healthy => 1,
        Health::Degraded(_) => 2,
        Health::Unhealthy(_) => 3,
    }
}

impl Aggregate {
    /// How the whole is: as the worst of the children that have said how they are.
    pub fn whole(&self) -> &Health {
        &self.whole
    }

    /// A child, called `id`, has said how it is. How the whole is now, if that is
    /// otherwise than before.
    pub fn hear(&mut self, child: ChildNumber, id: Arc<str>, health: Health) -> Option<Health> {
        if health == Health::Unknown {
            return self.forget(child);
        }
        self.children.insert(child, (id, health));
        self.look_again()
    }

    /// A child is not there any more, or it is another one. How the whole is now, if
    /// that is otherwise than before.
    pub fn forget(&mut self, child: ChildNumber) -> Option<Health> {
        self.children.remove(&child)?;
        self.look_again()
    }

    fn look_again(&mut self) -> Option<Health> {
        // The first of those that are equally bad: it changes as little as can be.
        let worst = self.children.values().rev().max_by_key(|(_, health)| rank(health));
        let whole = match worst {
            None => Health::Unknown,
            Some((id, Health::Degraded(why))) => Health::Degraded(format!("{id}: {why}")),
            Some((id, Health::Unhealthy(why))) => Health::Unhealthy(format!("{id}: {why}")),
            Some((_, health)) => health.clone(),
        };
        (whole != self.whole).then(|| {
            self.whole = whole.clone();
            whole
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_as_its_worst_part() {
        let mut aggregate = Aggregate::default();
        let mut hear = |child, health| aggregate.hear(child, format!("c{child}").into(), health);
        let degraded = |why: &str| Health::Degraded(why.into());
        assert_eq!(hear(0, Health::Healthy), Some(Health::Healthy));
        assert_eq!(hear(1, Health::Healthy), None);
        assert_eq!(hear(1, degraded("slow")), Some(degraded("c1: slow")));
        assert_eq!(hear(2, degraded("slow too")), None, "the first of them");
        let broken = Health::Unhealthy("c0: broken".into());
        assert_eq!(hear(0, Health::Unhealthy("broken".into())), Some(broken));
        assert_eq!(hear(0, Health::Unknown), Some(degraded("c1: slow")));
        assert_eq!(aggregate.forget(1), Some(degraded("c2: slow too")));
        assert_eq!(aggregate.forget(2), Some(Health::Unknown));
        assert_eq!(aggregate.forget(2), None);
        assert_eq!(aggregate.whole(), &Health::Unknown);
    }
}
