//! What it costs to make a component's record of eight fields from a Rust struct,
//! and a struct from it: `cargo bench --no-default-features --features wasm --bench
//! convert`. The bar is 1 µs each way.
#![allow(missing_docs)] // criterion's macros

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use raddle::wasm::convert::{Type, check, from_value, from_wave, to_value, to_wave};
use raddle::wasm::{CacheConfig, Engine, EngineConfig, Limits, MemoryLayout, Source};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Request {
    id: u64,
    status_code: u16,
    is_cached: bool,
    seconds: f64,
    method: Method,
    path: String,
    referer: Option<String>,
    bytes_sent: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Method {
    Get,
    Post,
}

/// Takes a record and gives it back, both by a pointer to where it lies.
const COMPONENT: &str = r#"(component
  (core module $core
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 64))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.set $next (i32.and (i32.add (local.get $at) (local.get 3)) (i32.const 0x7fff)))
      (local.get $at))
    ;; Ten flat values are parameters: they are laid out again.
    (func (export "echo") (param i64 i32 i32 f64 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (i64.store (i32.const 40000) (local.get 0))
      (i32.store16 (i32.const 40008) (local.get 1))
      (i32.store8 (i32.const 40010) (local.get 2))
      (f64.store (i32.const 40016) (local.get 3))
      (i32.store8 (i32.const 40024) (local.get 4))
      (i32.store (i32.const 40028) (local.get 5))
      (i32.store (i32.const 40032) (local.get 6))
      (i32.store8 (i32.const 40036) (local.get 7))
      (i32.store (i32.const 40040) (local.get 8))
      (i32.store (i32.const 40044) (local.get 9))
      (i32.store (i32.const 40048) (local.get 10))
      (i32.const 40000)))
  (core instance $core (instantiate $core))
  (alias core export $core "memory" (core memory $memory))
  (alias core export $core "realloc" (core func $realloc))
  (type $method' (enum "get" "post"))
  (export $method "method" (type $method'))
  (type $request' (record (field "id" u64) (field "status-code" u16) (field "is-cached" bool)
    (field "seconds" f64) (field "method" $method) (field "path" string) (field "referer" (option string))
    (field "bytes-sent" u32)))
  (export $request "request" (type $request'))
  (func $echo (param "request" $request) (result $request)
    (canon lift (core func $core "echo") (memory $memory) (realloc $realloc)))
  (export "echo" (func $echo)))"#;

fn request() -> Request {
    Request {
        id: 42,
        status_code: 200,
        is_cached: true,
        seconds: 0.25,
        method: Method::Get,
        path: "/orders/42/lines".into(),
        referer: Some("https://example.org/".into()),
        bytes_sent: 5120,
    }
}

fn convert(criterion: &mut Criterion) {
    let config = EngineConfig { memory_layout: MemoryLayout::Compact, ..EngineConfig::default() };
    let engine = Engine::new(&config).expect("an engine");
    let source = Source::Bytes("echo", COMPONENT.as_bytes());
    let callee = engine.load_callee(source, &CacheConfig::Disabled, &()).expect("a component");
    let echo = callee.function("echo").expect("its function");
    let ty: &Type = echo.result().expect("its result");
    let mut instance = callee.instantiate(&Limits::default()).expect("an instance");
    let rust = request();
    let value = to_value(&rust, ty).expect("it fits");
    assert_eq!(from_value::<Request>(&value).expect("it fits"), rust);
    assert_eq!(instance.call::<_, Request>(echo, &(&rust,)).expect("a call"), rust);

    let mut group = criterion.benchmark_group("record of 8 fields");
    group.bench_function("Rust to value", |b| b.iter(|| to_value(black_box(&rust), ty)));
    group.bench_function("value to Rust", |b| b.iter(|| from_value::<Request>(black_box(&value))));
    group.bench_function("check", |b| b.iter(|| check(black_box(&value), ty)));
    let text = to_wave(&value, ty).expect("text");
    group.bench_function("value to WAVE", |b| b.iter(|| to_wave(black_box(&value), ty)));
    group.bench_function("WAVE to value", |b| b.iter(|| from_wave(black_box(&text), ty)));
    group.bench_function("through a guest and back", |b| {
        b.iter(|| instance.call::<_, Request>(echo, &(black_box(&rust),)));
    });
    group.finish();
}

criterion_group!(benches, convert);
criterion_main!(benches);
