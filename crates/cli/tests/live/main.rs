//! The live server with an agent and real commands, killed and cut off under load: what was acknowledged is
//! there once, every job ran once, and the bill is that of a site on which nothing went wrong.
//!
//! A few rounds run with the other tests; `cargo xtask faults serve --rounds N` runs more.

mod books;
mod client;
mod disk;
mod faults;
mod load;
mod server;
