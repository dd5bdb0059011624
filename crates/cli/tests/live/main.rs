//! The live server with an agent and real commands, killed and cut off under load: what was acknowledged is
//! there once, and every job ran once.
//!
//! A few rounds run with the other tests; `cargo xtask faults serve --rounds N` runs more.

mod client;
mod faults;
mod server;
