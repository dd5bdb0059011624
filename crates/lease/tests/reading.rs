//! What a lease file says, what is told of a broken one, and which rules hold between its parts.

use leasehold_diagnostics::{Problem, Source, render};
use leasehold_lease::{
    Amount, Curtail, IdleUse, Isolation, Meter, MeteringPoint, NoticeBy, ServiceCredit, Terms,
};
use leasehold_units::{PowerBasis, Ratio, Seconds, Shape, Watts};
use proptest::prelude::*;

/// Every table and key that a lease file may have. The two keys behind the last credit are in its
/// table for TOML, and meant for the service.
const SOUND: &str = r#"
id = "colossus-1-anthropic"
site = "colossus-1"
landlord = "xai"
tenant = "anthropic"
signed = 2026-05-03
time_zone = "America/Chicago"
source = "free text: the words that the terms below encode"

[term]
start = 2026-05-01
end = 2029-05-31

[notice]
by = "either"
days = 90
not_before = 2026-05-01

[capacity]
amount = "all"
basis = "facility contracted"
sku = ["hgx-h100"]
shape = "rack"
isolation = "node"

[[capacity.ramp]]
from = 2026-05-01
amount = "150 MW"
fee = "50%"
[[capacity.ramp]]
from = 2026-07-01
amount = "all"
fee = "100%"

[delivery]
due = 2026-09-30
grace_days = 30
remedy = "pro-rata"

[fee]
currency = "USD"
fixed = "1250000000.00"
proration = "actual"
invoice = "advance"
due_days = 30

[[fee.usage]]
meter = "energy"
price = "0.062"

[service]
idle_use = "landlord"
reclaim_within = "10 min"
availability = "99.5%"
[[service.credit]]
below = "99.5%"
credit = "5%"
[[service.credit]]
below = "98%"
credit = "20%"
reclaim_miss_credit = "1000.00"
curtail = { order = 2, depth = "25%" }
"#;

fn parse(text: &str) -> Result<Terms, Vec<Problem>> {
    Terms::parse(&Source::new("lease.toml", text))
}

fn sound(text: &str) -> Terms {
    parse(text).unwrap_or_else(|problems| {
        panic!("{}", render(&Source::new("lease.toml", text), &problems, false))
    })
}

/// The sound file with `from` replaced by `to`.
fn changed(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from}");
    SOUND.replacen(from, to, 1)
}

/// The rules that the sound file breaks with `from` replaced by `to`.
fn rules(from: &str, to: &str) -> Vec<&'static str> {
    parse(&changed(from, to)).map_or_else(
        |problems| problems.iter().map(|problem| problem.rule).collect(),
        |_| Vec::new(),
    )
}

#[test]
fn a_sound_file_is_read_to_the_last_field() {
    let terms = sound(SOUND);
    assert_eq!((terms.version, terms.effective), (1, terms.start));
    assert_eq!(terms.signed.to_string(), "2026-05-03");
    assert_eq!(terms.notice.as_ref().map(|n| (n.by, n.days)), Some((NoticeBy::Either, 90)));
    let capacity = &terms.capacity;
    assert_eq!((capacity.amount, capacity.shape), (Amount::All, Shape::Rack));
    assert_eq!(capacity.isolation, Isolation::Node);
    let basis = capacity.basis.expect("it is given");
    assert_eq!((basis.point, basis.power), (MeteringPoint::Facility, PowerBasis::Contracted));
    assert_eq!(capacity.ramp[0].amount, Amount::Power(Watts::new(150_000_000)));
    assert_eq!(capacity.ramp[0].fee, Ratio::new(1, 2));
    assert_eq!(terms.fee.fixed.minor(), 125_000_000_000);
    assert_eq!(terms.fee.usage[0].meter, Meter::Energy);
    assert_eq!(terms.fee.usage[0].price, Ratio::new(31, 500));
    let service = &terms.service;
    assert_eq!(service.idle_use, IdleUse::Landlord);
    assert_eq!(service.reclaim_within, Some(Seconds::new(600)));
    let step = |below, credit| ServiceCredit { below, credit };
    let deep = step(Ratio::new(98, 100), Ratio::new(1, 5));
    assert_eq!(service.credits, [step(Ratio::new(199, 200), Ratio::new(1, 20)), deep]);
    assert_eq!(service.reclaim_miss_credit.map(|credit| credit.minor()), Some(100_000));
    assert_eq!(service.curtail, Some(Curtail { order: 2, depth: Ratio::new(1, 4) }));
}

#[test]
fn keys_of_the_service_may_stand_before_or_behind_its_credits() {
    let keys = "reclaim_miss_credit = \"1000.00\"\ncurtail = { order = 2, depth = \"25%\" }\n";
    let before = changed(keys, "").replace("availability =", &format!("{keys}availability ="));
    assert_eq!(sound(&before).service, sound(SOUND).service);
    let both = SOUND.replace("availability =", &format!("{keys}availability ="));
    let problems = parse(&both).expect_err("each is given twice");
    let rules: Vec<_> = problems.iter().map(|problem| problem.rule).collect();
    assert_eq!(rules, ["duplicate-key", "duplicate-key"]);
}

#[test]
fn the_order_of_the_credits_in_the_file_does_not_matter() {
    let (shallow, deep) =
        ("below = \"99.5%\"\ncredit = \"5%\"\n", "below = \"98%\"\ncredit = \"20%\"\n");
    let turned = SOUND.replace(shallow, "@").replace(deep, shallow).replace('@', deep);
    assert_eq!(sound(&turned).service, sound(SOUND).service);
}

#[test]
fn what_is_optional_may_be_left_out() {
    let service = SOUND.find("[service]").expect("it is there");
    let terms = sound(&SOUND[..service]);
    assert_eq!((terms.service.idle_use, terms.service.reclaim_within), (IdleUse::None, None));
    assert_eq!(rules("not_before = 2026-05-01\n", ""), [""; 0]);
    assert_eq!(rules("sku = [\"hgx-h100\"]\n", ""), [""; 0]);
    assert_eq!(rules("[[fee.usage]]\nmeter = \"energy\"\nprice = \"0.062\"\n", ""), [""; 0]);
    let delivery = "[delivery]\ndue = 2026-09-30\ngrace_days = 30\nremedy = \"pro-rata\"\n";
    assert_eq!(rules(delivery, ""), [""; 0]);
    let notice = "[notice]\nby = \"either\"\ndays = 90\nnot_before = 2026-05-01\n";
    assert_eq!(sound(&changed(notice, "")).notice, None);
}

#[test]
fn amounts_are_counts_of_blocks_or_power() {
    let amount = |text: &str| {
        let ramp = SOUND.find("[[capacity.ramp]]").expect("it is there");
        let rest = SOUND.find("[delivery]").expect("it is there");
        let flat = format!("{}{}", &SOUND[..ramp], &SOUND[rest..]);
        let flat = flat.replace("amount = \"all\"", &format!("amount = {text:?}"));
        let basis = "basis = \"facility contracted\"\n";
        let flat = if text.ends_with('W') { flat } else { flat.replace(basis, "") };
        parse(&flat).map(|terms| format!("{:?}", terms.capacity.amount)).map_err(|p| p[0].rule)
    };
    assert_eq!(amount("all").as_deref(), Ok("All"));
    assert_eq!(amount("300 MW").as_deref(), Ok("Power(Watts(300000000))"));
    assert_eq!(amount("0.3GW").as_deref(), Ok("Power(Watts(300000000))"));
    assert_eq!(amount("4096 GPU").as_deref(), Ok("Gpus(Gpus(4096))"));
    assert_eq!(amount("512 node").as_deref(), Ok("Nodes(Nodes(512))"));
    assert_eq!(amount("16 rack").as_deref(), Ok("Racks(16)"));
    assert_eq!(amount("4 array").as_deref(), Ok("Arrays(4)"));
    for text in
        ["", "All", "0 GPU", "1.5 GPU", "4096", "4096 GPUs", "-1 node", "0 MW", "99999999999 GPU"]
    {
        assert_eq!(amount(text), Err("not-an-amount"), "{text}");
    }
}

#[test]
fn each_rule_of_a_lease_file_is_held() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("tenant = \"anthropic\"", "tenant = \"xai\"", &["two-parties"]),
        ("time_zone = \"America/Chicago\"", "time_zone = \"CDT\"", &["not-a-time-zone"]),
        ("signed = 2026-05-03", "signed = 2029-06-01", &["signed-in-time"]),
        ("end = 2029-05-31", "end = 2026-04-30", &["term-in-order"]),
        ("by = \"either\"", "by = \"both\"", &["not-a-choice"]),
        ("days = 90", "days = 0", &["not-a-count"]),
        ("amount = \"all\"", "amount = \"300 MW\"", &["ramp-reaches-amount"]),
        ("basis = \"facility contracted\"", "basis = \"contracted\"", &["not-a-basis"]),
        ("basis = \"facility contracted\"\n", "", &["missing-key"]),
        ("amount = \"150 MW\"", "amount = \"15 rack\"", &["basis-with-watts"]),
        ("sku = [\"hgx-h100\"]", "sku = []", &["some-sku"]),
        ("sku = [\"hgx-h100\"]", "sku = [\"a\", \"b\", \"a\"]", &["duplicate-name"]),
        ("sku = [\"hgx-h100\"]", "sku = \"hgx-h100\"", &["not-a-list"]),
        ("sku = [\"hgx-h100\"]", "sku = [\"hgx h100\"]", &["not-a-name"]),
        ("shape = \"rack\"", "shape = \"hall\"", &["not-a-choice"]),
        (
            "shape = \"rack\"\nisolation = \"node\"",
            "shape = \"node\"\nisolation = \"rack\"",
            &["isolation-in-whole-racks"],
        ),
        ("from = 2026-05-01", "from = 2026-05-02", &["ramp-starts-term"]),
        ("from = 2026-07-01", "from = 2026-05-01", &["ramp-in-order"]),
        ("from = 2026-07-01", "from = 2029-06-01", &["ramp-inside-term"]),
        ("fee = \"50%\"", "fee = \"150%\"", &["not-a-share"]),
        ("fee = \"50%\"", "fee = \"33.3333333333%\"", &["not-a-share"]),
        ("due = 2026-09-30", "due = 2029-06-01", &["delivery-inside-term"]),
        ("remedy = \"pro-rata\"", "remedy = \"prorata\"", &["not-a-choice"]),
        ("currency = \"USD\"", "currency = \"HRK\"", &["unknown-currency"]),
        ("currency = \"USD\"", "currency = \"XAU\"", &["unknown-currency"]),
        ("currency = \"USD\"", "currency = \"JPY\"", &["too-many-digits", "too-many-digits"]),
        ("fixed = \"1250000000.00\"", "fixed = \"1250000000.001\"", &["too-many-digits"]),
        ("fixed = \"1250000000.00\"", "fixed = \"1,250,000,000.00\"", &["not-an-amount"]),
        ("fixed = \"1250000000.00\"", "fixed = 1250000000.00", &["not-an-amount"]),
        ("fixed = \"1250000000.00\"\n", "", &["missing-key"]),
        ("proration = \"actual\"", "proration = \"act/365\"", &["not-a-choice"]),
        ("meter = \"energy\"", "meter = \"tokens\"", &["not-a-choice"]),
        ("price = \"0.062\"", "price = \"-0.062\"", &["not-a-decimal"]),
        ("price = \"0.062\"", "price = \"1000000.1\"", &["not-a-decimal"]),
        (
            "[service]",
            "[[fee.usage]]\nmeter = \"energy\"\nprice = \"1\"\n[service]",
            &["duplicate-meter"],
        ),
        ("reclaim_within = \"10 min\"\n", "", &["missing-key"]),
        ("availability = \"99.5%\"\n", "", &["missing-key"]),
        ("availability = \"99.5%\"", "availability = \"99%\"", &["credit-below-promise"]),
        ("below = \"98%\"", "below = \"99.5%\"", &["credit-ladder"]),
        ("credit = \"20%\"", "credit = \"5%\"", &["credit-ladder"]),
        ("credit = \"20%\"", "credit = \"4%\"", &["credit-ladder"]),
        ("order = 2", "order = 0", &["not-a-count"]),
        ("depth = \"25%\"", "depht = \"25%\"", &["missing-key", "unknown-key"]),
        ("id = ", "effective = 2026-06-01\nid = ", &["version-with-effective"]),
        ("id = ", "version = 2\nid = ", &["missing-key"]),
        ("id = ", "version = 2\neffective = 2029-06-01\nid = ", &["effective-inside-term"]),
        ("id = ", "version = 2\neffective = 2026-06-01\nid = ", &[]),
    ];
    for (from, to, expected) in cases {
        assert_eq!(rules(from, to), *expected, "{to}");
    }
}

#[test]
fn a_wrong_currency_is_the_only_thing_told_about_the_money() {
    let problems = parse(&changed("\"USD\"", "\"BGN\"")).expect_err("it is withdrawn");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].help.as_deref(), Some("EUR took its place"));
}

#[test]
fn all_problems_of_a_broken_file_are_told_at_once() {
    let source = Source::new("lease.toml", include_str!("golden/broken-lease.toml"));
    let problems = Terms::parse(&source).expect_err("it is broken");
    let told = render(&source, &problems, false);
    assert_eq!(told.trim_end(), include_str!("golden/broken-lease.txt").trim_end());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_the_reader_panic(
        noise in "[\\[\\]{}=\"'#.,0-9a-z% \\n-]{0,12}",
        cut in 0usize..SOUND.len(),
        skip in 0usize..60,
    ) {
        let after = (cut + skip).min(SOUND.len());
        let source = Source::new("lease.toml", format!("{}{noise}{}", &SOUND[..cut], &SOUND[after..]));
        match Terms::parse(&source) {
            Ok(terms) => prop_assert!(terms.start <= terms.end),
            Err(problems) => {
                let shown = render(&source, &problems, false);
                prop_assert_eq!(shown.matches("error[").count(), problems.len());
            }
        }
    }
}
