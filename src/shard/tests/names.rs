use super::*;

fn lookup_everywhere(world: &mut World, name: &str) -> Vec<String> {
    let probes: Vec<_> = (0..world.shards.len()).map(|shard| world.spawn(shard)).collect();
    probes.into_iter().map(|probe| text(world.ask_now(probe, &format!("lookup {name}")))).collect()
}

fn from_outside(world: &World, name: &str) -> Vec<Option<ActorId>> {
    let look = |outside: &Outside| outside.directory.read(|names| names.get(name).copied());
    world.outside.iter().map(look).filter(Option::is_some).collect()
}

#[test]
fn a_name_is_found_on_every_shard_and_from_outside() {
    let mut world = World::new(3);
    for shard in 0..3 {
        let name = format!("name-{shard}");
        let actor = world.try_spawn(shard, Some(&name)).unwrap();
        assert_eq!(lookup_everywhere(&mut world, &name), vec![actor.to_string(); 3]);
        assert_eq!(from_outside(&world, &name), [Some(actor)]);
    }
}

#[test]
fn a_name_is_taken_once_and_free_after_its_holder_has_ended() {
    let mut world = World::new(3);
    let first = world.try_spawn(0, Some("a")).unwrap();
    for shard in 0..3 {
        let error = world.try_spawn(shard, Some("a")).unwrap_err();
        assert_eq!(error, SpawnError::NameTaken { name: "a".into(), by: first });
    }
    world.tell(first, "panic");
    world.settle();
    assert_eq!(lookup_everywhere(&mut world, "a"), vec!["nobody"; 3]);
    assert_eq!(from_outside(&world, "a"), []);
    let second = world.try_spawn(2, Some("a")).unwrap();
    assert_eq!(lookup_everywhere(&mut world, "a"), vec![second.to_string(); 3]);
}

#[test]
fn two_that_race_for_a_name_do_not_both_get_it() {
    let mut world = World::new(2);
    let (first, one) = reply_slot();
    let (second, two) = reply_slot();
    world.control(0, Control::spawn(world.spec(Some("a")), first));
    world.control(1, Control::spawn(world.spec(Some("a")), second));
    world.settle();
    let outcomes = [one.wait().unwrap(), two.wait().unwrap()];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
}

#[test]
fn nobody_is_told_of_an_end_before_the_name_is_found_nowhere() {
    use crate::control::placement::home_of;
    let mut world = World::new(3);
    let names = ["a", "b", "c", "d", "e", "f"];
    let name = names.into_iter().find(|name| home_of(name, 3) == ShardId(0)).unwrap();
    let holder = world.try_spawn(1, Some(name)).unwrap();
    let (done, waiter) = reply_slot();
    world.control(1, Control::Stop { actor: holder, shutdown: Shutdown::default(), done });
    // The last shard is slow: it has not heard that the name is free.
    for _ in 0..20 {
        world.shards[0].turn();
        world.shards[1].turn();
    }
    assert_eq!(from_outside(&world, name), []);
    assert_eq!(world.shards[2].local.names.borrow().lookup(name), Some(holder));
    assert!(!waiter.is_ready(), "an actor of the last shard would still find it");
    // A successor need not wait for that, and what is late does not take its name.
    let heir = reply_slot();
    world.control(1, Control::spawn(world.spec(Some(name)), heir.0));
    world.settle();
    assert_eq!(waiter.wait().unwrap(), Ok(Some(ExitReason::Shutdown)));
    let heir = heir.1.wait().unwrap().unwrap();
    assert_eq!(lookup_everywhere(&mut world, name), vec![heir.to_string(); 3]);
}
