//! The shortest story that still goes wrong.

use super::verdict::{Fault, Play, judge};
use super::{Deed, Plant};

/// Runs that are tried at most: a short story soon is worth more than the shortest one late.
const TRIES_MAX: u32 = 400;

/// Leaves out of `deeds` what is not needed for a fault, in ever smaller pieces (Zeller's delta
/// debugging), and returns what is left with the fault that it leads to.
pub fn shortest(plant: &Plant, deeds: Vec<Deed>, fault: Fault) -> (Vec<Deed>, Fault) {
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
        if piece == 1 && !shorter || tries == TRIES_MAX {
            return (story, fault);
        }
        piece = if shorter { piece } else { piece.div_ceil(2) }.min(story.len().max(1));
        if story.is_empty() {
            return (story, fault);
        }
    }
}
