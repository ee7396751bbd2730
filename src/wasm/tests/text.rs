//! Text of components, for guests that do what no compiler would have them do. The
//! tests of whole runtimes use it too (tests/all/hostile).

/// A component: a handler around the body of a core function
/// `(param $sender i64) (param $payload i32) (param $payload_len i32) (result i32)`,
/// whose result is where the answer lies. At 0 there is an empty `ok`.
pub struct Text<'a> {
    /// Imports, and how they are lowered to `(core func …)`.
    pub imports: &'a str,
    /// `(export "NAME" (func …))`, what of that the core module gets.
    pub lowered: &'a str,
    /// Its own imports of `"host"`, and functions.
    pub core: &'a str,
    /// The body of `handle`.
    pub handle: &'a str,
    /// Anything more of the module that has the memory and the allocator.
    pub libc: &'a str,
    /// The body of `realloc`, of `(param i32 i32 i32 i32) (result i32)`.
    pub realloc: &'a str,
    /// Anything more of the component.
    pub more: &'a str,
    /// Of 64 KiB each.
    pub pages: u32,
    /// What else it exports.
    pub hooks: Hooks<'a>,
}

/// Bodies of the core functions behind the optional exports; none set, none exported.
#[derive(Default, Clone, Copy)]
pub struct Hooks<'a> {
    /// `(result i32)`; with `stop` or by itself.
    pub init: Option<&'a str>,
    /// No result; with `init` or by itself.
    pub stop: Option<&'a str>,
    /// `(result i32)`: where the status lies.
    pub check: Option<&'a str>,
    /// `handle-reply`: `(param $request i64)` and five of the outcome, the first of
    /// which is 0 if it is a reply.
    pub reply: Option<&'a str>,
    /// `handle-publication`: `(result i32)`.
    pub publication: Option<&'a str>,
    /// `handle-down`, and `handle-exit` too if that is not set.
    pub down: Option<&'a str>,
    /// `handle-exit`; by itself, or with `down`.
    pub exit: Option<&'a str>,
    /// `handle-registered`, and `handle-holder` too.
    pub names: Option<&'a str>,
    /// `handle-batch`: `(param $frames i32) (param $frames_len i32) (result i32)`.
    pub batch: Option<&'a str>,
}

/// Takes what it is asked for from behind what was taken last, and never gives back.
pub const REALLOC: &str = r#"(local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)"#;

impl Default for Text<'_> {
    fn default() -> Self {
        Self {
            imports: "",
            lowered: "",
            core: "",
            handle: "i32.const 0",
            libc: "",
            realloc: REALLOC,
            more: "",
            pages: 1,
            hooks: Hooks::default(),
        }
    }
}

/// How a core function becomes one of the component.
const LIFTED: &str = r#"(memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))"#;

impl Hooks<'_> {
    /// The core functions.
    fn core(&self) -> String {
        let mut core = String::new();
        let mut hook = |name: &str, signature: &str, body: Option<&str>| {
            if let Some(body) = body {
                core += &format!("(func (export \"{name}\") {signature} {body})\n");
            }
        };
        if self.init.or(self.stop).is_some() {
            let signature = "(param i64 i32 i32 i32 i32) (result i32)";
            hook("init", signature, Some(self.init.unwrap_or("i32.const 0")));
            hook("stop", "(param i32)", Some(self.stop.unwrap_or("")));
        }
        hook("check", "(result i32)", self.check);
        hook("reply", "(param $request i64) (param $outcome i32) (param i32 i32 i32 i32)", self.reply);
        hook("publication", "(param i32 i32 i64 i32 i32) (result i32)", self.publication);
        if self.down.or(self.exit).is_some() {
            hook("down", "(param i64 i64 i32 i32 i32)", Some(self.down.unwrap_or("")));
            hook("exit", "(param i64 i32 i32 i32)", self.exit.or(self.down));
        }
        hook("registered", "(param i32 i32 i32 i64)", self.names);
        hook("holder", "(param i32 i32 i32 i64)", self.names);
        hook("batch", "(param $frames i32) (param $frames_len i32) (result i32)", self.batch);
        core
    }

    /// The exports.
    fn exports(&self) -> String {
        let mut exports = String::new();
        if self.init.or(self.stop).is_some() {
            exports += &lifecycle();
        }
        if self.check.is_some() {
            exports += &health();
        }
        let mut export = |interface: &str, functions: &[(&str, &str, &str)]| {
            let mut instance = String::new();
            for (name, core, signature) in functions {
                exports += &format!(
                    "(func ${core} {signature} (canon lift (core func $main \"{core}\") {LIFTED}))\n"
                );
                instance += &format!("(export \"{name}\" (func ${core}))");
            }
            exports += &format!("(instance ${interface} {instance})\n");
            exports += &format!("(export \"raddle:actor/{interface}@0.1.0\" (instance ${interface}))\n");
        };
        if self.reply.is_some() {
            let signature = "(param \"request\" u64)
              (param \"outcome\" (result (list u8) (error $request-error)))";
            export("reply-handler", &[("handle-reply", "reply", signature)]);
        }
        if self.publication.is_some() {
            let signature = "(param \"subject\" string) (param \"sender\" u64) (param \"payload\" (list u8))
              (result (result (error $failure)))";
            export("subscriber", &[("handle-publication", "publication", signature)]);
        }
        if self.down.or(self.exit).is_some() {
            let down = "(param \"monitor\" u64) (param \"actor\" u64) (param \"reason\" $exit-reason)";
            let exit = "(param \"actor\" u64) (param \"reason\" $exit-reason)";
            export("signals", &[("handle-down", "down", down), ("handle-exit", "exit", exit)]);
        }
        if self.names.is_some() {
            let registered = "(param \"name\" string) (param \"outcome\" (result (error u64)))";
            let holder = "(param \"name\" string) (param \"holder\" (option u64))";
            let functions =
                [("handle-registered", "registered", registered), ("handle-holder", "holder", holder)];
            export("names", &functions);
        }
        if self.batch.is_some() {
            let signature = "(param \"frames\" (list u8)) (result u32)";
            export("batch-handler", &[("handle-batch", "batch", signature)]);
        }
        exports
    }
}

/// Types that an interface defines itself must be among its exports: a component
/// within the component sees to that.
fn lifecycle() -> String {
    format!(
        r#"
  (type $start (record (field "id" u64) (field "name" (option string)) (field "restarts" u32)))
  (type $why (enum "normal" "shutdown" "restart"))
  (func $init (param "start" $start) (result (result (error string)))
    (canon lift (core func $main "init") {LIFTED}))
  (func $stop (param "reason" $why) (canon lift (core func $main "stop")))
  (component $lifecycle-of
    (type $start (record (field "id" u64) (field "name" (option string)) (field "restarts" u32)))
    (import "start" (type $start-in (eq $start)))
    (type $why (enum "normal" "shutdown" "restart"))
    (import "stop-reason" (type $why-in (eq $why)))
    (import "init" (func $init (param "start" $start-in) (result (result (error string)))))
    (import "stop" (func $stop (param "reason" $why-in)))
    (export $start-out "start" (type $start))
    (export $why-out "stop-reason" (type $why))
    (export "init" (func $init) (func (param "start" $start-out) (result (result (error string)))))
    (export "stop" (func $stop) (func (param "reason" $why-out))))
  (instance $lifecycle (instantiate $lifecycle-of
    (with "start" (type $start)) (with "stop-reason" (type $why))
    (with "init" (func $init)) (with "stop" (func $stop))))
  (export "raddle:actor/lifecycle@0.1.0" (instance $lifecycle))
"#
    )
}

fn health() -> String {
    let status = r#"(variant (case "healthy") (case "degraded" string) (case "unhealthy" string))"#;
    format!(
        r#"
  (type $status {status})
  (func $check (result $status) (canon lift (core func $main "check") {LIFTED}))
  (component $health-of
    (type $status {status})
    (import "status" (type $status-in (eq $status)))
    (import "check" (func $check (result $status-in)))
    (export $status-out "status" (type $status))
    (export "check" (func $check) (func (result $status-out))))
  (instance $health (instantiate $health-of (with "status" (type $status)) (with "check" (func $check))))
  (export "raddle:actor/health@0.1.0" (instance $health))
"#
    )
}

impl Text<'_> {
    pub fn build(&self) -> String {
        let Self { imports, lowered, core, handle, libc, realloc, more, pages, hooks } = self;
        let (hooks_core, hooks_exports) = (hooks.core(), hooks.exports());
        format!(
            r#"(component
  (import "raddle:actor/types@0.1.0" (instance $types
    (type (variant (case "rejected" string) (case "retry" string) (case "other" string)))
    (export "failure" (type $failure (eq 0)))
    (type $send-error-of (variant (case "no-such-actor") (case "full") (case "message-too-large" u32)
      (case "access-denied" string) (case "quota-exceeded" string) (case "other" string)))
    (export "send-error" (type $send-error (eq $send-error-of)))
    (type $request-error-of (variant (case "not-sent" $send-error) (case "failed" $failure)
      (case "callee-exited" string) (case "dead" string) (case "timeout") (case "cycle") (case "closed")))
    (export "request-error" (type (eq $request-error-of)))
    (type $exit-reason-of (variant (case "normal") (case "shutdown") (case "killed") (case "no-such-actor")
      (case "failed" string)))
    (export "exit-reason" (type (eq $exit-reason-of)))))
  (alias export $types "failure" (type $failure))
  (alias export $types "send-error" (type $send-error))
  (alias export $types "request-error" (type $request-error))
  (alias export $types "exit-reason" (type $exit-reason))
  (core module $libc
    (memory (export "memory") {pages})
    (global $next (mut i32) (i32.const 4096))
    {libc}
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc}))
  (core instance $libc (instantiate $libc))
  {imports}
  (core module $main
    (import "libc" "memory" (memory {pages}))
    {core}
    ;; The reply of a request: these bytes.
    (func $reply (param $at i32) (param $len i32) (result i32)
      (i32.store (i32.const 16) (i32.const 0))
      (i32.store (i32.const 20) (i32.const 1))
      (i32.store (i32.const 24) (local.get $at))
      (i32.store (i32.const 28) (local.get $len))
      (i32.const 16))
    (func $number (param $value i64) (result i32)
      (i64.store (i32.const 32) (local.get $value))
      (call $reply (i32.const 32) (i32.const 8)))
    {hooks_core}
    (func (export "handle") (param $sender i64) (param $payload i32) (param $payload_len i32) (result i32)
      {handle}))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance {lowered}))))
  (func $handle
    (param "sender" u64) (param "payload" (list u8))
    (result (result (option (list u8)) (error $failure)))
    (canon lift (core func $main "handle") {LIFTED}))
  (instance $handler (export "handle" (func $handle)))
  (export "raddle:actor/handler@0.1.0" (instance $handler))
  {hooks_exports}
  {more})"#
        )
    }
}
