//! Alerts and dashboard name only what the server counts, and every alert has its runbook.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use leasehold_control::Input;
use leasehold_diagnostics::Source;
use leasehold_lease::Terms;
use leasehold_server::core::{Core, Outbox};
use leasehold_server::metrics::{ClusterCounts, Metrics, Outcome};
use leasehold_server::plant::NoPlant;
use leasehold_units::Instant;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the file is there")
}

/// The names in `text` that begin like the server's.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_lowercase() || c == '_');
    text.split(word)
        .filter(|name| name.starts_with("leasehold_"))
        .map(|name| name.trim_end_matches("_bucket").to_owned())
        .collect()
}

fn counted() -> String {
    let source = Source::new("site.toml", read("examples/one-machine/site.toml"));
    let now = Instant::from_unix(1_782_000_000);
    let mut core = Core::open(&source, now).unwrap_or_else(|error| panic!("{error}"));
    let lease = Source::new("guest.toml", read("examples/one-machine/leases/guest.toml"));
    let terms = Terms::parse(&lease).expect("the example is sound");
    let sign = Input::Sign(Box::new(terms));
    core.handle(now, &sign, &mut NoPlant, &mut Outbox::default()).expect("it fits");
    let metrics = Metrics::default();
    metrics.count("job_submit", Outcome::Done, 0.001);
    metrics.text(core.state(), 0, Some(&ClusterCounts::default()))
}

#[test]
fn alerts_and_dashboard_name_what_is_counted() {
    let counted = counted();
    let described: BTreeSet<&str> = counted
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next())
        .collect();
    for file in ["deploy/prometheus/leasehold.rules.yml", "deploy/grafana/leasehold.json"] {
        for name in names(&read(file)) {
            let base = name.strip_suffix("_total").unwrap_or(&name);
            assert!(described.contains(base), "{file} names {name}, which nobody counts");
        }
    }
}

#[test]
fn every_alert_has_its_runbook() {
    let runbooks = read("docs/runbooks.md");
    let rules = read("deploy/prometheus/leasehold.rules.yml");
    let alerts: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 7, "{alerts:?}");
    for alert in alerts {
        assert!(runbooks.contains(&format!("\n## {alert}\n")), "{alert} has no section");
        let link = format!("docs/runbooks.md#{}", alert.to_lowercase());
        assert!(rules.contains(&link), "{alert} does not link its runbook");
    }
}
