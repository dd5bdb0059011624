//! A notice that both sides withdraw leaves no trace in what is billed.

use std::collections::BTreeMap;

use leasehold_control::Input;
use leasehold_fixtures::terms;
use leasehold_lease::{Lease, Side};
use leasehold_ledger::{Invoice, RecordDigest, Revenue};
use leasehold_simulator::engine::{Act, Deed, Outcome, Setting};
use leasehold_units::{Day, Instant, Interval, LeaseId, Seconds};
use proptest::prelude::*;

use super::evidence::rederive;
use super::setting::{Job, Plan, lease_file, setting, start};
use super::{Everything, play};

const DAY: u64 = 86_400;

/// What is given, asked and agreed on which day of the term, counted from 0.
#[derive(Debug, Clone, Copy)]
struct Story {
    given: u64,
    notice_days: u32,
    asked: u64,
    agreed: u64,
    by: Side,
}

fn story() -> impl Strategy<Value = Story> {
    let by = prop::sample::select(vec![Side::Landlord, Side::Tenant]);
    (0u64..30, 1u32..25, 0u64..=100, 0u64..=100, by).prop_map(
        |(given, notice_days, asked, agreed, by)| {
            let last = given + u64::from(notice_days);
            let asked = given + u64::from(notice_days) * asked / 100;
            Story { given, notice_days, asked, agreed: asked + (last - asked) * agreed / 100, by }
        },
    )
}

fn other(side: Side) -> Side {
    match side {
        Side::Landlord => Side::Tenant,
        Side::Tenant => Side::Landlord,
    }
}

/// Noon and some hours on a day of the term.
fn noon(day: u64, hours: u64) -> Instant {
    start().after(Seconds::new(day * DAY + (12 + hours) * 3_600))
}

fn day_of(at: Instant) -> Day {
    super::setting::site().time_zone.day_of(at)
}

/// All of a term of 55 days and a month, with everything that a lease can bill.
fn whole_term(notice_days: u32, invoice: &str, deeds: Vec<(Instant, Input)>) -> Setting {
    let job = |submit, gpus, run| Job { submit, gpus, run, vacate: 60, checkpoint: 600 };
    let plan = Plan {
        tenant: vec![job(100, 8, 400_000), job(900_000, 20, 2_000_000)],
        landlord: vec![job(50, 64, 1_000_000)],
        ..Plan::default()
    };
    let mut setting = setting(&plan);
    let file =
        lease_file("rack", 2, notice_days).set("fee.invoice", format_args!("'{invoice}'")).and(
            "[fee.minimum]\namount = \"400000.00\"\nper = \"month\"\n\
             [[fee.prepayment]]\ndue = 2026-04-11\namount = \"90000.00\"\ndraw = \"50%\"\n\
             [fee.deposit]\namount = \"1000.00\"\ndue = 2026-03-07\nreturn_days = 9\n\
             [[fee.tax]]\nname = \"T\"\nrate = \"8.25%\"\nmode = \"exclusive\"",
        );
    setting.leases = vec![Lease::new(vec![terms(&file)]).expect("one version")];
    setting.interval = Interval::new(start(), start().after(Seconds::new(85 * DAY)));
    let deeds = deeds.into_iter().map(|(at, input)| Deed { at, act: Act::Input(input) });
    setting.deeds = deeds.collect();
    setting
}

fn lease() -> LeaseId {
    LeaseId::new("l").expect("a name")
}

fn gives(story: &Story) -> (Instant, Input) {
    let at = noon(story.given, 0);
    (at, Input::GiveNotice { lease: lease(), by: story.by, day: day_of(at) })
}

fn withdraws(by: Side, at: Instant) -> (Instant, Input) {
    (at, Input::WithdrawNotice { lease: lease(), by })
}

fn played(story: &Story, invoice: &str, deeds: Vec<(Instant, Input)>) -> (Outcome, Everything) {
    play(whole_term(story.notice_days, invoice, deeds))
}

/// The documents, but for what they say of the record: that tells of the notice.
fn documents(outcome: &Outcome) -> Vec<Invoice> {
    let unproven =
        |invoice: &Invoice| Invoice { record: RecordDigest::default(), ..invoice.clone() };
    outcome.state.books.invoices.iter().map(unproven).collect()
}

/// What was billed in all, by what it is.
fn totals(documents: &[Invoice]) -> BTreeMap<Revenue, i128> {
    let mut totals = BTreeMap::new();
    for line in documents.iter().flat_map(|invoice| &invoice.lines) {
        *totals.entry(line.revenue).or_default() += line.amount.minor();
    }
    totals
}

fn refusals(outcome: &Outcome) -> Vec<&str> {
    let refused = outcome.milestones.iter().filter(|told| told.name == "refused");
    refused.map(|told| told.what.trim_start_matches("refused: ")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 24 } else { 500 }))]

    #[test]
    fn a_withdrawn_notice_is_as_if_none_had_been_given(
        story in story(),
        invoice in prop::sample::select(vec!["advance", "arrears"]),
    ) {
        let undisturbed = documents(&played(&story, invoice, Vec::new()).0);
        let deeds = vec![
            gives(&story),
            withdraws(story.by, noon(story.asked, 1)),
            withdraws(story.by, noon(story.asked, 2)),
            withdraws(other(story.by), noon(story.agreed, 3)),
        ];
        let (outcome, kept) = played(&story, invoice, deeds);
        prop_assert_eq!(refusals(&outcome), Vec::<&str>::new());
        let found = documents(&outcome);
        let until = day_of(noon(story.agreed, 3));
        let early = |documents: &[Invoice]| -> Vec<Invoice> {
            documents.iter().filter(|document| document.issued <= until).cloned().collect()
        };
        if early(&found) == early(&undisturbed) {
            // Nothing was billed for the end that did not come.
            prop_assert_eq!(&found, &undisturbed);
        }
        prop_assert_eq!(totals(&found), totals(&undisturbed));
        let derived = rederive(&outcome, &kept, 0, str::to_owned);
        prop_assert!(derived.is_ok(), "{:?}", derived);
    }
}

#[test]
fn the_rest_of_a_month_that_was_billed_in_part_comes_next() {
    let story = Story { given: 20, notice_days: 20, asked: 30, agreed: 30, by: Side::Tenant };
    let deeds = vec![
        gives(&story),
        withdraws(Side::Tenant, noon(30, 1)),
        withdraws(Side::Landlord, noon(30, 2)),
    ];
    let (outcome, _) = played(&story, "advance", deeds);
    let fixed: Vec<String> = documents(&outcome)
        .iter()
        .flat_map(|document| document.lines.iter().map(|line| (document.issued, line)))
        .filter(|(_, line)| line.revenue == Revenue::Fixed)
        .map(|(issued, line)| format!("{issued} {} {}", line.amount, line.description))
        .collect();
    insta::assert_snapshot!(fixed.join("\n"), @r"
    2026-03-07 250000.00 Fixed fee, 7 to 31 March 2026, 25 of 31 days
    2026-04-01 165333.33 Fixed fee, 1 to 16 April 2026, 16 of 30 days
    2026-04-07 144666.67 Adjustment of the fixed fee, 17 to 30 April 2026: 310000.00 due for the month, 165333.33 billed before
    ");
}

#[test]
fn what_is_not_agreed_changes_nothing() {
    let story = Story { given: 1, notice_days: 20, asked: 3, agreed: 4, by: Side::Landlord };
    let deeds = vec![
        withdraws(Side::Landlord, noon(0, 0)),
        gives(&story),
        withdraws(Side::Tenant, noon(2, 0)),
        withdraws(Side::Landlord, noon(3, 0)),
        withdraws(Side::Tenant, noon(22, 0)),
    ];
    let (outcome, _) = played(&story, "advance", deeds);
    let names: Vec<&str> =
        refusals(&outcome).iter().filter_map(|what| what.split(':').next()).collect();
    assert_eq!(names, ["notice-to-withdraw", "withdrawal-is-asked", "withdrawal-during-service"]);
    let lease = &outcome.state.contracts.leases[0].lease;
    assert_eq!(lease.last_day(), day_of(noon(21, 0)));
}

#[test]
fn what_was_sold_meanwhile_is_not_given_back() {
    let story = Story { given: 1, notice_days: 5, asked: 2, agreed: 3, by: Side::Tenant };
    let next = lease_file("rack", 5, 5)
        .set("id", "'m'")
        .set("tenant", "'other'")
        .set("signed", "2026-03-08")
        .set("term.start", "2026-03-14");
    let deeds = vec![
        gives(&story),
        withdraws(Side::Tenant, noon(2, 0)),
        (noon(2, 1), Input::Sign(Box::new(terms(&next)))),
        withdraws(Side::Landlord, noon(3, 0)),
    ];
    let (outcome, _) = played(&story, "advance", deeds);
    let told = refusals(&outcome);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("no-oversell") && !told[0].contains("other"), "{told:?}");
    assert!(outcome.state.contracts.leases[0].lease.notice.is_some());
}
