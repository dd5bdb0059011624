//! Maintenance, quotes and turnovers that fail, as the files of a scenario have them.

use std::path::PathBuf;

use leasehold_control::{Agreed, Election, Input};
use leasehold_fixtures::{File, lease_file, site_file};
use leasehold_lease::Side;
use leasehold_simulator::scenario::Loaded;
use leasehold_units::{LeaseId, Seconds};

const EVENTS: &str = r#"
[[event]]
at = 2026-03-02T00:00:00Z
kind = "maintenance"
id = "works"
what = "valves"
nodes = ["p-01-02"]
from = 2026-03-12T00:00:00Z
until = 2026-03-12T03:00:00Z
agreed = ["first"]
[[event]]
at = 2026-03-03T00:00:00Z
kind = "maintenance-cancelled"
id = "works"
[[event]]
at = 2026-03-04T00:00:00Z
kind = "hold"
file = "quote.toml"
expires = 2026-03-06T00:00:00Z
[[event]]
at = 2026-03-05T00:00:00Z
kind = "release"
lease = "quote"
[faults]
turnover_failure = "0.1%"
repair = "8 h"
"#;

fn lease(id: &str) -> File {
    lease_file(id)
        .set("id", format_args!("'{id}'"))
        .set("term.start", "2026-03-01")
        .set("term.end", "2026-12-31")
        .set("capacity.amount", "'1 rack'")
        .set("service.maintenance", "{ hours_per_month = 4, notice = '7 d' }")
}

/// What is read of a scenario with `events`, or what is told of it.
fn read(name: &str, events: &str) -> Result<Loaded, String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the build folder can be written");
    let scenario = format!(
        "site = \"site.toml\"\nleases = [\"first.toml\"]\nfrom = 2026-03-01\nuntil = 2026-04-01\n\
         seed = 1\n{events}"
    );
    let files = [
        ("site.toml", site_file(2, 2, 4)),
        ("first.toml", lease("first")),
        ("quote.toml", lease("quote")),
        ("scenario.toml", File::new(scenario)),
    ];
    for (file, text) in files {
        std::fs::write(folder.join(file), text).expect("the build folder can be written");
    }
    Loaded::read(&folder.join("scenario.toml")).map_err(|error| error.render(false))
}

#[test]
fn each_key_is_what_is_asked_of_the_site() {
    let loaded = read("upkeep", EVENTS).unwrap_or_else(|told| panic!("{told}"));
    let setting = loaded.setting(0).expect("nothing to open");
    let inputs: Vec<&Input> = setting.inputs.iter().map(|(_, input)| input).collect();
    let [Input::PlanOutage(ask), Input::CancelOutage { id }, hold, release] = inputs[..] else {
        panic!("{inputs:?}")
    };
    assert_eq!((ask.id.to_string(), ask.what.as_str()), ("works".into(), "valves"));
    assert_eq!(ask.nodes.iter().collect::<Vec<_>>(), [4, 5, 6, 7]);
    assert_eq!(ask.interval.length(), Seconds::new(3 * 3_600));
    assert_eq!(ask.agreed, Agreed::Leases(vec![LeaseId::new("first").expect("a name")]));
    assert_eq!(*id, ask.id);
    let Input::Hold { terms, expires } = hold else { panic!("{hold:?}") };
    assert_eq!(
        (terms.id.to_string(), expires.to_string()),
        ("quote".into(), "2026-03-06T00:00:00Z".into())
    );
    let Input::Release { lease } = release else { panic!("{release:?}") };
    assert_eq!(*lease, terms.id);
    let maintenance = setting.leases[0].latest().service.maintenance.expect("it agrees to hours");
    assert_eq!((maintenance.hours_per_month, maintenance.notice), (4, Seconds::new(7 * 86_400)));
}

#[test]
fn what_sides_do_about_a_lease_is_read_as_it_is_meant() {
    let events = r#"
[[event]]
at = 2026-03-05T03:00:00Z
kind = "election"
lease = "first"
choice = "terminate"
[[event]]
at = 2026-03-06T03:00:00Z
kind = "withdraw-notice"
lease = "first"
by = "landlord"
"#;
    let loaded = read("sides", events).unwrap_or_else(|told| panic!("{told}"));
    let setting = loaded.setting(0).expect("nothing to open");
    let inputs: Vec<&Input> = setting.inputs.iter().map(|(_, input)| input).collect();
    let [Input::Elect { lease, choice: Election::Terminate, day }, withdrawn] = inputs[..] else {
        panic!("{inputs:?}")
    };
    // In the evening of Chicago, the day before that of the instant.
    assert_eq!((lease.as_str(), day.to_string().as_str()), ("first", "2026-03-04"));
    let Input::WithdrawNotice { lease, by: Side::Landlord } = withdrawn else {
        panic!("{withdrawn:?}")
    };
    assert_eq!(lease.as_str(), "first");
    let told = |name: &str, from: &str, to: &str| {
        read(name, &events.replacen(from, to, 1)).err().unwrap_or_default()
    };
    let choice = told("choice", "choice = \"terminate\"", "choice = \"wait\"");
    assert!(choice.contains("terminate"), "{choice}");
    let lease = told("lease", "lease = \"first\"", "lease = \"second\"");
    assert!(lease.contains("second"), "{lease}");
    let by = told("by", "by = \"landlord\"\n", "");
    assert!(by.contains("missing-key"), "{by}");
}

#[test]
fn what_is_wrong_is_told_with_its_rule() {
    let told = |name: &str, from: &str, to: &str| {
        assert!(EVENTS.contains(from), "{from}");
        read(name, &EVENTS.replacen(from, to, 1)).err().unwrap_or_default()
    };
    let order = told("order", "until = 2026-03-12T03", "until = 2026-03-11T03");
    assert!(order.contains("outage-in-order"), "{order}");
    let nodes = told("nodes", "p-01-02", "p-07-02");
    assert!(nodes.contains("unknown-node"), "{nodes}");
    let agreed = told("agreed", "[\"first\"]", "[\"fi rst\"]");
    assert!(agreed.contains("not-a-name"), "{agreed}");
    let expires = told("expires", "expires = 2026-03-06T00:00:00Z\n", "");
    assert!(expires.contains("missing-key"), "{expires}");
    let faults = told("faults", "turnover_failure = \"0.1%\"\n", "");
    assert!(faults.contains("missing-key"), "{faults}");
}
