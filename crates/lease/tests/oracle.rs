//! Fee schedules, day counts and digits against programs that share nothing with the crate.
//!
//! `oracle/fees.txt` is by `oracle/fees.py`, in exact fractions, a day at a time.
//! `oracle/conventions.txt` is by `oracle/conventions.py`: days by QuantLib 1.44, digits by
//! iso4217 1.16 for the codes that pycountry 26.2 knows.
//!
//! QuantLib names two conventions that are both written 30/360. Interest counts by its bond basis;
//! the proration of a month counts as its 30E/360 (ISDA) does without a termination date, from the
//! day before the first to the last: the last of February there counts as the 30th.

use leasehold_diagnostics::{Source, render};
use leasehold_lease::{DayCount, FeePeriod, Lease, Terms};
use leasehold_units::{Currency, Day, Money, Month};

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn from(text: &str) -> String {
    if text == "-" { String::new() } else { format!("from = {text}\n") }
}

/// `[fee.escalator]` of an escalation as the vectors write it.
fn escalator(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        ["percent", growth, months, since] => format!(
            "[fee.escalator]\npercent = \"{growth}%\"\nevery_months = {months}\n{}",
            from(since)
        ),
        ["index", base, months, since, cap, entries] => {
            let entry = |entry: &str| {
                let (publish, value) = entry.split_once('=').expect("a day and a value");
                format!("{{ publish = {publish}, value = \"{value}\" }}")
            };
            let entries: Vec<String> = entries.split(',').map(entry).collect();
            let cap = if cap == "-" { String::new() } else { format!("cap = \"{cap}%\"\n") };
            format!(
                "[fee.escalator]\nbase = \"{base}\"\nevery_months = {months}\n{}{cap}index = [{}]\n",
                from(since),
                entries.join(", ")
            )
        }
        _ => String::new(),
    }
}

fn lease(fields: &[&str]) -> Lease {
    let [currency, digits, fixed, proration, start, end, ramp, escalation] = fields[..] else {
        panic!("{fields:?} is no lease");
    };
    let money = Currency::from_code(currency).expect("a currency");
    assert_eq!(money.digits(), number(digits), "{currency}");
    let fixed = Money::from_minor(number(fixed), money);
    let step = |step: &str| {
        let (from, percent) = step.split_once(':').expect("a day and a share");
        format!("[[capacity.ramp]]\nfrom = {from}\namount = \"8 node\"\nfee = \"{percent}%\"\n")
    };
    let ramp: String = ramp.split(',').filter(|step| *step != "-").map(step).collect();
    let text = format!(
        "id = \"l\"\nsite = \"s\"\nlandlord = \"a\"\ntenant = \"b\"\nsigned = {start}\n\
         time_zone = \"UTC\"\n[term]\nstart = {start}\nend = {end}\n\
         [capacity]\namount = \"8 node\"\nshape = \"node\"\n{ramp}\
         [fee]\ncurrency = \"{currency}\"\nfixed = \"{fixed}\"\nproration = \"{proration}\"\n\
         invoice = \"arrears\"\ndue_days = 0\n{}",
        escalator(escalation)
    );
    let source = Source::new("lease.toml", text);
    let terms = Terms::parse(&source);
    let terms = terms.unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)));
    Lease::new(vec![terms]).expect("one version")
}

fn line(p: &FeePeriod) -> String {
    let amount = p.amount.minor();
    format!("period|{}|{}|{}|{}|{amount}", p.start, p.end, p.days, p.days_in_month)
}

#[test]
fn fee_schedules_are_those_of_exact_fractions_summed_day_by_day() {
    let mut leases: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for text in include_str!("oracle/fees.txt").lines() {
        match text.split_once('|') {
            Some(("lease", fields)) => leases.push((fields.split('|').collect(), Vec::new())),
            _ => leases.last_mut().expect("a lease comes first").1.push(text),
        }
    }
    assert_eq!(leases.len(), 150);
    for (fields, expected) in leases {
        let found: Vec<String> = lease(&fields).fee_periods().iter().map(line).collect();
        assert_eq!(found, expected, "{fields:?}");
    }
}

/// The fields of the lines of `kind`.
fn conventions(kind: &str) -> Vec<Vec<&'static str>> {
    let lines = include_str!("oracle/conventions.txt").lines();
    let fields = lines.map(|line| line.split('|').collect::<Vec<_>>());
    fields.filter(|fields| fields[0] == kind).map(|fields| fields[1..].to_vec()).collect()
}

#[test]
fn days_are_counted_as_quantlib_counts_them() {
    let by_month =
        |proration| lease(&["USD", "2", "1", proration, "2024-01-01", "2035-12-31", "-", "-"]);
    let (actual_months, thirty_months) = (by_month("actual"), by_month("30/360"));
    let mut inside = 0;
    for fields in conventions("days") {
        let [first, after, actual, bond, isda] = fields[..] else { panic!("{fields:?}") };
        let (first, after) = (day(first), day(after));
        assert_eq!(DayCount::Actual365.days(first, after), number(actual), "{fields:?}");
        assert_eq!(DayCount::Actual360.days(first, after), number(actual), "{fields:?}");
        assert_eq!(DayCount::Thirty360.days(first, after), number(bond), "{fields:?}");
        // Service from the day after the first to the last, where that is in one month.
        let start = first.tomorrow().expect("a day");
        if start <= after && Month::of(start) == Month::of(after) {
            inside += 1;
            assert_eq!(actual_months.days_counted(1, start, after), number(actual), "{fields:?}");
            assert_eq!(thirty_months.days_counted(1, start, after), number(isda), "{fields:?}");
        }
    }
    assert!(inside > 50, "{inside} lines lie in one month");
}

#[test]
fn currencies_have_the_digits_of_iso_4217() {
    let currencies = conventions("currency");
    assert!(currencies.len() > 150);
    for fields in currencies {
        let found =
            Currency::from_code(fields[0]).ok().map(|currency| currency.digits().to_string());
        assert_eq!(found.as_deref().unwrap_or("-"), fields[1], "{}", fields[0]);
    }
}
