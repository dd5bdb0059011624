//! Leases and their documents.

use leasehold_units::{Day, Instant, Zone};

use super::{Server, example};

/// A lease with a fixed fee from yesterday on, so that it has a document whenever the test runs.
fn terms(id: &str, extra: &str) -> (Day, String) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now =
        Instant::from_unix(i64::try_from(since.expect("after 1970").as_secs()).expect("in range"));
    let start = Zone::utc().day_of(now).yesterday().expect("in range");
    let text = std::fs::read_to_string(example("leases/guest.toml")).expect("it is there");
    let text = text
        .replace("id = \"one-machine-guest\"", &format!("id = \"{id}\""))
        .replace("start = 2026-01-01", &format!("start = {start}"))
        .replace("amount = \"2 rack\"", "amount = \"1 rack\"")
        .replace("\"0.00\"", "\"3000.00\"")
        .replace("invoice = \"arrears\"", &format!("invoice = \"advance\"{extra}"))
        .replace("2035-12-31", "2099-12-31");
    (start, text)
}

#[test]
fn a_lease_is_signed_amended_and_given_notice_of() {
    let server = Server::start("live-leases");
    let guest = std::fs::read_to_string(example("leases/guest.toml")).expect("it is there");
    server.folder.write("guest.toml", &guest);
    server.folder.write("later.toml", &guest.replace("\"2 rack\"", "\"1 rack\""));
    server.folder.write(
        "much.toml",
        &guest.replace("one-machine-guest", "much").replace("\"2 rack\"", "\"40 rack\""),
    );
    server.folder.write("wrong.toml", &guest.replace("days = 30", "days = 0"));
    let said = server.session(
        "lease sign wrong.toml
         lease sign much.toml
         lease sign guest.toml --dry-run
         lease sign guest.toml
         lease list
         lease amend later.toml --if-version 7
         lease show one-machine-guest
         lease notice one-machine-guest --by tenant
         lease notice nobodys
         lease terminate one-machine-guest
         invoice issue -o csv
         invoice list",
    );
    insta::assert_snapshot!(said.replace(&next_month(), "NEXT-MONTH"), @"");
    let given = server.folder.stdout("lease notice one-machine-guest -o json");
    assert!(given.contains("\"lease\": \"one-machine-guest\""), "{given}");
    let seen = server.folder.stdout("lease list -o csv");
    assert!(seen.contains(",landlord,"), "{seen}");
    assert_eq!(server.folder.stdout("lease show one-machine-guest --terms"), guest);
}

fn next_month() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now =
        Instant::from_unix(i64::try_from(since.expect("after 1970").as_secs()).expect("in range"));
    leasehold_units::Month::of(Zone::utc().day_of(now)).next().first_day().to_string()
}

#[test]
fn a_document_is_disputed_resolved_and_paid() {
    let server = Server::start("live-money");
    let (_, text) = terms("fixed", "");
    server.folder.write("fixed.toml", &text);
    let refused = server.folder.run("lease sign fixed.toml");
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("--backdated"), "{refused}");
    server.folder.stdout("lease sign fixed.toml --backdated");
    server.folder.stdout("token create Ann --role party_admin --party guest --save-as guest");
    server.folder.stdout("--context operator token create Fin --role finance --save-as finance");
    let listed = server.folder.stdout("invoice list -o json");
    let documents: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let document = &documents["documents"][0];
    let (number, total) =
        (document["document"].as_str().expect("text"), document["total"].as_str().expect("text"));
    assert_eq!(document["state"], "issued");
    let day = document["issued"].as_str().expect("text");
    let state = || {
        let listed = server.folder.stdout("invoice list -o csv");
        let row = listed.lines().find(|row| row.starts_with(number)).map(str::to_owned);
        row.expect("it is listed").rsplit(',').next().expect("a state").to_owned()
    };
    server
        .folder
        .stdout(&format!("--context guest invoice dispute {number} --amount 1.00 --id doubt"));
    assert_eq!(state(), "disputed");
    let said = server.session(&format!(
        "--context guest invoice resolve {number} doubt --favour tenant
         invoice resolve {number} doubt --favour landlord
         invoice pay {number} --amount {total} --id bank-1 --day {day} --dry-run
         invoice pay {number} --amount {total} --id bank-1 --day {day}
         invoice pay none --amount 1.00 --id bank-2 --day {day}
         invoice credit {number} --reason mistake --line 0=1.00"
    ));
    assert_eq!(state(), "paid");
    let said = said.replace(number, "NUMBER").replace(total, "TOTAL").replace(day, "DAY");
    insta::assert_snapshot!(said, @"");
    server.folder.stdout(&format!("invoice get {number} --out document.json"));
    let shown = server.folder.stdout(&format!("invoice show {number}"));
    assert_eq!(shown, server.folder.stdout("invoice show document.json"));
    assert!(shown.contains(number), "{shown}");
}
