//! The shortest story that still goes wrong.

use std::fmt;

use super::Plant;
use super::verdict::{Fault, Play, judge};
use crate::engine::Deed;

/// What has to happen for a fault.
#[derive(Debug, Clone)]
pub struct Story<'a> {
    plant: &'a Plant,
    deeds: Vec<Deed>,
    fault: Fault,
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.plant.site_text)?;
        for lease in &self.plant.lease_texts {
            writeln!(f, "{lease}")?;
        }
        for deed in &self.deeds {
            writeln!(f, "{} {:?}", deed.at, deed.act)?;
        }
        write!(f, "{}", self.fault)
    }
}

/// Runs that are tried at most: a short story soon is worth more than the shortest one late.
const TRIES_MAX: u32 = 400;

/// Leaves out of `deeds` what is not needed for a fault, in ever smaller pieces (Zeller's delta
/// debugging), and returns what is left with the fault that it leads to.
pub fn shortest(plant: &Plant, deeds: Vec<Deed>, fault: Fault) -> Story<'_> {
    let (mut story, mut fault) = (deeds, fault);
    let mut piece = story.len().div_ceil(2).max(1);
    let mut tries = 0;
    loop {
        let mut from = 0;
        let mut shorter = false;
        while from < story.len() && tries < TRIES_MAX {
            tries += 1;
            let mut tried = story.clone();
            tried.drain(from..(from + piece).min(story.len()));
            match judge(plant, Play::Deeds(&tried)).0 {
                Err(still) => {
                    (story, fault) = (tried, still);
                    shorter = true;
                }
                Ok(_) => from += piece,
            }
        }
        if story.is_empty() || piece == 1 && !shorter || tries == TRIES_MAX {
            return Story { plant, deeds: story, fault };
        }
        piece = if shorter { piece } else { piece.div_ceil(2) }.min(story.len());
    }
}
