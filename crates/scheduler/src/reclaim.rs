//! Whose borrowed work makes room for a holder.
//!
//! Exact minimal loss is a covering knapsack. Two answers are weighed: the cheapest single victim
//! that frees enough alone, and a greedy cover in order of loss per freed node, from which every
//! victim is dropped again that turns out not to be needed, the dearest first. Gangs go whole.

/// What can be vacated: one gang, or all gangs that share a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The caller's name for it.
    pub key: u32,
    /// Nodes that come free.
    pub nodes: u32,
    /// GPU-seconds of work since the last checkpoint, lost with it.
    pub lost: u64,
}

/// The keys of the candidates to vacate so that at least `need` nodes come free, with little lost.
/// `None` where all of them together do not free so many.
pub fn choose(candidates: &mut [Candidate], need: u32) -> Option<Vec<u32>> {
    let alone = candidates.iter().filter(|c| c.nodes >= need).min_by_key(|c| (c.lost, c.key));
    let alone = alone.copied();
    if need == 1 && alone.is_some() {
        return alone.map(|candidate| vec![candidate.key]);
    }
    let cover = greedy_cover(candidates, need);
    match (alone, cover) {
        (Some(one), Some((lost, _))) if one.lost <= lost => Some(vec![one.key]),
        (_, Some((_, keys))) => Some(keys),
        (Some(one), None) => Some(vec![one.key]),
        (None, None) => None,
    }
}

fn greedy_cover(candidates: &mut [Candidate], need: u32) -> Option<(u64, Vec<u32>)> {
    let ratio = |a: &Candidate, b: &Candidate| {
        let left = u128::from(a.lost) * u128::from(b.nodes);
        let right = u128::from(b.lost) * u128::from(a.nodes);
        left.cmp(&right).then(b.nodes.cmp(&a.nodes)).then(a.key.cmp(&b.key))
    };
    candidates.sort_unstable_by(ratio);
    let mut freed = 0;
    let mut cover: Vec<Candidate> = Vec::new();
    for candidate in candidates.iter().filter(|c| c.nodes > 0) {
        if freed >= need {
            break;
        }
        freed += candidate.nodes;
        cover.push(*candidate);
    }
    if freed < need {
        return None;
    }
    cover.sort_unstable_by_key(|c| (std::cmp::Reverse(c.lost), c.key));
    cover.retain(|candidate| {
        let spare = freed - candidate.nodes >= need;
        if spare {
            freed -= candidate.nodes;
        }
        !spare
    });
    let lost = cover.iter().map(|c| c.lost).sum();
    Some((lost, cover.iter().map(|c| c.key).collect()))
}
