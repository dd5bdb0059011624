//! `invoice verify`: what a tenant finds out by itself.

use insta::assert_snapshot;
use leasehold_fixtures::{File, lease_file, site_file};

use super::run::Folder;

const SCENARIO: &str = r#"site = "site.toml"
leases = ["lease.toml"]
from = 2026-05-20
until = 2026-07-10
seed = 3
[[workload]]
party = "renter"
profile = "frontier"
jobs_per_day = 20
[[workload]]
party = "owner"
profile = "frontier"
jobs_per_day = 20
[faults]
node_mtbf = "300 h"
repair = "6 h"
[[event]]
at = 2026-06-02T12:00:00-05:00
kind = "notice"
lease = "l"
by = "tenant"
"#;

fn lease() -> File {
    lease_file("renter")
        .set("term.start", "2026-05-20")
        .set("term.end", "2026-12-31")
        .set("notice.days", 30)
        .set("capacity.amount", "'3 rack'")
        .set("service.availability", "'99.9%'")
        .without("service.reclaim_miss_credit")
        .without("service.curtail")
        .set("service.credit.below", "'99.9%'")
}

/// Seven weeks of a small lease that is given notice, played.
fn played(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder
        .write("site.toml", &site_file(3, 2, 4))
        .write("lease.toml", &lease())
        .write("scenario.toml", SCENARIO);
    folder.stdout("simulate scenario.toml --out out --quiet");
    folder
}

/// `text` without the digests, whole or begun, which change with everything that a run does.
fn plain(text: &str) -> String {
    let is_digest =
        |word: &&str| [12, 64].contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(is_digest).fold(text.to_owned(), |text, digest| text.replace(digest, "…"))
}

const VERIFY: &str = "invoice verify out/invoices/owner-2026-000003.json \
                      --key out/owner.public.pem --evidence out/evidence/l";

#[test]
fn every_invoice_of_a_run_is_derived_again_by_its_tenant() {
    let folder = played("invoice-verify");
    assert_snapshot!(plain(&folder.stdout(VERIFY)), @r#"
    owner-2026-000003, issued 2026-07-01 by owner to renter for l: USD 24,234.87
    seal: it is what … sealed
    amounts: 2 lines follow from their formulas, and they add up to the total
    evidence: derived again from 1 version of the terms, 76 facts and 1,136 service intervals in 2 months, after 2 documents issued before it
    "#);
    for number in ["000001", "000002"] {
        folder.stdout(&VERIFY.replace("000003", number));
    }
}

#[test]
fn what_was_altered_is_told() {
    let folder = played("invoice-altered");
    let path = "out/invoices/owner-2026-000003.json";
    let text = folder.read(path);
    let told = |altered: &str| {
        folder.write(path, altered);
        folder.outcome(
            "invoice verify out/invoices/owner-2026-000003.json --key out/owner.public.pem",
        )
    };
    assert_snapshot!(told(&text.replacen("\"total\": \"", "\"total\": \"1", 1)), @r#"
    exit 1
    --- stderr
    error: out/invoices/owner-2026-000003.json: the seal does not fit the document: one of them was altered
    hint: do not pay it: ask the landlord for the document as it was issued
    "#);
    assert_snapshot!(told(&text.replacen("  ", " ", 1)), @r#"
    exit 1
    --- stderr
    error: out/invoices/owner-2026-000003.json: the text is not the one that its document has: it was altered, if only in its blanks
    hint: ask for the document as it was issued
    "#);
    assert_snapshot!(told(&text[..text.len() / 2]), @r#"
    exit 1
    --- stderr
    error: out/invoices/owner-2026-000003.json: not an invoice of the form leasehold-invoice/1: EOF while parsing a value at line 46 column 1
    hint: ask for the document as it was issued
    "#);
}

#[test]
fn evidence_that_is_not_the_one_billed_from_is_told() {
    let folder = played("invoice-evidence");
    let usage = folder.read("out/evidence/l/usage-2026-06.csv");
    folder.write("out/evidence/l/usage-2026-06.csv", &usage.replacen(",used", ",idle", 1));
    assert_snapshot!(plain(&folder.outcome(VERIFY)), @r#"
    exit 1
    --- stderr
    error: owner-2026-000003: the service intervals of 2026-06 are not those that the document rests on: 771 of them with SHA-256 …, expected 771 with …
    "#);
    std::fs::remove_file(folder.path("out/evidence/l/usage-2026-06.csv")).expect("it is there");
    assert_snapshot!(plain(&folder.outcome(VERIFY)), @r#"
    exit 1
    --- stderr
    error: out/evidence/l/usage-2026-06.csv does not exist
    hint: check the spelling; paths are relative to where you are
    "#);
    folder.write("out/evidence/l/usage-2026-06.csv", &usage);
    let terms = folder.read("out/evidence/l/terms-1.toml");
    folder.write("out/evidence/l/terms-1.toml", &terms.replace("0.062", "0.061"));
    assert_snapshot!(plain(&folder.outcome(VERIFY)), @r#"
    exit 1
    --- stderr
    error: out/evidence/l/documents/owner-2026-000001.json: version 1 of the terms is not at hand as it was signed: expected a file with SHA-256 …
    "#);
}

#[test]
fn a_key_is_made_once_and_kept_from_others() {
    let folder = played("invoice-key");
    let made = folder.outcome("simulate scenario.toml --out two --key owner.pem --quiet -o json");
    assert!(made.starts_with("exit 0"), "{made}");
    let secret = folder.read("owner.pem");
    assert!(!made.contains(secret.lines().nth(1).expect("a key has lines")), "it is not printed");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path("owner.pem")).expect("it is there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    folder.stdout("simulate scenario.toml --out three --key owner.pem --quiet");
    assert_eq!(folder.read("two/owner.public.pem"), folder.read("three/owner.public.pem"));
    let invoice = "two/invoices/owner-2026-000001.json";
    folder.stdout(&format!("invoice verify {invoice} --key three/owner.public.pem"));
    let other = folder.outcome(&format!("invoice verify {invoice} --key out/owner.public.pem"));
    assert!(other.starts_with("exit 1") && other.contains("was sealed with the key"), "{other}");
}

/// What a lease may ask for beside its months.
const ALL_TERMS: &str = r#"[fee.minimum]
amount = "320000.00"
per = "month"
[[fee.prepayment]]
due = 2026-05-25
amount = "250000.00"
draw = "50%"
[fee.deposit]
amount = "100000.00"
due = 2026-05-20
return_days = 14
[fee.late_interest]
rate = "8%"
day_count = "actual/360"
grace_days = 5
[[fee.tax]]
name = "Texas sales tax"
rate = "8.25%"
mode = "exclusive"
on = ["usage"]
"#;

/// Every document of the run in `folder`, after it was derived again.
fn told(folder: &Folder) -> String {
    let invoices = std::fs::read_dir(folder.path("out/invoices")).expect("the run left documents");
    let mut names: Vec<String> = invoices
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut told = String::new();
    for name in names {
        folder.stdout(&VERIFY.replace("owner-2026-000003.json", &name));
        let text = folder.read(&format!("out/invoices/{name}"));
        let invoice: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let text = |key: &str| invoice[key].as_str().unwrap_or_default();
        told += &format!("{} of {}\n", text("number"), text("issued"));
        for line in invoice["lines"].as_array().expect("lines") {
            let text = |key: &str| line[key].as_str().unwrap_or_default();
            let (amount, kind, what) = (text("amount"), text("kind"), text("description"));
            told += &format!("{amount:>14}  {kind}: {what}\n");
        }
        told += &format!("{:>14}  in all\n", text("total"));
    }
    told
}

#[test]
fn a_lease_with_every_term_is_billed_and_derived_again() {
    let folder = Folder::new("invoice-every-term");
    folder.write("site.toml", &site_file(3, 2, 4)).write("lease.toml", &lease().and(ALL_TERMS));
    let payer = "[[payer]]\nparty = \"renter\"\ndays = 41\n[[event]]\n";
    let scenario = SCENARIO.replacen("[[event]]\n", payer, 1);
    folder
        .write("scenario.toml", &scenario.replacen("until = 2026-07-10", "until = 2026-08-05", 1));
    folder.stdout("simulate scenario.toml --out out --quiet");
    assert_snapshot!(told(&folder), @r#"
    owner-2026-000001 of 2026-05-20
         120000.00  fixed: Fixed fee, 20 to 31 May 2026, 12 of 31 days
         100000.00  deposit: Deposit
         220000.00  in all
    owner-2026-000002 of 2026-05-25
         250000.00  prepayment: Prepayment due 2026-05-25
         250000.00  in all
    owner-2026-000003 of 2026-06-01
           1573.59  usage: Energy, 20 to 31 May 2026: 25380.502 kWh at 0.062 USD per kWh
         310000.00  fixed: Fixed fee, June 2026
            129.82  tax: Texas sales tax, 8.25% of 1573.59
        -155851.70  draw_down: Drawn from the prepayment of 2026-05-25
         155851.71  in all
    owner-2026-000004 of 2026-06-20
           2093.08  minimum: Minimum of 320000.00 for 2026-05-20 to 2026-06-19: 317906.92 charged
            172.68  tax: Texas sales tax, 8.25% of 2093.08
          -1132.88  draw_down: Drawn from the prepayment of 2026-05-25
           1132.88  in all
    owner-2026-000005 of 2026-07-01
           4234.87  usage: Energy, June 2026: 68304.317 kWh at 0.062 USD per kWh
          20000.00  fixed: Fixed fee, 1 to 2 July 2026, 2 of 31 days
            537.78  late_interest: Interest on owner-2026-000001, due 2026-06-19, at 8% a year
            388.89  late_interest: Interest on owner-2026-000002, due 2026-06-24, at 8% a year
            349.38  tax: Texas sales tax, 8.25% of 4234.87
         -12755.46  draw_down: Drawn from the prepayment of 2026-05-25
          12755.46  in all
    owner-2026-000006 of 2026-07-03
            288.97  usage: Energy, 1 to 2 July 2026: 4660.822 kWh at 0.062 USD per kWh
            476.16  minimum: Minimum of 138666.67 for 2026-06-20 to 2026-07-02, 13 of 30 days: 138190.51 charged
            111.11  late_interest: Interest on owner-2026-000002, due 2026-06-24, at 8% a year
             63.12  tax: Texas sales tax, 8.25% of 765.13
           -469.68  draw_down: Drawn from the prepayment of 2026-05-25
         -79790.28  prepayment: What is left of the prepayment of 2026-05-25, given back
         -79320.60  in all
    owner-2026-000007 of 2026-07-16
             75.86  late_interest: Interest on owner-2026-000002, due 2026-06-24, at 8% a year
            380.97  late_interest: Interest on owner-2026-000003, due 2026-07-01, at 8% a year
        -100000.00  deposit: Deposit, given back
         -99543.17  in all
    "#);
}

const SHOW: &str = "invoice show out/invoices/owner-2026-000003.json";

#[test]
fn an_invoice_is_rendered_without_a_key() {
    let folder = played("invoice-show");
    assert_snapshot!(plain(&folder.stdout(SHOW)), @r#"
    Invoice owner-2026-000003
    To pay: USD 24,234.87 by 2026-07-31

    From      owner
    To        renter
    Lease     l
    Issued    2026-07-01
    Due       2026-07-31
    Currency  USD

                                                                                         USD
    ────────────────────────────────────────────────────────────────────────────────────────
    Service of June 2026
     1  Energy, June 2026: 68,304.317 kWh at 0.062 USD per kWh                      4,234.87
          round(watt_seconds / 3600000 × price)
          = round(245,895,541,500 / 3,600,000 × 0.062) = 4,234.87
          watt_seconds 245,895,541,500, that is 68,304.317 kWh
          For 2026-06-01 to 2026-06-30; terms version 1; 771 service intervals of 2026-06,
          SHA-256 ……

    Service of July 2026
     2  Fixed fee, 1 to 2 July 2026, 2 of 31 days                                  20,000.00
          round(fixed × fee × days / days_in_month)
          = round(310,000.00 × 100% × 2 / 31) = 20,000.00
          For 2026-07-01 to 2026-07-02; terms version 1

    ────────────────────────────────────────────────────────────────────────────────────────
        Total to pay                                                               24,234.87
    ════════════════════════════════════════════════════════════════════════════════════════

    Rests on
        Terms, version 1               SHA-256 ……
        Record of the lease, 76 facts  SHA-256 ……
        Evidence                       771 service intervals of 2026-06, SHA-256 ……

    The JSON is the document; this is a rendering of it. Where they differ, the JSON counts.
        Document     owner-2026-000003.json, SHA-256 ……
        Sealed with  Ed25519 key …
        Seal         not checked when this was rendered
        To verify    leasehold invoice verify owner-2026-000003.json --key owner.public.pem --evidence evidence/l
    "#);
    let checked = folder.stdout(&format!("{SHOW} --key out/owner.public.pem"));
    assert!(
        checked.contains("checked when this was rendered: the document is what this key sealed")
    );
    folder.stdout(&format!("{SHOW} --format html --out page.html --quiet"));
    assert!(folder.read("page.html").contains("24,234.87"));
    assert_eq!(folder.stdout(&format!("{SHOW} --format html --out -")), folder.read("page.html"));
    let printed = folder.run(&format!("{SHOW} --format pdf --paper letter --out -"));
    assert!(printed.status.success() && printed.stdout.starts_with(b"%PDF"));
}

#[test]
fn what_cannot_be_rendered_is_told() {
    let folder = played("invoice-show-not");
    let outcome = folder.outcome(&format!("{SHOW} --format pdf"));
    assert!(outcome.starts_with("exit 2") && outcome.contains("--out <FILE>"), "{outcome}");
    folder.write("page.html", "mine");
    assert_snapshot!(folder.outcome(&format!("{SHOW} --format html --out page.html")), @r#"
    exit 1
    --- stderr
    error: page.html exists already
    hint: choose another name, or say `--force` to replace it
    "#);
    folder.stdout(&format!("{SHOW} --format html --out page.html --force"));
    folder.stdout("simulate scenario.toml --out two --key other.pem --quiet");
    let other = folder.outcome(&format!("{SHOW} --key two/owner.public.pem"));
    assert!(other.starts_with("exit 1") && other.contains("was sealed with the key"), "{other}");
    let path = "out/invoices/owner-2026-000003.json";
    let text = folder.read(path);
    folder.write(path, &text.replacen("\"total\": \"", "\"total\": \"1", 1));
    assert_snapshot!(folder.outcome(SHOW), @r#"
    exit 1
    --- stderr
    error: out/invoices/owner-2026-000003.json: the total is 124234.87, and the lines add up to 24234.87
    "#);
}
