//! Guests in text, with every import of the contract within reach.

pub use super::text::{Hooks, Text};

/// What a hostile guest has: see [`Text`]. It can call each function of [`CORE`].
#[derive(Default, Clone, Copy)]
pub struct Guest<'a> {
    pub core: &'a str,
    pub handle: Option<&'a str>,
    pub libc: &'a str,
    pub realloc: Option<&'a str>,
    pub more: &'a str,
    pub pages: Option<u32>,
    pub hooks: Hooks<'a>,
}

impl Guest<'_> {
    pub fn text(&self) -> String {
        let plain = Text::default();
        let text = Text {
            imports: IMPORTS,
            lowered: LOWERED,
            core: &format!("{CORE}\n{}", self.core),
            handle: self.handle.unwrap_or(plain.handle),
            libc: self.libc,
            realloc: self.realloc.unwrap_or(plain.realloc),
            more: self.more,
            pages: self.pages.unwrap_or(2),
            hooks: self.hooks,
        };
        text.build()
    }
}

const IMPORTS: &str = r#"
  (import "raddle:actor/messaging@0.1.0" (instance $messaging
    (alias outer 1 $send-error (type $e))
    (export "send" (func (param "to" u64) (param "payload" (list u8)) (result (result (error $e)))))
    (export "own-id" (func (result u64)))))
  (import "raddle:actor/requests@0.1.0" (instance $requests
    (alias outer 1 $send-error (type $e))
    (alias outer 1 $failure (type $f))
    (export "request" (func (param "to" u64) (param "payload" (list u8)) (param "timeout-ns" u64)
      (result (result u64 (error $e)))))
    (export "cancel" (func (param "request" u64) (result bool)))
    (export "defer" (func (result (option u64))))
    (export "reply" (func (param "request" u64) (param "outcome" (result (list u8) (error $f)))
      (result bool)))))
  (import "raddle:actor/topics@0.1.0" (instance $topics
    (type $topic-error-of (variant (case "subject-invalid" string) (case "access-denied" string)
      (case "message-too-large" u32) (case "quota-exceeded" string) (case "other" string)))
    (export "topic-error" (type $topic-error (eq $topic-error-of)))
    (export "publish" (func (param "subject" string) (param "payload" (list u8))
      (result (result (error $topic-error)))))
    (export "subscribe" (func (param "filter" string) (result (result (error $topic-error)))))))
  (import "raddle:actor/groups@0.1.0" (instance $groups
    (export "join" (func (param "group" string) (result (result (error string)))))))
  (import "raddle:actor/timers@0.1.0" (instance $timers
    (alias outer 1 $send-error (type $e))
    (export "send-after" (func (param "delay-ns" u64) (param "to" u64) (param "payload" (list u8))
      (result (result u64 (error $e)))))
    (export "cancel" (func (param "timer" u64) (result bool)))))
  (import "raddle:actor/processes@0.1.0" (instance $processes
    (type $error-of (variant (case "no-such-component" string) (case "access-denied" string)
      (case "quota-exceeded" string) (case "other" string)))
    (export "process-error" (type $error (eq $error-of)))
    (type $options-of (record (field "component" string) (field "name" (option string))
      (field "config" (list (tuple string string))) (field "linked" bool)))
    (export "spawn-options" (type $options (eq $options-of)))
    (export "spawn" (func (param "options" $options) (result (result u64 (error $error)))))
    (export "monitor" (func (param "actor" u64) (result (result u64 (error $error)))))
    (export "link" (func (param "actor" u64) (result (result (error $error)))))
    (export "trap-exits" (func (param "on" bool)))))
  (import "raddle:actor/registry@0.1.0" (instance $registry
    (type $error-of (variant (case "name-invalid" string) (case "access-denied" string)
      (case "quota-exceeded" string) (case "other" string)))
    (export "name-error" (type $error (eq $error-of)))
    (export "lookup" (func (param "name" string) (result (option u64))))
    (export "register" (func (param "name" string) (result (result (error $error)))))
    (export "unregister" (func (param "name" string) (result bool)))
    (export "watch" (func (param "name" string) (result (result (error $error)))))))
  (import "raddle:actor/log@0.1.0" (instance $log
    (type $level-of (enum "trace" "debug" "info" "warn" "error" "critical"))
    (export "level" (type $level (eq $level-of)))
    (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))))
  (import "raddle:actor/config@0.1.0" (instance $config
    (export "get-all" (func (result (list (tuple string string)))))))
  (core func $send (canon lower (func $messaging "send")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $own-id (canon lower (func $messaging "own-id")))
  (core func $request (canon lower (func $requests "request")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $cancel (canon lower (func $requests "cancel")))
  (core func $defer (canon lower (func $requests "defer") (memory (core memory $libc "memory"))))
  (core func $reply (canon lower (func $requests "reply") (memory (core memory $libc "memory"))))
  (core func $publish (canon lower (func $topics "publish")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $subscribe (canon lower (func $topics "subscribe")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $join (canon lower (func $groups "join")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $send-after (canon lower (func $timers "send-after")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $cancel-timer (canon lower (func $timers "cancel")))
  (core func $spawn (canon lower (func $processes "spawn")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $monitor (canon lower (func $processes "monitor")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $link (canon lower (func $processes "link")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $trap-exits (canon lower (func $processes "trap-exits")))
  (core func $register (canon lower (func $registry "register")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $unregister (canon lower (func $registry "unregister") (memory (core memory $libc "memory"))))
  (core func $watch (canon lower (func $registry "watch")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $lookup (canon lower (func $registry "lookup") (memory (core memory $libc "memory"))))
  (core func $log (canon lower (func $log "log") (memory (core memory $libc "memory"))))
  (core func $config (canon lower (func $config "get-all")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))"#;

const LOWERED: &str = r#"(export "send" (func $send)) (export "own-id" (func $own-id))
  (export "request" (func $request)) (export "cancel" (func $cancel)) (export "defer" (func $defer))
  (export "reply" (func $reply)) (export "publish" (func $publish)) (export "subscribe" (func $subscribe))
  (export "join" (func $join)) (export "send-after" (func $send-after))
  (export "cancel-timer" (func $cancel-timer)) (export "lookup" (func $lookup)) (export "log" (func $log))
  (export "config" (func $config)) (export "spawn" (func $spawn)) (export "monitor" (func $monitor))
  (export "link" (func $link)) (export "trap-exits" (func $trap-exits))
  (export "register" (func $register)) (export "unregister" (func $unregister)) (export "watch" (func $watch))"#;

/// The last `i32` of those that return nothing is where the result lies: a byte that
/// is 0 if it is `ok` or `none`; text and numbers are behind it.
const CORE: &str = r#"
  (import "host" "send" (func $send (param i64 i32 i32 i32)))
  (import "host" "own-id" (func $own-id (result i64)))
  (import "host" "request" (func $request (param i64 i32 i32 i64 i32)))
  (import "host" "cancel" (func $cancel (param i64) (result i32)))
  (import "host" "defer" (func $defer (param i32)))
  (import "host" "reply" (func $answer (param i64 i32 i32 i32 i32) (result i32)))
  (import "host" "publish" (func $publish (param i32 i32 i32 i32 i32)))
  (import "host" "subscribe" (func $subscribe (param i32 i32 i32)))
  (import "host" "join" (func $join (param i32 i32 i32)))
  (import "host" "send-after" (func $send-after (param i64 i64 i32 i32 i32)))
  (import "host" "cancel-timer" (func $cancel-timer (param i64) (result i32)))
  (import "host" "lookup" (func $lookup (param i32 i32 i32)))
  (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
  (import "host" "config" (func $config (param i32)))
  (import "host" "spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "host" "monitor" (func $monitor (param i64 i32)))
  (import "host" "link" (func $link (param i64 i32)))
  (import "host" "trap-exits" (func $trap-exits (param i32)))
  (import "host" "register" (func $register (param i32 i32 i32)))
  (import "host" "unregister" (func $unregister (param i32 i32) (result i32)))
  (import "host" "watch" (func $watch (param i32 i32 i32)))"#;
