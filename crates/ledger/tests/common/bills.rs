//! The leases of `oracle/bills.txt`, which `oracle/bills.py` draws: their terms, what happens to them,
//! and the biller driven through their days.

use std::fmt::Write as _;

use jiff::ToSpan;
use leasehold_diagnostics::{Source, render};
use leasehold_lease::{Lease, ShortDays, Side, Terms};
use leasehold_ledger::{BilledLease, Biller, Invoice, OpenDocument, PeriodReadings};
use leasehold_units::{Day, GpuSeconds, Gpus, Money, Month, Ratio};

use super::day;

/// What is the same in every file.
const HEAD: &str = "id = \"l\"\nsite = \"s\"\nlandlord = \"a\"\ntenant = \"b\"\n\
                    signed = 2020-01-01\ntime_zone = \"America/Chicago\"\n";

/// A lease of the vectors and what happens to it.
#[derive(Debug, Clone, Default)]
pub struct Case {
    pub versions: Vec<Terms>,
    pub notice: Option<Day>,
    readings: Vec<(Day, PeriodReadings)>,
    short: Vec<ShortDays>,
    /// Day, place of the document, minor units.
    payments: Vec<(Day, usize, i128)>,
    /// Its documents as the program writes them.
    pub expected: String,
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn ratio(text: &str) -> Ratio {
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    Ratio::new(number(above), number(below))
}

fn terms(text: &str) -> Terms {
    let (top, tables) = text.split_at(text.find('[').expect("a file has tables"));
    let source = Source::new("lease.toml", format!("{HEAD}{top}{tables}"));
    Terms::parse(&source).unwrap_or_else(|p| panic!("{}\n{text}", render(&source, &p, false)))
}

/// The cases of the vectors.
pub fn cases() -> Vec<Case> {
    let text = include_str!("../oracle/bills.txt");
    let mut cases: Vec<Case> = Vec::new();
    let mut file = String::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        if let ["lease", _] = fields[..] {
            cases.push(Case::default());
            continue;
        }
        let case = cases.last_mut().expect("a lease comes first");
        match fields[..] {
            [row] => writeln!(file, "{row}").expect("a text takes lines"),
            ["", ""] => case.versions.push(terms(&std::mem::take(&mut file))),
            _ => case.add(line, &fields),
        }
    }
    cases
}

impl Case {
    fn add(&mut self, line: &str, fields: &[&str]) {
        match *fields {
            ["notice", given] => self.notice = Some(day(given)),
            ["short", from, until, granted, delivered] => {
                let short = ShortDays {
                    from: day(from),
                    until: day(until),
                    granted: Gpus::new(number(granted)),
                    delivered: Gpus::new(number(delivered)),
                };
                self.short.push(short);
            }
            ["read", month, entitled, delivered, held, used, over, energy, missed, beyond] => {
                let seconds = |text| GpuSeconds::new(number(text));
                let readings = PeriodReadings {
                    entitled: seconds(entitled),
                    excluded: GpuSeconds::ZERO,
                    delivered: seconds(delivered),
                    held: seconds(held),
                    used: seconds(used),
                    over: seconds(over),
                    energy: ratio(energy),
                    reclaim_requests: number(missed),
                    reclaim_missed: number(missed),
                    curtailed_beyond: number(beyond),
                    usage: None,
                    short: Vec::new(),
                };
                self.readings.push((day(&format!("{month}-01")), readings));
            }
            ["pay", at, place, minor] => {
                self.payments.push((day(at), number(place), number(minor)));
            }
            _ => self.expected += &format!("{line}\n"),
        }
    }

    pub fn readings(&self, month: Month) -> PeriodReadings {
        let first = month.first_day();
        let found = self.readings.iter().find(|(day, _)| *day == first);
        let found = found.expect("a month of service has readings").1.clone();
        PeriodReadings { short: self.short.clone(), ..found }
    }

    /// What is open on `today` of the documents that were issued.
    pub fn open(&self, issued: &[Invoice], today: Day) -> Vec<OpenDocument> {
        let of = |(place, invoice): (usize, &Invoice)| {
            let (number, due) = (invoice.number.clone(), invoice.due);
            let mut open = invoice.total;
            let mut history = vec![(invoice.issued, open)];
            let mine = self.payments.iter().filter(|(at, of, _)| *of == place && *at <= today);
            for (at, _, minor) in mine {
                open = open.minus(Money::from_minor(*minor, open.currency()));
                history.push((*at, open));
            }
            OpenDocument { number, due, history }
        };
        issued.iter().enumerate().map(of).collect()
    }

    /// The lease as it was signed, without a notice.
    pub fn lease(&self) -> Lease {
        Lease::new(self.versions.clone()).expect("versions that follow")
    }

    /// Every document, the lease being asked for on the days on which it says that one is due.
    pub fn bill(&self) -> Vec<Invoice> {
        let mut lease = self.lease();
        let (mut biller, mut issued) = (Biller::new(), Vec::new());
        let mut from = day("2020-01-01");
        loop {
            let periods = lease.fee_periods();
            let open = self.open(&issued, from);
            let next = biller.next_issue_day(&BilledLease::new(&lease, &periods, &open), from);
            let noticed = self.notice.filter(|_| lease.notice.is_none());
            if let Some(given) = noticed.filter(|given| next.is_none_or(|next| *given <= next)) {
                lease.give_notice(Side::Tenant, given).expect("a side may");
                from = given;
                continue;
            }
            let Some(today) = next else { return issued };
            let open = self.open(&issued, today);
            let billed = BilledLease::new(&lease, &periods, &open);
            issued.extend(biller.issue_on(today, &billed, &|month| self.readings(month)));
            from = today.saturating_add(1.days());
            assert!(from < day("2040-01-01"), "a lease never stops being due");
        }
    }
}
