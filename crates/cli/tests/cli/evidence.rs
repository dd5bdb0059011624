//! A tenant of a live site derives its bills again, from what the server gives it and nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use leasehold_fixtures::{File, lease_file, site_file};
use serde_json::Value;

use crate::demo::Server;
use crate::run::Folder;

/// Nothing takes longer than this, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

const SCENARIO: &str = r#"
site = "site.toml"
leases = ["lease-renter.toml", "lease-rival.toml"]
from = 2026-03-05
until = 2026-06-16
seed = 5
[[workload]]
party = "renter"
profile = "frontier"
jobs_per_day = 30
size_max = "64 GPU"
vacate = "2 min"
[[workload]]
party = "rival"
profile = "frontier"
jobs_per_day = 20
size_max = "32 GPU"
vacate = "1 min"
[[workload]]
party = "owner"
profile = "frontier"
jobs_per_day = 30
size_max = "64 GPU"
vacate = "1 min"
checkpoint = "30 min"
[[payer]]
party = "renter"
days = 12
[faults]
node_mtbf = "2000 h"
repair = "8 h"
"#;

fn lease(tenant: &str) -> File {
    lease_file(tenant)
        .set("id", format_args!("'of-{tenant}'"))
        .set("term.end", "2026-08-31")
        .set("notice.days", 30)
}

/// A server on which two month ends have passed, its tenants logged in.
fn site(folder: &Folder) -> Server {
    folder.write("site.toml", &site_file(3, 2, 4)).write("scenario.toml", SCENARIO);
    for tenant in ["renter", "rival"] {
        folder.write(&format!("lease-{tenant}.toml"), &lease(tenant));
    }
    let server =
        Server::start(folder, "scenario.toml", &["--clock", "5d/s", "--database", "site.db"]);
    for who in ["renter", "rival", "owner"] {
        let login = format!("login http://{} --context {who}", server.address);
        folder.stdout(&format!("{login} --token-file data/party-{who}.token"));
    }
    let began = Instant::now();
    while documents(folder).len() < 4 {
        assert!(began.elapsed() < PATIENCE, "{:?}", documents(folder));
    }
    server
}

/// The documents that the tenant can see.
fn documents(folder: &Folder) -> Vec<String> {
    let listed = folder.stdout("--context renter invoice list -o json");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let documents = listed["documents"].as_array().expect("a list").iter();
    documents.map(|document| document["document"].as_str().expect("text").to_owned()).collect()
}

fn verify(folder: &Folder, document: &str) -> String {
    folder.outcome(&format!(
        "invoice verify evidence/documents/{document} --key evidence/owner.public.pem --evidence evidence -o json"
    ))
}

#[test]
fn a_tenant_verifies_its_bills_from_what_a_live_server_gives() {
    let folder = Folder::new("live-evidence");
    let server = site(&folder);
    folder.stdout("--context renter lease evidence of-renter --out evidence");
    let others = folder.outcome("--context rival lease evidence of-renter --out other");
    assert!(others.contains("no lease named"), "{others}");
    assert!(!folder.path("other").exists(), "nothing is left of what was refused");
    let again = folder.outcome("--context renter lease evidence of-renter --out evidence");
    assert!(again.contains("exists already"), "{again}");
    folder.stdout("--context renter lease evidence of-renter --out evidence --force");
    drop(server);

    let documents = names(&folder.path("evidence/documents"));
    assert!(documents.len() >= 4, "{documents:?}");
    let mut months = 0;
    for document in &documents {
        let said = verify(&folder, document);
        assert!(said.starts_with("exit 0"), "{document}: {said}");
        let said: Value = serde_json::from_str(said.split_once("stdout\n").expect("text").1)
            .unwrap_or_else(|error| panic!("{error}: {said}"));
        months = months.max(said["evidence"]["months"].as_u64().expect("a count"));
    }
    assert!(months >= 2, "documents rest on two months that are over");
    for name in names(&folder.path("evidence")) {
        if folder.path("evidence").join(&name).is_file() {
            let text = folder.read(&format!("evidence/{name}"));
            assert!(!text.contains("rival"), "{name} names another tenant");
        }
    }
    altered_evidence_is_refused(&folder, documents.last().expect("there are some"));
}

/// One byte of any file that the last document rests on.
fn altered_evidence_is_refused(folder: &Folder, last: &str) {
    for name in ["terms-1.toml", "record.jsonl", "usage-2026-03.csv", "usage-2026-04.csv"] {
        let path = folder.path("evidence").join(name);
        let whole = std::fs::read(&path).expect("it is there");
        let mut altered = whole.clone();
        let digit = altered.iter().rposition(u8::is_ascii_digit).expect("a number");
        // The record goes on after the document: what it rests on is in its first lines.
        let digit = if name == "record.jsonl" {
            altered.iter().position(u8::is_ascii_digit).expect("a number")
        } else {
            digit
        };
        altered[digit] = if altered[digit] == b'0' { b'1' } else { altered[digit] - 1 };
        std::fs::write(&path, &altered).expect("it can be written");
        let said = verify(folder, last);
        assert!(said.starts_with("exit 1"), "{name}: {said}");
        std::fs::write(&path, &whole).expect("it can be written");
    }
    assert!(verify(folder, last).starts_with("exit 0"));
}

fn names(folder: &Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
