//! The deterministic state machine: decide, apply, and the named invariants.
