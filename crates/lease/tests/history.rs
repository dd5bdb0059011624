//! Versions and notice: what follows on a lease, what is refused and in which words.

use leasehold_diagnostics::{Source, render};
use leasehold_lease::{AmendRefusal, Lease, Side, Terms, Withdrawal};
use leasehold_units::Day;

const FIRST: &str = r#"
id = "l"
site = "s"
landlord = "xai"
tenant = "anthropic"
signed = 2026-04-10
time_zone = "America/Chicago"
[term]
start = 2026-05-01
end = 2027-04-30
[notice]
by = "tenant"
days = 90
not_before = 2026-08-01
[capacity]
amount = "8 rack"
shape = "rack"
[fee]
currency = "USD"
fixed = "3100.00"
proration = "actual"
invoice = "advance"
due_days = 30
"#;

fn terms(text: &str) -> Terms {
    let source = Source::new("lease.toml", text);
    Terms::parse(&source).unwrap_or_else(|problems| panic!("{}", render(&source, &problems, false)))
}

fn first() -> Lease {
    Lease::new(vec![terms(FIRST)]).expect("one version")
}

/// Version `number`, effective on `day`, with each `from` replaced by its `to`.
fn version(number: u32, day: &str, changes: &[(&str, &str)]) -> Terms {
    let mut text = format!("version = {number}\neffective = {day}\n{FIRST}");
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    terms(&text)
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

/// What notice by `side` on `given` leads to: the last day, or the refusal.
fn notice(lease: &Lease, side: Side, given: &str) -> String {
    let mut lease = lease.clone();
    match lease.give_notice(side, day(given)) {
        Ok(last) => last.to_string(),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn notice_is_given_by_the_entitled_side_between_lock_in_and_end() {
    let lease = first();
    assert_eq!(notice(&lease, Side::Tenant, "2026-08-01"), "2026-10-30");
    assert_eq!(notice(&lease, Side::Tenant, "2027-04-01"), "2027-04-30", "the term is sooner");
    assert_eq!(notice(&lease, Side::Tenant, "2027-04-30"), "2027-04-30");
    assert_eq!(
        notice(&lease, Side::Tenant, "2026-07-31"),
        "notice-after-lock-in: l may be given notice from 2026-08-01 on, not on 2026-07-31"
    );
    assert_eq!(
        notice(&lease, Side::Tenant, "2027-05-01"),
        "notice-during-term: l ends on 2027-04-30; notice on 2027-05-01 ends nothing"
    );
    assert_eq!(
        notice(&lease, Side::Landlord, "2026-08-01"),
        "notice-by-entitled-side: l gives its landlord no right to terminate for convenience"
    );
}

#[test]
fn notice_is_given_once_and_withdrawn_together() {
    let mut lease = first();
    lease.give_notice(Side::Tenant, day("2026-08-01")).expect("it may");
    assert_eq!(
        notice(&lease, Side::Tenant, "2026-08-02"),
        "notice-once: l was given notice on 2026-08-01 already"
    );
    assert_eq!(lease.first_notice_day(Side::Tenant, day("2026-08-02")), None);
    let withdraw = |lease: &mut Lease, by, on| {
        lease.withdraw_notice(by, day(on)).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(
        withdraw(&mut lease, Side::Landlord, "2026-08-03"),
        Err("withdrawal-is-asked: the tenant gave l notice and does not ask to withdraw it; that side asks first, then the other agrees".into())
    );
    assert_eq!(withdraw(&mut lease, Side::Tenant, "2026-08-03"), Ok(Withdrawal::Asked));
    assert_eq!(withdraw(&mut lease, Side::Tenant, "2026-08-04"), Ok(Withdrawal::AskedBefore));
    assert_eq!(lease.last_day(), day("2026-10-30"), "asking changes nothing");
    assert_eq!(
        withdraw(&mut lease, Side::Landlord, "2026-10-31"),
        Err("withdrawal-during-service: l ended on 2026-10-30; a new lease takes the place of one that is over".into())
    );
    // Until the end of the last day of service.
    assert_eq!(withdraw(&mut lease, Side::Landlord, "2026-10-30"), Ok(Withdrawal::Agreed));
    assert_eq!(lease, first());
    assert_eq!(
        withdraw(&mut lease, Side::Landlord, "2026-10-30"),
        Err("notice-to-withdraw: l is not under notice".into())
    );
    // Another notice is another matter: nobody asks to withdraw it yet.
    lease.give_notice(Side::Tenant, day("2026-10-30")).expect("it may again");
    assert!(withdraw(&mut lease, Side::Landlord, "2026-10-30").is_err());
}

#[test]
fn the_first_day_for_notice_is_looked_for_through_all_versions() {
    let from = |lease: &Lease, side, as_of| {
        lease.first_notice_day(side, day(as_of)).map(|d| d.to_string())
    };
    let lease = first();
    assert_eq!(from(&lease, Side::Tenant, "2026-05-01").as_deref(), Some("2026-08-01"));
    assert_eq!(from(&lease, Side::Tenant, "2026-09-15").as_deref(), Some("2026-09-15"));
    assert_eq!(from(&lease, Side::Tenant, "2027-05-01"), None, "the term is over");
    assert_eq!(from(&lease, Side::Landlord, "2026-05-01"), None);
    // From October on either side may, and the tenant's lock-in ends only in December.
    let mut amended = lease;
    let changes =
        [("\"tenant\"", "\"either\""), ("not_before = 2026-08-01", "not_before = 2026-12-01")];
    amended.amend(version(2, "2026-10-01", &changes)).expect("it follows");
    assert_eq!(from(&amended, Side::Landlord, "2026-05-01").as_deref(), Some("2026-12-01"));
    assert_eq!(from(&amended, Side::Tenant, "2026-05-01").as_deref(), Some("2026-08-01"));
    assert_eq!(from(&amended, Side::Tenant, "2026-10-01").as_deref(), Some("2026-12-01"));
    let noticed =
        amended.if_noticed(Side::Landlord, day("2026-05-01")).expect("it may in December");
    assert_eq!(noticed.last_day(), day("2027-03-01"));
    // A right that a later version gives begins with that version.
    let mut later = first();
    later.amend(version(2, "2026-10-01", &[("\"tenant\"", "\"either\"")])).expect("it follows");
    assert_eq!(from(&later, Side::Landlord, "2026-05-01").as_deref(), Some("2026-10-01"));
}

#[test]
fn a_lock_in_past_the_end_is_no_right_at_all() {
    let mut text = FIRST.replace("not_before = 2026-08-01", "not_before = 2027-05-01");
    let lease = Lease::new(vec![terms(&text)]).expect("one version");
    assert_eq!(lease.first_notice_day(Side::Tenant, day("2026-05-01")), None);
    // Without a lock-in, from signature on: here before the term even starts.
    text = FIRST
        .replace("not_before = 2026-08-01\n", "")
        .replace("start = 2026-05-01", "start = 2026-12-01");
    let lease = Lease::new(vec![terms(&text)]).expect("one version");
    assert_eq!(lease.first_notice_day(Side::Tenant, day("2026-01-01")), Some(day("2026-04-10")));
    let mut never = lease;
    assert_eq!(never.give_notice(Side::Tenant, day("2026-04-10")), Ok(day("2026-07-09")));
    assert!(never.grants().is_empty() && never.fee_periods().is_empty());
    assert_eq!(never.fixed_between(day("2026-01-01"), day("2027-12-31")).minor(), 0);
}

#[test]
fn amendments_follow_on_each_other_and_keep_what_a_lease_is() {
    let refusal = |terms: Terms| first().amend(terms).expect_err("it does not follow").to_string();
    assert_eq!(
        refusal(version(3, "2026-06-01", &[])),
        "version-follows: l version 3 cannot follow on version 1; version 2 is next"
    );
    assert_eq!(
        refusal(version(2, "2026-05-01", &[])),
        "amendment-in-order: l version 2 takes effect on 2026-05-01, not after 2026-05-01, when version 1 does"
    );
    let kept = [
        ("id = \"l\"", "id = \"m\"", "name"),
        ("site = \"s\"", "site = \"t\"", "site"),
        ("\"xai\"", "\"y\"", "landlord"),
        ("\"anthropic\"", "\"y\"", "tenant"),
        ("America/Chicago", "UTC", "time zone"),
        ("start = 2026-05-01", "start = 2026-05-02", "first day of service"),
        ("\"USD\"", "\"EUR\"", "currency"),
    ];
    for (from, to, what) in kept {
        let refused = first().amend(version(2, "2026-06-01", &[(from, to)]));
        assert!(
            matches!(refused, Err(AmendRefusal::Changes { what: found, .. }) if found == what),
            "{what}"
        );
    }
    let longer = [("end = 2027-04-30", "end = 2028-04-30")];
    assert_eq!(
        refusal(version(2, "2027-05-02", &longer)),
        "amendment-during-term: l version 2 takes effect on 2027-05-02, more than a day after service ends on 2027-04-30"
    );
    let mut extended = first();
    extended.amend(version(2, "2027-05-01", &longer)).expect("it touches the first term");
    assert_eq!(extended.last_day(), day("2028-04-30"));
    assert_eq!(extended.fee_periods().len(), 24);
    let mut noticed = first();
    noticed.give_notice(Side::Tenant, day("2026-08-01")).expect("it may");
    assert_eq!(
        noticed.amend(version(2, "2026-09-01", &[])).expect_err("it ends").to_string(),
        "amendment-without-notice: l is under notice; withdraw the notice first"
    );
    assert!(matches!(Lease::new(Vec::new()), Err(AmendRefusal::NoVersion)));
    let late = Lease::new(vec![version(2, "2026-06-01", &[])]);
    assert!(matches!(late, Err(AmendRefusal::VersionGap { last: 0, found: 2, .. })));
}

#[test]
fn an_amendment_inside_a_month_splits_it_and_the_month_still_adds_up() {
    let mut lease = first();
    let dearer = [("fixed = \"3100.00\"", "fixed = \"6200.00\""), ("8 rack", "16 rack")];
    // In any order: versions are sorted.
    lease.amend(version(2, "2026-05-11", &dearer)).expect("it follows");
    let periods: Vec<String> = lease.fee_periods()[..3]
        .iter()
        .map(|p| {
            format!(
                "{} {} {}/{} v{} {}",
                p.start, p.end, p.days, p.days_in_month, p.version, p.amount
            )
        })
        .collect();
    assert_eq!(
        periods,
        [
            "2026-05-01 2026-05-10 10/31 v1 1000.00",
            "2026-05-11 2026-05-31 21/31 v2 4200.00",
            "2026-06-01 2026-06-30 30/30 v2 6200.00",
        ]
    );
    let again = Lease::new(vec![version(2, "2026-05-11", &dearer), terms(FIRST)]);
    assert_eq!(again, Ok(lease.clone()));
    assert_eq!(lease.monthly_fee_on(day("2026-05-10")).to_string(), "3100.00");
    assert_eq!(lease.monthly_fee_on(day("2026-05-11")).to_string(), "6200.00");
    assert_eq!(lease.monthly_fee_on(day("2026-04-30")).to_string(), "0.00");
}
