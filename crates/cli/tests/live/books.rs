//! What is left once a server has stopped: the log, and the bill that follows from it.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_control::Input;
use leasehold_diagnostics::Source;
use leasehold_ledger::{Invoice, Record, Rederivation};
use leasehold_server::core::{Core, Outbox, evidence_stream};
use leasehold_server::engine::{fold_all, load};
use leasehold_server::job::EndedJob;
use leasehold_server::plant::NoPlant;
use leasehold_server::registry::ENDED_JOBS;
use leasehold_storage::{OpenMode, Store, open, verify_chain};
use leasehold_units::{Instant, Month, Seconds, Zone};

use crate::load::Load;
use crate::server::{Place, TENANT, site_file};

fn read(place: &Place) -> Box<dyn Store> {
    open(&place.database(), OpenMode::Read).expect("it is there")
}

/// What is stored: a good chain, whose fold keeps all promises and is what the server had.
pub fn check_log(place: &Place, jobs: usize) {
    verify_chain(read(place).as_mut(), &mut |_| ()).expect("the chain is good");
    let mut folded = fold_all(read(place).as_mut()).expect("the log can be folded");
    let live = load(read(place), None, Instant::from_unix(0)).expect("the snapshot can be read");
    assert_eq!(live.snapshot_seq, read(place).head().seq, "the last snapshot is of the end");
    assert!(folded.state().difference(live.core.state()).is_none(), "the fold is another state");
    assert_eq!(folded.registry(), live.core.registry());
    let now = folded.state().now;
    let mut out = Outbox::default();
    folded.settle(now, &mut NoPlant, &mut out).expect("all promises are kept");
    assert!(out.take().records.is_empty(), "the end of the log was settled");
    let over = ["job_finished", "job_gone"].map(|kind| format!("{{\"event\":{{\"{kind}\""));
    let over = over.iter().map(|kind| count(read(place).as_mut(), kind)).sum::<usize>();
    assert_eq!(over, jobs, "jobs that are over");
}

fn count(store: &mut dyn Store, kind: &str) -> usize {
    let (mut from, mut found) = (1, 0);
    loop {
        let page = store.read(from, 10_000).expect("reading works");
        let Some(last) = page.last() else { return found };
        from = last.seq + 1;
        found += page.iter().filter(|record| record.body.starts_with(kind)).count();
    }
}

/// The bill of the tenant, drawn up once the months are over: what the same lease costs on a site on which
/// nothing ever happened, and the GPU-seconds of each job at their price, from the instant at which it was
/// started to the one at which its own watcher saw it end. It follows from the evidence. Gives what it comes
/// to, in words.
pub fn check_bill(place: &Place, load: &Load) -> String {
    let mut store = read(place);
    let mut folded = fold_all(store.as_mut()).expect("the log can be folded");
    let mut expected = 0;
    for (party, number) in load.jobs() {
        let used = gpu_seconds(place, store.as_mut(), party.name, number);
        expected += if party.name == TENANT { used } else { 0 };
    }
    let until = after_next_month(folded.now());
    let chunks = pass(&mut folded, until);
    let mut twin = twin_of(&folded, store.as_mut());
    pass(&mut twin, until);
    let (own, twins) = (documents(&folded), documents(&twin));
    assert_eq!(own.len(), twins.len(), "as many documents as on a site on which nothing happened");
    let total = |documents: &[Invoice]| -> i128 {
        documents.iter().map(|document| document.total.minor()).sum()
    };
    let (own, fixed) = (total(own), total(twins));
    assert_eq!(own - fixed, i128::from(expected) * 100, "what was used, in cents");
    follows_from_evidence(&folded, store.as_mut(), &chunks);
    format!("{expected} GPU-seconds billed in {} documents", documents(&folded).len())
}

/// The GPU-seconds of a job: those that are booked are those between its start in the log and its end in the
/// record of its watcher.
fn gpu_seconds(place: &Place, store: &mut dyn Store, party: &str, number: u64) -> u64 {
    let row = store.archived_one(ENDED_JOBS, party, number).expect("reading works");
    let body = row.expect("a job that is over is kept").body;
    let job: EndedJob = serde_json::from_str(&body).expect("a job");
    assert_eq!((job.starts, job.evictions), (1, 0), "{body}");
    let exit = place.folder.join(format!("data/agent/past/{party}.{number}.1/exit"));
    let exit = std::fs::read_to_string(exit).expect("the agent keeps how a run ended");
    let exit: serde_json::Value = serde_json::from_str(&exit).expect("JSON");
    let ended = Instant::from_unix(exit["at"].as_i64().expect("an instant"));
    let used = ended.since(job.started.expect("it ran")).get() * u64::from(job.gpus);
    assert_eq!(job.used_gpu_seconds, used, "it ended at {ended}: {body}");
    used
}

/// An instant at which the running month and the next one are over, wherever the site is.
fn after_next_month(now: Instant) -> Instant {
    let zone = Zone::utc();
    let next = Month::of(zone.day_of(now)).next().next();
    zone.start_of(next.first_day()).after(Seconds::new(24 * 3600))
}

/// Lets time pass on which nothing happens but what is due. Gives what is to be kept beside the log, by stream.
fn pass(core: &mut Core, until: Instant) -> BTreeMap<String, String> {
    let mut out = Outbox::default();
    let caught_up = core.catch_up(until, &mut NoPlant, &mut out, &mut || false);
    assert!(caught_up.expect("all promises are kept"), "little is due");
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    for chunk in out.take().chunks {
        kept.entry(chunk.stream).or_default().push_str(&chunk.text);
    }
    kept
}

/// The same site with the same lease, signed at the same instant, and nothing else.
fn twin_of(core: &Core, store: &mut dyn Store) -> Core {
    let opened = store.read(1, 1).expect("reading works")[0].at;
    let site = Source::new("site.toml", site_file());
    let mut twin = Core::open(&site, opened).expect("the site is sound");
    let (signed, _) = core.state().books.bases[0].facts().facts()[0];
    let terms = core.state().contracts.leases[0].terms().clone();
    let (input, mut out) = (Input::Sign(Box::new(terms)), Outbox::default());
    twin.handle(signed, &input, &mut NoPlant, &mut out).expect("it was signed before");
    twin.settle(signed, &mut NoPlant, &mut out).expect("all promises are kept");
    twin
}

fn documents(core: &Core) -> &[Invoice] {
    &core.state().books.invoices
}

/// What a tenant finds out by itself: every document follows from terms, record and service intervals.
fn follows_from_evidence(core: &Core, store: &mut dyn Store, later: &BTreeMap<String, String>) {
    let entry = &core.state().contracts.leases[0];
    let record = core.state().books.bases[0].facts().to_lines();
    let record = Record::from_lines(record.lines()).expect("the record can be read");
    let versions = entry.lease.versions.clone();
    let mut again = Rederivation::new(versions, record).expect("a beginning");
    let lines = documents(core).iter().flat_map(|document| &document.lines);
    let months: BTreeSet<Month> =
        lines.filter_map(|line| line.derivation.usage).map(|usage| usage.month).collect();
    for month in months {
        let stream = evidence_stream(entry.terms().id.as_str(), &month.to_string());
        let mut text = store.text(&stream).expect("reading works").unwrap_or_default();
        text.push_str(later.get(&stream).map_or("", String::as_str));
        again.read_usage(month, text.lines()).expect("the usage can be read");
    }
    for document in documents(core) {
        again.check(document).expect("it follows from the evidence");
    }
}
