//! The operator's story of the model deal: signed, ramped, full, notice by the landlord, wound
//! down, the last invoice, and the capacity back with the landlord.

use std::fmt::Write as _;
use std::path::PathBuf;

use insta::assert_snapshot;
use leasehold_ledger::GpuState;
use leasehold_simulator::engine::{KeepNothing, Outcome, run};
use leasehold_simulator::scenario::Loaded;

fn story() -> (Outcome, Loaded) {
    let example = format!("{}/../../examples/colossus-1", env!("CARGO_MANIFEST_DIR"));
    let scenario = format!(
        "site = \"{example}/site.toml\"\nleases = [\"{example}/leases/anthropic.toml\"]\n\
         from = 2026-05-01\nuntil = 2026-10-02\nseed = 7\n\
         [[workload]]\nparty = \"anthropic\"\nprofile = \"frontier\"\njobs_per_day = 60\n\
         [[workload]]\nparty = \"xai\"\nprofile = \"frontier\"\njobs_per_day = 60\nvacate = \"5 min\"\n\
         [[event]]\nat = 2026-07-01T09:00:00-05:00\nkind = \"notice\"\n\
         lease = \"colossus-1-anthropic\"\nby = \"landlord\"\n"
    );
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("model-deal.toml");
    std::fs::write(&path, scenario).expect("the build folder can be written");
    let loaded = Loaded::read(&path).unwrap_or_else(|error| panic!("{}", error.render(false)));
    let setting = loaded.setting(0).expect("nothing to open");
    let outcome = run(setting, &mut KeepNothing).unwrap_or_else(|error| panic!("{error}"));
    (outcome, loaded)
}

#[test]
fn from_signature_to_the_last_invoice() {
    let (outcome, loaded) = story();
    let zone = &loaded.site.time_zone;
    let mut told = String::new();
    for milestone in &outcome.milestones {
        let day = zone.day_of(milestone.at);
        writeln!(told, "{day} {}", milestone.what).expect("a text grows");
    }
    let books = &outcome.state.books;
    for invoice in &books.invoices {
        writeln!(told, "{} {} due {}", invoice.issued, invoice.number, invoice.due).expect("grows");
        for line in invoice.lines.iter().filter(|line| line.kind.key() == "fixed") {
            writeln!(told, "    {} {}", line.description, line.amount).expect("a text grows");
        }
        let metered = invoice.lines.iter().filter(|line| line.kind.key() != "fixed").count();
        writeln!(told, "    and {metered} metered lines").expect("a text grows");
    }
    let holder = |lease: Option<u16>| {
        let partitions = outcome.state.fleet.partitions().iter();
        let nodes = partitions.filter(|p| p.role.lease() == lease).map(|p| p.members);
        nodes.sum::<u32>()
    };
    writeln!(
        told,
        "at the end {} nodes are held by the lease, {} by the landlord",
        holder(Some(0)),
        holder(None)
    )
    .expect("grows");
    let fixed = books.journal().balances();
    let revenue =
        fixed.iter().find(|((account, _), _)| account == "revenue:fixed:colossus-1-anthropic");
    writeln!(told, "fixed fees earned {}", revenue.expect("there was a fee").1.negated())
        .expect("grows");
    let deferred =
        fixed.iter().find(|((account, _), _)| account.starts_with("liabilities:deferred"));
    writeln!(told, "billed and not yet earned {}", deferred.expect("billed ahead").1)
        .expect("grows");
    assert_snapshot!(told, @r#"
    2026-05-01 colossus-1-anthropic is granted 119,040 GPUs
    2026-06-01 colossus-1-anthropic is granted 178,560 GPUs
    2026-07-01 colossus-1-anthropic is granted 220,208 GPUs
    2026-07-01 notice of colossus-1-anthropic by the landlord: last day of service 2026-09-29
    2026-09-30 colossus-1-anthropic is granted 0 GPUs
    2026-05-01 xai-2026-000001 due 2026-05-31
        Fixed fee, May 2026, at 50% 625000000.00
        and 0 metered lines
    2026-06-01 xai-2026-000002 due 2026-07-01
        Fixed fee, June 2026, at 75% 937500000.00
        and 1 metered lines
    2026-07-01 xai-2026-000003 due 2026-07-31
        Fixed fee, July 2026 1250000000.00
        and 1 metered lines
    2026-08-01 xai-2026-000004 due 2026-08-31
        Fixed fee, August 2026 1250000000.00
        and 1 metered lines
    2026-09-01 xai-2026-000005 due 2026-10-01
        Fixed fee, 1 to 29 September 2026, 29 of 30 days 1208333333.33
        and 1 metered lines
    2026-09-30 xai-2026-000006 due 2026-10-30
        and 1 metered lines
    at the end 0 nodes are held by the lease, 30028 by the landlord
    fixed fees earned 5270833333.33
    billed and not yet earned 0.00
    "#);
    assert_eq!(outcome.state.fleet.gauge(0), [0; 8], "no GPU is left in the holding");
    let all = outcome.state.fleet.gauge_total();
    let own = all[GpuState::Own.index()] + all[GpuState::IdleUnleased.index()];
    assert!(own > 219_000, "the landlord has its site back: {own} GPUs");
}
