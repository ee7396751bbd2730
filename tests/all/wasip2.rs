//! An ordinary `wasm32-wasip2` component, built with `std` and by no special
//! means: it imports WASI whether it uses it or not.

use raddle::wasm::{CacheConfig, Engine, EngineConfig, MemoryLayout};

use crate::support::*;

#[test]
fn an_ordinary_component_is_an_actor_like_any_other() {
    everywhere(|runtime| {
        let echo = actor_on(runtime, "echo-wasip2", last_shard(runtime));
        for question in [&b"hello"[..], b"", &[7; 100_000]] {
            assert_eq!(reply(runtime, echo, question).as_slice(), question);
        }
        let trapper = actor(runtime, "trapper");
        reply(runtime, trapper, Op::send(echo, "from a component that is not"));
        assert!(runtime.settle(PATIENCE));
    });
}

#[test]
fn it_is_linked_to_wasi_and_the_bare_one_is_not() {
    let config = EngineConfig { memory_layout: MemoryLayout::Compact, ..EngineConfig::default() };
    let engine = Engine::new(&config).unwrap();
    let cache = CacheConfig::Folder(cache());
    let wasi = |name: &str| engine.load(&guest(name), &cache, &()).unwrap().info().wasi.clone();
    assert!(!wasi("echo-wasip2").is_empty());
    assert_eq!(wasi("echo"), Vec::<String>::new());
}
