//! Every document of a run follows from the evidence alone, and from no other evidence.

use leasehold_control::Input;
use leasehold_ledger::{LeaseIndex, LineKind, Record, Rederivation, RederiveError};
use leasehold_scheduler::nodes::NodeRanges;
use leasehold_simulator::engine::Outcome;
use leasehold_units::Seconds;
use proptest::prelude::*;

use super::setting::{Job, Plan, setting, start};
use super::{Everything, plan, play};

/// Derives the documents of lease number `index` again, from files that `alter` may have changed.
pub fn rederive(
    outcome: &Outcome,
    kept: &Everything,
    index: u16,
    alter: impl Fn(&str) -> String,
) -> Result<usize, RederiveError> {
    let record = Record::from_lines(record_of(outcome, index).lines());
    rederive_from(outcome, kept, index, record.expect("a record reads back"), alter)
}

/// The record file of lease number `index`.
fn record_of(outcome: &Outcome, index: u16) -> String {
    outcome.state.books.bases[usize::from(index)].facts().to_lines()
}

/// The same, from a record that may be another one.
fn rederive_from(
    outcome: &Outcome,
    kept: &Everything,
    index: u16,
    record: Record,
    alter: impl Fn(&str) -> String,
) -> Result<usize, RederiveError> {
    let lease = &outcome.state.contracts.leases[usize::from(index)].lease;
    let mut again = Rederivation::new(lease.versions.clone(), record)?;
    for ((_, month), text) in kept.evidence.iter().filter(|(key, _)| key.0 == LeaseIndex(index)) {
        // What cannot be read is as good as not there: then the digest is another.
        let _ = again.read_usage(*month, alter(text).lines());
    }
    let documents = outcome.state.books.invoices.iter();
    let of_lease = documents.filter(|document| document.lease == lease.latest().id);
    let mut count = 0;
    for document in of_lease {
        document.check().expect("amounts are what their formulas give");
        again.check(document)?;
        count += 1;
    }
    Ok(count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 30 } else { 2_000 }))]

    #[test]
    fn every_document_follows_from_its_evidence(plan in plan()) {
        let (outcome, kept) = play(setting(&plan));
        let mut documents = 0;
        for index in 0..outcome.state.contracts.leases.len() {
            let index = u16::try_from(index).expect("few leases");
            let derived = rederive(&outcome, &kept, index, str::to_owned);
            documents += derived.unwrap_or_else(|error| panic!("lease {index}: {error}"));
        }
        prop_assert_eq!(documents, outcome.state.books.invoices.len());
    }

    #[test]
    fn intervals_twice_or_in_another_order_change_nothing(
        plan in plan(),
        seed in any::<u64>(),
    ) {
        let (outcome, kept) = play(setting(&plan));
        let shuffled = |text: &str| {
            let mut lines: Vec<&str> = text.lines().skip(1).collect();
            lines.extend(lines.clone());
            // A fixed disorder for each seed.
            lines.sort_by_key(|line| line.bytes().fold(seed, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            }));
            let header = text.lines().next().unwrap_or_default();
            std::iter::once(header).chain(lines).collect::<Vec<_>>().join("\n")
        };
        let derived = rederive(&outcome, &kept, 0, shuffled);
        prop_assert!(derived.is_ok(), "{:?}", derived);
    }

    /// What a tenant is told does not change with what the landlord borrows from it.
    #[test]
    fn evidence_does_not_tell_of_borrowers(mut plan in plan(), without in any::<bool>()) {
        // Only a reclaim can be felt: without work of the tenant's own there is none. And which nodes
        // a holding is given, or gives back, during a run is chosen among those that are idle.
        plan.tenant.clear();
        plan.second = None;
        plan.amendment = None;
        plan.faults.clear();
        plan.curtailment = None;
        let (_, kept) = play(setting(&plan));
        plan.landlord.truncate(if without { 0 } else { plan.landlord.len() / 2 });
        let (_, fewer) = play(setting(&plan));
        prop_assert_eq!(kept.evidence, fewer.evidence);
    }
}

#[test]
fn another_file_than_was_billed_from_is_told() {
    let job = Job { submit: 100, gpus: 8, run: 4_000, vacate: 60, checkpoint: 600 };
    let plan = Plan { tenant: vec![job], notice: Some(1), ..Plan::default() };
    let (outcome, kept) = play(setting(&plan));
    assert!(rederive(&outcome, &kept, 0, str::to_owned).expect("nothing was altered") > 0);
    let error = rederive(&outcome, &kept, 0, |text| text.replacen("used", "idle", 1))
        .expect_err("a state was altered");
    assert!(matches!(error, RederiveError::OtherUsage { .. }), "{error}");
}

/// A small run that leaves documents, and how many facts they rest on.
fn small_run() -> (Outcome, Everything, u64) {
    let job = Job { submit: 100, gpus: 8, run: 4_000, vacate: 60, checkpoint: 600 };
    let plan = Plan { tenant: vec![job], notice: Some(1), ..Plan::default() };
    let (outcome, kept) = play(setting(&plan));
    let facts = outcome.state.books.invoices.iter().map(|document| document.record.facts).max();
    (outcome, kept, facts.expect("a document was issued"))
}

/// `text` with the last bit of the byte at `place` flipped.
fn flipped(text: &str, place: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[place] ^= 1;
    String::from_utf8(bytes).expect("flipping the last bit of ASCII leaves ASCII")
}

#[test]
fn no_byte_of_the_service_intervals_can_be_altered() {
    let (outcome, kept, _) = small_run();
    let text = kept.evidence.values().next().expect("there is a file");
    for place in 0..text.len() {
        let altered = flipped(text, place);
        let derived = rederive(&outcome, &kept, 0, |_| altered.clone());
        assert!(derived.is_err(), "byte {place} was altered:\n{altered}");
    }
}

#[test]
fn no_byte_of_the_facts_that_a_document_rests_on_can_be_altered() {
    let (outcome, kept, facts) = small_run();
    let text = record_of(&outcome, 0);
    let all: usize =
        text.split_inclusive('\n').take(usize::try_from(facts).expect("few")).map(str::len).sum();
    assert!(all > 100, "there is something to alter");
    for place in 0..all {
        let altered = flipped(&text, place);
        let Ok(record) = Record::from_lines(altered.lines()) else { continue };
        let derived = rederive_from(&outcome, &kept, 0, record, str::to_owned);
        assert!(derived.is_err(), "byte {place} was altered:\n{altered}");
    }
}

#[test]
fn what_a_tenant_broke_itself_is_not_counted_and_is_derived_again() {
    let credited = |input: fn(NodeRanges) -> Input| {
        let plan = Plan { notice: Some(1), ..Plan::default() };
        let mut setting = setting(&plan);
        // All of them, so that nothing can stand in.
        let at = start().after(Seconds::new(20_000));
        setting.inputs.push((at, input(NodeRanges::from_range(0, 24))));
        setting
            .inputs
            .push((at.after(Seconds::new(30_000)), Input::NodesUp(NodeRanges::from_range(0, 24))));
        let (outcome, kept) = play(setting);
        rederive(&outcome, &kept, 0, str::to_owned).expect("it follows");
        let lines = outcome.state.books.invoices.iter().flat_map(|invoice| &invoice.lines);
        lines.filter(|line| line.kind == LineKind::ServiceCredit).count()
    };
    assert_eq!(credited(Input::NodesDown), 1, "eight hours without a node");
    assert_eq!(credited(Input::NodesBroken), 0, "the tenant's own fault");
}
