//! A long log, made without a server: jobs that were submitted, ran and ended, one after the other.

use leasehold_control::{Input, JobSpec};
use leasehold_diagnostics::Source;
use leasehold_server::core::{Core, Outbox};
use leasehold_server::engine::write_snapshot;
use leasehold_server::job::{JobDescription, Work};
use leasehold_server::log::Fact;
use leasehold_server::plant::NoPlant;
use leasehold_storage::{OpenMode, Store};
use leasehold_units::{Instant, Seconds, Shape};

use super::process::Place;

/// Whose jobs they are.
const PARTY: &str = "lab";
/// When it begins; it ends before any real now.
const FROM: &str = "2026-01-01T00:00:00Z";

/// Writes at least `records` records and a snapshot of their end; says how many.
pub fn write(place: &Place, records: u64) -> u64 {
    let text = std::fs::read_to_string(&place.site).expect("the example is there");
    let mut now = Instant::from_rfc3339(FROM).expect("an instant");
    let mut core = Core::open(&Source::new("site.toml", text.clone()), now).expect("a site");
    let mut store = leasehold_storage::open(&place.database(), OpenMode::Lead { wait: false })
        .expect("the folder is empty");
    let mut out = Outbox::default();
    core.note(now, Fact::Opened { site: text }, &mut out);
    core.note(now, Fact::AccountOpened { party: PARTY.into(), account: "a".into() }, &mut out);
    let mut number = 0;
    while store.head().seq < records {
        while !out.is_full() {
            number += 1;
            now = one_job(&mut core, now, number, &mut out);
        }
        append(store.as_mut(), &mut out);
    }
    append(store.as_mut(), &mut out);
    let head = *store.head();
    let snapshot = write_snapshot(&core, &head).expect("a core can be written");
    store.put_snapshot(&snapshot).expect("there is room");
    head.seq
}

/// A second of a job's life; gives the instant of its end.
fn one_job(core: &mut Core, now: Instant, number: u64, out: &mut Outbox) -> Instant {
    let description = JobDescription {
        name: "train".into(),
        user: "somebody".into(),
        by: "tok_0123456789abcdef".into(),
        account: "a".into(),
        work: Work::Command(vec!["sleep".into(), "1".into()]),
        environment: std::collections::BTreeMap::new(),
        directory: None,
        cluster_job: None,
    };
    core.note(now, Fact::JobDescribed { party: PARTY.into(), number, description }, out);
    let party = core.state().parties.iter().position(|party| party.id.as_str() == PARTY);
    let spec = JobSpec {
        number,
        party: party.and_then(|party| u16::try_from(party).ok()).expect("the landlord"),
        gpus: 8,
        request_seconds: 60,
        vacate_seconds: 30,
        checkpoint_seconds: u32::MAX,
        pools: 1,
        within: Shape::Array,
        priority: 0,
        account: 0,
    };
    core.handle(now, &Input::Submit(spec), &mut NoPlant, out).expect("it fits");
    core.settle(now, &mut NoPlant, out).expect("all promises are kept");
    let end = now.after(Seconds::new(1));
    let slot = core.registry().job(PARTY, number).and_then(|job| job.slot);
    let ended = Input::Ended { job: slot.expect("it was taken") };
    core.catch_up(end, &mut NoPlant, out, &mut || false).expect("all promises are kept");
    core.handle(end, &ended, &mut NoPlant, out).expect("it ran");
    core.settle(end, &mut NoPlant, out).expect("all promises are kept");
    end
}

fn append(store: &mut dyn Store, out: &mut Outbox) {
    let batch = out.take();
    if !batch.is_empty() {
        store.append(&batch).expect("there is room");
    }
}
