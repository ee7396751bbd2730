;; The body of a handler: fills the memory with a pattern and traps (`w`), or counts what
;; is not zero in it, beyond the first page, where the harness has its own (anything else).
(local $at i32) (local $count i64)
  (if (i32.eq (i32.load8_u (local.get $payload)) (i32.const 119)) (then
    (memory.fill (i32.const 65536) (i32.const 0xaa) (i32.const 983040)) unreachable))
  (local.set $at (i32.const 65536))
  (loop
    (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then
      (local.set $count (i64.add (local.get $count) (i64.const 1)))))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if 0 (i32.lt_u (local.get $at) (i32.const 1048576))))
  (call $number (local.get $count))
