//! Guests that want more memory than there is, all at once or bit by bit, or that look
//! for what another has left behind.

use raddle::shard::SpawnError;
use raddle::wasm::{
    CacheConfig, ComponentError, EngineConfig, Limits, MemoryLayout, Profile, Source, TrustLevel,
};
use raddle::{Runtime, Spawn};

use super::guest::Guest;
use super::*;

fn in_layout(memory_layout: MemoryLayout) -> impl FnOnce(Builder) -> Builder {
    let config = EngineConfig { memory_layout, instances_max: INSTANCES, ..EngineConfig::default() };
    move |builder| builder.engine(config)
}

/// Grows as the first byte says, touches what it gets, and traps when it gets no more.
const GROWS: &str = "(local $by i32) (local $at i32)
    (local.set $by (i32.load8_u (local.get $payload)))
    (loop
      (local.set $at (memory.grow (local.get $by)))
      (if (i32.eq (local.get $at) (i32.const -1)) (then unreachable))
      (local.set $at (i32.mul (local.get $at) (i32.const 65536)))
      (memory.fill (local.get $at) (i32.const 0xa5) (i32.const 65536))
      (br 0)) unreachable";

#[test]
fn a_bomb_of_memory_at_once_and_bit_by_bit() {
    // One page at a time to its 8 MiB, and all of them at a time: more than there are.
    let guest = Guest { handle: Some(GROWS), core: "", ..Guest::default() };
    Row::new("memory::a_bomb_of_memory_at_once_and_bit_by_bit", 100).warm(100).fills_slots().run(
        |runtime| {
            let limits = Limits { message_time_max: PATIENCE, ..short() };
            let profile = Profile { limits, ..Profile::of(TrustLevel::Standard) };
            supervised(runtime, kind_with(runtime, &guest, profile))
        },
        |runtime, hostile| {
            exits(
                runtime,
                *hostile,
                [1],
                "limit",
                "memory_bytes_max: asked for 8454144, and the most is 8388608",
            );
            exits(runtime, *hostile, [255], "limit", "memory_bytes_max: asked for 16842752");
        },
    );
}

#[test]
fn a_bomb_of_memory_over_many_messages() {
    Row::new("memory::a_bomb_of_memory_over_many_messages", 20).warm(40).fills_slots().run(
        trapper,
        |runtime, hostile| {
            let pages = number(runtime, *hostile, Op::GrowMemory.alone());
            assert_eq!(pages, (64 << 20) / (64 << 10), "no more than its limit");
            assert_eq!(number(runtime, *hostile, Op::GrowMemory.alone()), pages, "and none later");
            exits(runtime, *hostile, Op::Panic.with("and gone"), "limit", "memory_bytes_max");
        },
    );
}

#[test]
fn a_bomb_of_table_elements() {
    let guest = Guest {
        core: "(table $t 1 funcref)",
        handle: Some(
            "(loop (if (i32.eq (table.grow $t (ref.null func) (i32.load8_u (local.get $payload))) (i32.const -1))
               (then unreachable)) (br 0)) unreachable",
        ),
        ..Guest::default()
    };
    Row::new("memory::a_bomb_of_table_elements", 200).warm(200).run(
        |runtime| supervised(runtime, kind(runtime, &guest)),
        |runtime, hostile| {
            for by in [255_u8, 1] {
                exits(runtime, *hostile, [by], "limit", "and the most is 20000");
            }
        },
    );
}

#[test]
fn more_at_the_start_than_it_may_have() {
    Row::new("memory::more_at_the_start_than_it_may_have", 20).run(
        |_| (),
        |runtime, ()| {
            for (guest, says) in [
                (Guest { pages: Some(1000), ..Guest::default() }, "over memory_bytes_max (8388608)"),
                (Guest { core: "(table 30000 funcref)", ..Guest::default() }, "exceeds the limit of 20000"),
                (Guest { core: &"(table 1 funcref)".repeat(9), ..Guest::default() }, "tables"),
            ] {
                let text = guest.text();
                let source = Source::Bytes("large", text.as_bytes());
                let refused = match runtime.engine().load(source, &CacheConfig::Disabled, &()) {
                    Ok(component) => component.check_limits(&short()).expect_err("too much").to_string(),
                    Err(error) => error.to_string(),
                };
                assert!(refused.contains(says), "{refused}");
            }
            let many = "(core module $n) ".to_owned() + &"(core instance (instantiate $n))".repeat(20);
            let kind = kind(runtime, &Guest { more: &many, ..Guest::default() });
            let started = runtime.spawn(Spawn::new(kind)).wait_for(PATIENCE);
            let Err(SpawnError::StartFailed { message, .. }) = started else { panic!("{started:?}") };
            assert!(message.contains("core_instances_max (16)"), "{message}");
        },
    );
}

#[test]
fn resources_of_its_own() {
    let more = "(type $mine (resource (rep i32))) (core func $new (canon resource.new $mine))";
    Row::new("memory::resources_of_its_own", 20).run(
        |_| Guest { more, ..Guest::default() }.text(),
        |runtime, text| {
            let source = Source::Bytes("hoarder", text.as_bytes());
            let refused = runtime.engine().load(source, &CacheConfig::Disabled, &()).expect_err("no limit");
            assert!(matches!(refused, ComponentError::OwnResources { .. }), "{refused}");
        },
    );
}

#[test]
fn a_storm_of_large_copies() {
    // 16 MiB at a time: a copy that has begun is not interrupted.
    let guest = Guest {
        pages: Some(520),
        handle: Some(
            "(loop (memory.copy (i32.const 65536) (i32.const 17000000) (i32.const 16777216)) (br 0)) unreachable",
        ),
        ..Guest::default()
    };
    Row::new("memory::a_storm_of_large_copies", 8).warm(40).fills_slots().run(
        |runtime| {
            let limits = Limits { memory_bytes_max: 64 << 20, ..short() };
            let profile = Profile { limits, ..Profile::of(TrustLevel::Standard) };
            supervised(runtime, kind_with(runtime, &guest, profile))
        },
        |runtime, hostile| exits(runtime, *hostile, b"", "deadline", "message_time_max (10 ms)"),
    );
}

/// What it finds of another's in its memory.
const RESIDUE: &str = include_str!("../../../src/wasm/tests/residue.wat");

fn residue(name: &'static str, layout: MemoryLayout) {
    let guest = Guest { handle: Some(RESIDUE), pages: Some(16), ..Guest::default() };
    Row::new(name, 200).warm(200).fills_slots().with(in_layout(layout)).run(
        |runtime| {
            let limits = Limits { message_time_max: PATIENCE, ..short() };
            let profile = Profile { limits, ..Profile::of(TrustLevel::Standard) };
            [(); 2].map(|()| supervised(runtime, kind_with(runtime, &guest, profile.clone())))
        },
        |runtime: &Runtime, [writer, reader]: &mut [ActorId; 2]| {
            exits(runtime, *writer, "w", "trap", "unreachable");
            assert_eq!(number(runtime, *reader, "r"), 0, "what another wrote");
            assert_eq!(number(runtime, *writer, "r"), 0, "what it wrote itself, before");
        },
    );
}

#[test]
fn what_another_left_in_a_guarded_slot() {
    residue("memory::what_another_left_in_a_guarded_slot", MemoryLayout::Guarded);
}

#[test]
fn what_another_left_in_compact_memory() {
    residue("memory::what_another_left_in_compact_memory", MemoryLayout::Compact);
}
