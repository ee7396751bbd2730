//! FLOOR: lock-free primitives.
