//! `invoice verify`: what a tenant finds out by itself.

use insta::assert_snapshot;

use super::run::Folder;

const SITE: &str = r#"id = "s"
landlord = "owner"
time_zone = "America/Chicago"
pue = "1.2"
[[sku]]
id = "k"
gpu = "G"
gpus_per_node = 8
node_power = { nameplate = "10 kW", contracted = "8 kW", measured = "7 kW", idle = "1 kW" }
turnover = "90 s"
[[pool]]
id = "p"
sku = "k"
hall = "h"
arrays = 3
racks_per_array = 2
nodes_per_rack = 4
in_service = 2026-01-01
[[power]]
from = 2026-01-01
limit = "240 kW"
"#;

const LEASE: &str = r#"id = "l"
site = "s"
landlord = "owner"
tenant = "renter"
signed = 2026-01-02
time_zone = "America/Chicago"
[term]
start = 2026-05-20
end = 2026-12-31
[notice]
by = "either"
days = 30
[capacity]
amount = "3 rack"
shape = "rack"
[fee]
currency = "USD"
fixed = "310000.00"
proration = "actual"
invoice = "advance"
due_days = 30
[[fee.usage]]
meter = "energy"
price = "0.062"
[service]
idle_use = "landlord"
reclaim_within = "10 min"
availability = "99.9%"
[[service.credit]]
below = "99.9%"
credit = "5%"
"#;

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

/// Seven weeks of a small lease that is given notice, played.
fn played(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("site.toml", SITE).write("lease.toml", LEASE).write("scenario.toml", SCENARIO);
    folder.stdout("simulate scenario.toml --out out --quiet");
    folder
}

/// `text` without the digests, which change with everything that a run does.
fn plain(text: &str) -> String {
    let is_digest = |word: &&str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
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
