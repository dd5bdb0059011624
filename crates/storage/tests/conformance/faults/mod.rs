//! What goes wrong in the world, made to go wrong: kills, fights for the lead, full disks, bad pages.
//!
//! A few rounds run with the other tests; `cargo xtask faults storage --rounds N` runs more.

mod damage;
mod disk;
mod fights;
mod kills;

use std::time::{SystemTime, UNIX_EPOCH};

/// How many rounds.
pub fn rounds() -> u32 {
    let asked = std::env::var("LEASEHOLD_ROUNDS").ok();
    asked.map_or(10, |asked| asked.parse().expect("LEASEHOLD_ROUNDS is a number"))
}

/// Chance, from a seed that is printed first: `LEASEHOLD_SEED` gives the same chance again.
pub struct Chance(u64);

impl Chance {
    #[expect(clippy::print_stderr, reason = "a failure is looked for again by its seed")]
    pub fn new() -> Self {
        let given = std::env::var("LEASEHOLD_SEED").ok();
        let seed = given.map_or_else(
            || {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(1, |since| since.as_nanos() as u64)
            },
            |given| given.parse().expect("LEASEHOLD_SEED is a number"),
        );
        eprintln!("LEASEHOLD_SEED={seed}");
        Self(seed | 1)
    }

    /// A number below `bound`, from 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}
