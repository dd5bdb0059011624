//! How long it takes to bill a month of a million service intervals, and to derive that bill again.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant as Clock;

use leasehold_lease::Lease;
use leasehold_ledger::{
    BilledLease, Biller, BillingBasis, Fact, Invoice, LeaseIndex, Record, Rederivation,
    ServiceInterval, ServiceState, SigningKey,
};
use leasehold_simulator::scenario::{read_leases, read_source};
use leasehold_site::Site;
use leasehold_units::{Day, Gpus, Instant, Interval, Month, Seconds};

use super::Figure;

/// Nodes of the first pool that have a life of their own.
const NODES: u32 = 18_000;
/// Stretches of each life in the month: with [`NODES`] a million intervals.
const STRETCHES: u64 = 56;

/// Hands each figure to `report` as soon as it is measured.
pub fn run(report: &mut dyn FnMut(Figure)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/colossus-1");
    let site = read_source(&folder.join("site.toml")).expect("the example is there");
    let site = Site::parse(&site).expect("the example is sound");
    let lease = [folder.join("leases/anthropic.toml")];
    let lease = read_leases(&lease, None, &mut Vec::new()).expect("the example is there").remove(0);
    let before = resident_mebibytes();
    let clock = Clock::now();
    let (account, count) = rated(&site, &lease);
    let invoices = billed(&lease, &account);
    report(Figure::new("money_rate_and_invoice_month", clock.elapsed().as_secs_f64(), "s"));
    report(Figure::new("money_rate_month_intervals", count as f64, "intervals"));
    let grown = resident_mebibytes() - before;
    report(Figure::new("money_rate_month_memory", grown, "MiB"));
    let text = evidence(&site, &lease);
    let clock = Clock::now();
    let key = SigningKey::of_simulation(7);
    black_box(derived_again(&lease, &account, &invoices, &text, &key));
    report(Figure::new("money_verify_month", clock.elapsed().as_secs_f64(), "s"));
}

/// May 2026 of the lease, a million intervals, as they end.
fn rows(lease: &Lease) -> impl Iterator<Item = ServiceInterval> {
    let zone = lease.latest().time_zone.clone();
    let start = zone.start_of(Day::constant(2026, 5, 1));
    let whole = zone.start_of(Day::constant(2026, 6, 1)).since(start).get();
    let at = move |stretch: u64| start.after(Seconds::new(whole * stretch / STRETCHES));
    (0..STRETCHES).flat_map(move |stretch| {
        (0..NODES).map(move |node| ServiceInterval {
            lease: LeaseIndex(0),
            pool: 0,
            first_node: node,
            nodes: 1,
            gpus_per_node: 8,
            state: ServiceState::ALL[usize::from((stretch + u64::from(node)) % 3 == 0)],
            interval: Interval::new(at(stretch), at(stretch + 1)),
        })
    })
}

fn rated(site: &Site, lease: &Lease) -> (BillingBasis, u64) {
    let mut account = BillingBasis::new(site, lease, start(lease));
    account.record(start(lease), Fact::Entitled { gpus: Gpus::new(119_040) });
    let mut count = 0;
    for row in rows(lease) {
        black_box(account.add(&row, site));
        count += 1;
    }
    (account, count)
}

fn start(lease: &Lease) -> Instant {
    lease.latest().time_zone.start_of(lease.first_day())
}

/// The invoices of 1 May and 1 June.
fn billed(lease: &Lease, account: &BillingBasis) -> Vec<Invoice> {
    let periods = lease.fee_periods();
    let billed = BilledLease::of_fees(&lease.versions, &periods);
    let mut biller = Biller::new();
    let mut issue = |day: Day| {
        let until = lease.latest().time_zone.start_of(day);
        let readings = |month: Month| account.readings(month, until);
        let invoice = biller.issue_on(day, &billed, &readings).expect("something is due");
        Invoice { record: account.record_digest(), ..invoice }
    };
    vec![issue(Day::constant(2026, 5, 1)), issue(Day::constant(2026, 6, 1))]
}

fn evidence(site: &Site, lease: &Lease) -> String {
    let mut account = BillingBasis::new(site, lease, start(lease));
    let mut text = String::new();
    for row in rows(lease) {
        text += account.add(&row, site).1;
    }
    text
}

/// What the tenant does: reads the file, opens the seals and derives every amount.
fn derived_again(
    lease: &Lease,
    account: &BillingBasis,
    invoices: &[Invoice],
    text: &str,
    key: &SigningKey,
) -> usize {
    let record = account.facts().to_lines();
    let record = Record::from_lines(record.lines()).expect("a record reads back");
    let mut again = Rederivation::new(lease.versions.clone(), record).expect("the record is whole");
    again.read_usage(Month { year: 2026, month: 5 }, text.lines()).expect("it reads back");
    for invoice in invoices {
        let sealed = key.seal(invoice).to_json();
        let opened = leasehold_ledger::Sealed::open(&sealed, &key.public()).expect("sealed");
        opened.invoice.check().expect("amounts follow");
        again.check(&opened.invoice).expect("amounts follow from the evidence");
    }
    invoices.len()
}

/// Memory that the process has in use, where the system tells.
fn resident_mebibytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kibibytes = line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}
