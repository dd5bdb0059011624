//! Leases and their documents.

use super::{Server, example, today};

/// A lease with a fixed fee from yesterday on, so that it has a document whenever the test runs.
fn terms() -> String {
    let start = today().yesterday().expect("in range");
    let text = std::fs::read_to_string(example("leases/guest.toml")).expect("it is there");
    text.replace("id = \"one-machine-guest\"", "id = \"fixed\"")
        .replace("start = 2026-01-01", &format!("start = {start}"))
        .replace("amount = \"2 rack\"", "amount = \"1 rack\"")
        .replace("\"0.00\"", "\"3000.00\"")
        .replace("invoice = \"arrears\"", "invoice = \"advance\"")
        .replace("2035-12-31", "2099-12-31")
}

#[test]
fn terms_that_are_wrong_or_too_large_are_refused() {
    let server = Server::start("live-refused");
    let guest = std::fs::read_to_string(example("leases/guest.toml")).expect("it is there");
    server.folder.write(
        "much.toml",
        &guest.replace("one-machine-guest", "much").replace("\"2 rack\"", "\"40 rack\""),
    );
    server.folder.write("wrong.toml", &guest.replace("days = 30", "days = 0"));
    let said = server.session(
        "lease sign wrong.toml
         lease sign much.toml",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold lease sign wrong.toml
    error[not-a-count]: `days` is 0
      --> terms.toml:16:8
       |
    16 | days = 0
       |        ^ expected a whole number from 1 to 3660
    error: mend every place that is named; `leasehold check` tells the same without a server
    exit 1
    $ leasehold lease sign much.toml
    error: much cannot be carried from 2026-01-01 to 2035-12-31: 36 rack in whole racks are not left; what would fit: 4 rack from 2026-01-01 to 2035-12-31 (128 GPU, 16 node, 161280 W)
    hint: look at what can be sold with `leasehold calendar`
    exit 1
    "#);
}

#[test]
fn a_lease_is_signed_amended_and_given_notice_of() {
    let server = Server::start("live-leases");
    let guest = std::fs::read_to_string(example("leases/guest.toml")).expect("it is there");
    server.folder.write("guest.toml", &guest);
    server.folder.write("later.toml", &guest.replace("\"2 rack\"", "\"1 rack\""));
    let said = server.session(
        "lease sign guest.toml --dry-run
         lease sign guest.toml
         lease list
         lease amend later.toml --if-version 7
         lease show one-machine-guest
         lease notice one-machine-guest --by tenant
         lease notice nobodys
         lease terminate one-machine-guest
         invoice issue -o csv",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold lease sign guest.toml --dry-run
    nothing was done; this would be: one-machine-guest: signed, version 1, last day 2035-12-31
      nodes that change hands: 8
    $ leasehold lease sign guest.toml
    one-machine-guest: signed, version 1, last day 2035-12-31
    $ leasehold lease list
    lease              tenant  start       last day    GPUs  nodes  next document  notice by
    ────────────────────────────────────────────────────────────────────────────────────────
    one-machine-guest  guest   2026-01-01  2035-12-31    64      8  NEXT-MONTH
    $ leasehold lease amend later.toml --if-version 7
    error: one-machine-guest is at version 1 by now
    hint: read the lease again, and amend what is there
    exit 1
    $ leasehold lease show one-machine-guest
    lease          one-machine-guest
    tenant         guest
    start          2026-01-01
    last day       2035-12-31
    GPUs           64
    nodes          8
    next document  NEXT-MONTH
    version        1

    from        until       GPUs  nodes
    ───────────────────────────────────
    2026-01-01  2035-12-31    64      8
    $ leasehold lease notice one-machine-guest --by tenant
    error: this token acts for the landlord
    hint: leave `by` out, or use a token of the other side
    exit 1
    $ leasehold lease notice nobodys
    error: there is no lease named "nobodys" that this token may see
    hint: Check the name; the list route shows what there is.
    exit 1
    $ leasehold lease terminate one-machine-guest
    error: the role operator does not have the right elect_remedy
    hint: Ask somebody in a role that has it; docs/rights.md says which.
    exit 1
    $ leasehold invoice issue -o csv
    lease,tenant,next_document
    one-machine-guest,guest,NEXT-MONTH
    documents are issued by themselves at the start of their day; nothing is to be done
    "#);
    let given = server.folder.stdout("lease notice one-machine-guest -o json");
    assert!(given.contains("\"lease\": \"one-machine-guest\""), "{given}");
    let seen = server.folder.stdout("lease list -o csv");
    assert!(seen.contains(",landlord,"), "{seen}");
    assert_eq!(server.folder.stdout("lease show one-machine-guest --terms"), guest);
}

/// Terms change, and a notice is taken back by both sides.
#[test]
fn a_lease_is_amended_and_a_notice_withdrawn() {
    let server = Server::with_guest("live-amended");
    let guest = std::fs::read_to_string(example("leases/guest.toml")).expect("it is there");
    let later = leasehold_units::Month::of(today()).next().next().first_day();
    let amended = guest
        .replace(
            "signed = 2026-01-01",
            &format!("signed = {}\nversion = 2\neffective = {later}", today()),
        )
        .replace("\"2 rack\"", "\"1 rack\"");
    server.folder.write("amended.toml", &amended);
    server.folder.stdout("--context operator lease amend amended.toml --if-version 1");
    assert_eq!(server.folder.stdout("lease show one-machine-guest --terms"), amended);
    let steps = server.folder.stdout("lease show one-machine-guest -o json");
    let steps: serde_json::Value = serde_json::from_str(&steps).expect("JSON");
    assert_eq!(steps["version"], 2, "{steps}");
    let granted: Vec<&serde_json::Value> =
        steps["entitlement"].as_array().expect("steps").iter().map(|step| &step["gpus"]).collect();
    assert_eq!(granted, [64, 32]);

    server.folder.stdout("--context operator lease notice one-machine-guest");
    let is_noticed =
        || server.folder.stdout("--context operator lease list -o csv").contains(",landlord,");
    assert!(is_noticed());
    server.folder.stdout("--context operator lease withdraw one-machine-guest");
    assert!(is_noticed(), "it takes both");
    server.folder.stdout("--context guest lease withdraw one-machine-guest");
    assert!(!is_noticed());
}

/// A pool that is late beyond the grace leaves it to the tenant to go.
#[test]
fn a_lease_whose_pool_is_late_is_terminated_by_its_tenant() {
    let site = std::fs::read_to_string(example("site.toml")).expect("it is there");
    let late = "in_service = 2026-01-01\ndelayed = 2098-01-01";
    let server = Server::of_site("live-late", &site.replacen("in_service = 2026-01-01", late, 1));
    let start = today().yesterday().and_then(leasehold_units::Day::yesterday).expect("in range");
    let terms = terms()
        .replace(
            &format!("start = {}", today().yesterday().expect("in range")),
            &format!("start = {start}"),
        )
        .replace("signed = 2026-01-01", &format!("signed = {start}"))
        + &format!("\n[delivery]\ndue = {start}\ngrace_days = 0\nremedy = \"tenant-elects\"\n");
    server.folder.write("late.toml", &terms);
    server.folder.stdout("lease sign late.toml --backdated");
    server.folder.stdout("token create ops --role party_admin --party guest --save-as guest");
    let day = today();
    let said = server.session(
        "lease terminate fixed --dry-run
         lease terminate fixed
         lease terminate fixed",
    );
    let said = said.replace(&day.to_string(), "TODAY");
    insta::assert_snapshot!(said, @r#"
    $ leasehold lease terminate fixed --dry-run
    nothing was done; this would be: fixed: terminated, version 1, last day TODAY
      nothing else would change at once
    $ leasehold lease terminate fixed
    fixed: terminated, version 1, last day TODAY
    $ leasehold lease terminate fixed
    fixed: terminated, version 1, last day TODAY
    "#);
    let listed = server.folder.stdout("lease list -o json");
    assert!(listed.contains(&format!("\"last_day\": \"{day}\"")), "{listed}");
}

/// A wrong line is given back and issued again.
#[test]
fn a_document_is_corrected() {
    let server = Server::start("live-corrected");
    server.folder.write("fixed.toml", &terms());
    server.folder.stdout("lease sign fixed.toml --backdated");
    server.folder.stdout("token create Fin --role finance --save-as finance");
    let listed = || -> Vec<serde_json::Value> {
        let listed = server.folder.stdout("--context finance invoice list -o json");
        let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
        listed["documents"].as_array().expect("a list").clone()
    };
    let before = listed();
    let number = before.last().expect("it has a document")["document"].as_str().expect("text");
    let said = server.folder.stdout(&format!(
        "--context finance invoice credit {number} --reason mistake --line 1=1.00"
    ));
    assert!(said.contains("issued lab-"), "{said}");
    let after = listed();
    assert_eq!(after.len(), before.len() + 2, "{after:?}");
    let [replacement, credit] = &after[..2] else { panic!("{after:?}") };
    assert_eq!((&credit["kind"], &replacement["kind"]), (&"credit_note".into(), &"invoice".into()));
    let total = |document: &serde_json::Value| document["total"].as_str().expect("text").to_owned();
    assert_eq!(total(credit), format!("-{}", total(before.last().expect("one"))));
    assert_ne!(total(replacement), total(before.last().expect("one")));
}

#[test]
fn a_document_is_disputed_resolved_and_paid() {
    let server = Server::start("live-money");
    server.folder.write("fixed.toml", &terms());
    let refused = server.folder.run("lease sign fixed.toml");
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("--backdated"), "{refused}");
    server.folder.stdout("lease sign fixed.toml --backdated");
    server.folder.stdout("token create ops --role party_admin --party guest --save-as guest");
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
    insta::assert_snapshot!(said, @r#"
    $ leasehold --context guest invoice resolve lab-YEAR-000001 doubt --favour tenant
    error: the role party_admin does not have the right resolve_dispute
    hint: Ask somebody in a role that has it; docs/rights.md says which.
    exit 1
    $ leasehold invoice resolve lab-YEAR-000001 doubt --favour landlord
    written down
    $ leasehold invoice pay lab-YEAR-000001 --amount TOTAL --id bank-1 --day DAY --dry-run
    nothing was done; this would be: written down
      nothing else would change at once
    $ leasehold invoice pay lab-YEAR-000001 --amount TOTAL --id bank-1 --day DAY
    written down
    $ leasehold invoice pay none --amount 1.00 --id bank-2 --day DAY
    error: there is no document named "none" that this token may see
    hint: Check the name; the list route shows what there is.
    exit 1
    $ leasehold invoice credit lab-YEAR-000001 --reason mistake --line 0=1.00
    error: invalid value '0=1.00' for '--line <LINE=AMOUNT>': expected the line's place, from 1, and its amount: 2=1000.00

    For more information, try '--help'.
    exit 2
    "#);
    server.folder.stdout(&format!("invoice get {number} --out document.json"));
    let shown = server.folder.stdout(&format!("invoice show {number}"));
    assert_eq!(shown, server.folder.stdout("invoice show document.json"));
    assert!(shown.contains(number), "{shown}");
}
