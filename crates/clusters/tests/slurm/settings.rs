//! slurm.toml: what it may say, and what is said of mistakes.

use leasehold_clusters::slurm::settings::{Preemption, Settings};
use leasehold_diagnostics::{Source, render};
use leasehold_site::Site;
use leasehold_units::{PartyId, Seconds};

/// Two pools, of 4 and 2 nodes.
fn site() -> Site {
    let text = r#"
        id = "s"
        landlord = "lab"
        time_zone = "UTC"
        pue = "1.2"
        [[sku]]
        id = "h"
        gpu = "H100"
        gpus_per_node = 8
        node_power = { nameplate = "10 kW", contracted = "9 kW", measured = "8 kW" }
        turnover = "60 s"
        [[pool]]
        id = "hall-a"
        sku = "h"
        hall = "A"
        arrays = 1
        racks_per_array = 2
        nodes_per_rack = 2
        in_service = 2026-01-01
        [[pool]]
        id = "hall-b"
        sku = "h"
        hall = "B"
        arrays = 1
        racks_per_array = 1
        nodes_per_rack = 2
        in_service = 2026-01-01
        [[power]]
        from = 2026-01-01
        limit = "1 MW"
    "#;
    Site::parse(&Source::new("site.toml", text)).expect("a valid site")
}

fn check(text: &str, expected: &[&str]) {
    let source = Source::new("slurm.toml", text);
    let problems = Settings::parse(&source, &site()).expect_err("it has problems");
    let shown: Vec<String> = problems
        .iter()
        .map(|p| format!("{}: {}; expected {}", p.rule, p.message, p.expected))
        .collect();
    assert_eq!(shown, expected, "{}", render(&source, &problems, false));
}

#[test]
fn an_empty_file_means_the_sites_own_names() {
    let settings = Settings::parse(&Source::new("slurm.toml", ""), &site()).expect("valid");
    assert_eq!(settings, Settings::default());
    assert_eq!((settings.poll, settings.preemption), (Seconds::new(1), Preemption::Leasehold));
    let names = settings.node_names(&site());
    assert_eq!(names[0], "hall-a-01-01-1");
    assert_eq!(names.len(), 6);
}

#[test]
fn all_that_may_be_said() {
    let text = r#"
        cluster = "main"
        binaries = "bin"
        preemption = "slurm"
        poll = "5 s"
        [[pool]]
        id = "hall-a"
        nodes = "gpu[001-004]"
        [[party]]
        id = "lab"
        accounts = ["research", "infra"]
        [[party]]
        id = "tenant"
        users = ["ada"]
    "#;
    let settings = Settings::parse(&Source::new("slurm.toml", text), &site()).expect("valid");
    assert_eq!(settings.cluster.as_deref(), Some("main"));
    assert_eq!((settings.poll, settings.preemption), (Seconds::new(5), Preemption::Slurm));
    let names = settings.node_names(&site());
    assert_eq!(names[..5], ["gpu001", "gpu002", "gpu003", "gpu004", "hall-b-01-01-1"]);
    let lab = PartyId::new("lab").expect("a name");
    assert_eq!(settings.party(&lab).map(|party| party.accounts.len()), Some(2));
}

#[test]
fn all_mistakes_at_once() {
    check(
        r#"
        cluter = "main"
        preemption = "slrum"
        poll = "10 min"
        [[pool]]
        id = "hall-c"
        nodes = "gpu[1-"
        [[pool]]
        id = "hall-b"
        nodes = "gpu[1-3]"
        [[party]]
        id = "t"
        accounts = ["Lab", "a,b"]
        "#,
        &[
            "unknown-key: unknown key `cluter`; expected one of binaries, cluster, party, poll, pool, preemption",
            "not-a-choice: `preemption` is \"slrum\"; expected one of \"leasehold\", \"slurm\"",
            "poll-range: `poll` is 600 s; expected a length from \"1 s\" to \"5 min\"",
            "unknown-pool: `id` is \"hall-c\"; expected a pool of the site file",
            "not-a-host-list: `nodes` is \"gpu[1-\"; expected a list of hosts such as \"gpu[001-064]\"",
            "as-many-hosts-as-nodes: `nodes` names 3 hosts; expected 2, as many as pool hall-b has nodes",
            "not-a-slurm-name: `accounts` has \"Lab\" in it; expected a name of letters, digits, `-`, `_` and `.`, in small letters as Slurm keeps it",
            "not-a-slurm-name: `accounts` has \"a,b\" in it; expected a name of letters, digits, `-`, `_` and `.`, in small letters as Slurm keeps it",
        ],
    );
}

#[test]
fn nothing_belongs_to_two() {
    check(
        r#"
        [[pool]]
        id = "hall-a"
        nodes = "n[1-4]"
        [[pool]]
        id = "hall-b"
        nodes = "n[4-5]"
        [[party]]
        id = "t"
        accounts = ["x"]
        [[party]]
        id = "t"
        accounts = ["x"]
        "#,
        &[
            "named-twice: node n4 is named before; expected each node once",
            "named-twice: party t is named before; expected each party once",
            "named-twice: account x is named before; expected each account once",
        ],
    );
}
