//! What leases promise, looked for in Slurm's own record.

use std::collections::BTreeMap;

use crate::record::{Reserved, Run};

/// No node ever had two parties at once.
pub fn assert_apart(runs: &[Run]) {
    let mut by_node: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.start.is_some_and(|start| start < run.end)) {
        for node in &run.nodes {
            by_node.entry(node).or_default().push(run);
        }
    }
    assert!(!by_node.is_empty(), "something ran");
    for (node, runs) in by_node {
        for (place, one) in runs.iter().enumerate() {
            for other in &runs[place + 1..] {
                let meet = one.start < Some(other.end) && other.start < Some(one.end);
                assert!(!meet || one.account == other.account, "{node}: {one:?} beside {other:?}");
            }
        }
    }
}

/// Where a tenant's jobs may be, and what its lease promises.
pub struct Promise<'a> {
    pub account: &'a str,
    pub reservation: &'a str,
    /// Seconds from when a job could start until it does.
    pub bound: u64,
    /// Until when the lease lasts.
    pub until: u64,
    /// Seconds in which Slurm itself was away.
    pub away: u64,
}

/// A tenant's jobs ran on nodes that its lease had then, and began within the bound; a run that was over before a
/// change of the holding was carried out ends within the bound, too.
pub fn assert_kept(ran: &[Run], unstarted: &[Run], reserved: &[Reserved], promise: &Promise) {
    let Promise { account, reservation, bound, until, away } = promise;
    let own: Vec<&Run> = ran.iter().filter(|run| run.account == *account).collect();
    assert!(!own.is_empty(), "{account} ran something");
    for run in own {
        let Some(start) = run.start else { continue };
        let waited = run.eligible.map_or(0, |from| start.saturating_sub(from));
        assert!(waited <= bound + away, "{run:?} waited {waited} s");
        // Slurm puts a change on record within a second of it.
        let had = |kept: &&Reserved| {
            let meets = kept.start <= start + 1 && start <= kept.end + 1;
            kept.name == *reservation && meets && run.nodes.is_subset(&kept.nodes)
        };
        assert!(reserved.iter().any(|kept| had(&kept)), "{run:?} began elsewhere: {reserved:#?}");
        assert!(run.end <= until + bound, "{run:?} went on after the lease");
        let lasting = reserved.iter().filter(|kept| {
            kept.name == *reservation && kept.start > start + 1 && kept.start + bound < run.end
        });
        for kept in lasting {
            assert!(run.nodes.is_subset(&kept.nodes), "{run:?} went on where {kept:?} was");
        }
    }
    let owed =
        |run: &&Run| run.eligible.is_some_and(|from| from + bound + away < run.end.min(*until));
    let left: Vec<&Run> =
        unstarted.iter().filter(|run| run.account == *account).filter(owed).collect();
    assert!(left.is_empty(), "never began: {left:?}");
}

/// A borrower was put back for a tenant wherever one was in its way, and never ran on nodes that are lent to nobody.
pub fn assert_borrowers(ran: &[Run], landlord: &str, may: &[&str]) {
    let own: Vec<&Run> = ran.iter().filter(|run| run.account == landlord).collect();
    for run in &own {
        assert!(may.contains(&run.reservation.as_str()), "{run:?} is where it may not be");
    }
    let put_back = own.iter().filter(|run| run.state.starts_with("REQUEUED")).count();
    assert!(put_back > 0, "nobody made room");
}
