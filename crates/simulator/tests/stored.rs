//! Logs and states that are stored: what is read again goes on as if nothing had happened.

use leasehold_control::{Control, Event, EvidenceChunk, Input, RefusedInput, State};
use leasehold_lease::Lease;
use leasehold_ledger::UsageInterval;
use leasehold_simulator::adversary::{Adversary, Plant};
use leasehold_simulator::engine::{JobRecord, Keeper, run};
use leasehold_units::Instant;

/// Inputs in the order in which they were handed over; with none, an instant is settled.
type Steps = Vec<(Instant, Option<Input>)>;
type Events = Vec<(Instant, Event)>;

#[derive(Default)]
struct KeepSteps(Steps);

impl Keeper for KeepSteps {
    fn usage(&mut self, _: &[UsageInterval], _: &State) -> std::io::Result<()> {
        Ok(())
    }

    fn evidence(&mut self, _: &[EvidenceChunk], _: &State) -> std::io::Result<()> {
        Ok(())
    }

    fn jobs(&mut self, _: &[JobRecord], _: &State) -> std::io::Result<()> {
        Ok(())
    }

    fn told(&mut self, now: Instant, input: Option<&Input>) {
        self.0.push((now, input.cloned()));
    }

    fn progress(&mut self, _: Instant, _: u64) {}
}

/// What the adversary of `seed` makes of its plant, and the state machine before any of it.
fn play(seed: u64) -> Option<(Control, Steps)> {
    let plant = Plant::draw(seed);
    let mut setting = plant.setting();
    setting.watcher = Some(Box::new(Adversary::new(plant.clone(), seed)));
    let mut steps = KeepSteps::default();
    run(setting, &mut steps).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let leases = plant.leases.iter().map(|terms| Lease::new(vec![terms.clone()]).expect("one"));
    let control = Control::new(plant.site.clone(), leases.collect(), plant.interval.from);
    plant.is_leased().then(|| (control.expect("it fits"), steps.0))
}

/// Plays a step, and takes what is to be written, as whoever keeps it does.
fn step(
    control: &mut Control,
    (now, input): &(Instant, Option<Input>),
    events: &mut Events,
) -> Result<(), RefusedInput> {
    let mut sink = |at: Instant, event: &Event, _: &State| events.push((at, event.clone()));
    let refused = match input {
        Some(input) => control.handle(*now, input, &mut sink),
        None => {
            control.settle(*now, &mut sink).expect("no invariant is broken");
            Ok(())
        }
    };
    control.take_records(&mut Vec::new());
    control.take_evidence();
    refused
}

fn snapshot(state: &State) -> Vec<u8> {
    rmp_serde::to_vec_named(state).expect("a state can be written")
}

fn restored(bytes: &[u8]) -> State {
    rmp_serde::from_slice(bytes).expect("what was written can be read")
}

#[test]
fn every_event_goes_through_its_text_and_the_fold_is_the_state() {
    let mut told = 0;
    for (control, steps) in (0..12).filter_map(play) {
        let mut folded = Control::resume(control.state().clone());
        let mut control = control;
        let mut events = Vec::new();
        for input in &steps {
            let _ = step(&mut control, input, &mut events);
        }
        for (at, event) in &events {
            let text = serde_json::to_string(event).expect("an event can be written");
            let again: Event = serde_json::from_str(&text).expect("what was written can be read");
            assert_eq!(serde_json::to_string(&again).expect("it can be written"), text);
            folded.fold(*at, &again).expect("no invariant is broken");
            folded.take_records(&mut Vec::new());
            folded.take_evidence();
            told += 1;
        }
        assert_eq!(folded.state().difference(control.state()), None);
        assert_eq!(snapshot(folded.state()), snapshot(control.state()), "byte for byte");
    }
    assert!(told > 10_000, "something happened: {told}");
}

/// Stores and restores at several places of the run of `seed`, settled or not, and goes on from there
/// beside the one that never stopped.
fn go_on(seed: u64) {
    let Some((mut control, steps)) = play(seed) else { return };
    let places: Vec<usize> = (1..5).map(|part| steps.len() * part / 5 + part).collect();
    let mut others: Vec<Control> = Vec::new();
    let mut events = Vec::new();
    for (place, input) in steps.iter().enumerate() {
        if places.contains(&place) {
            let bytes = snapshot(control.state());
            let state = restored(&bytes);
            assert_eq!(state.difference(control.state()), None, "seed {seed}, step {place}");
            assert_eq!(snapshot(&state), bytes, "seed {seed}, step {place}");
            let mut other = Control::resume(state);
            // As after a restart: the last instant is settled, which it was unless more came in it.
            if steps[place - 1].1.is_none() {
                let mut told = Vec::new();
                let last = other.state().now;
                let _ = step(&mut other, &(last, None), &mut told);
                assert!(told.is_empty(), "seed {seed}, step {place}: it was settled: {told:?}");
            }
            others.push(other);
        }
        events.clear();
        let refused = step(&mut control, input, &mut events);
        let expected = format!("{events:?}");
        for other in &mut others {
            let mut told = Vec::new();
            assert_eq!(step(other, input, &mut told), refused, "seed {seed}, step {place}");
            assert_eq!(format!("{told:?}"), expected, "seed {seed}, step {place}");
        }
    }
    for other in &others {
        assert_eq!(other.state().difference(control.state()), None, "seed {seed}");
        assert_eq!(snapshot(other.state()), snapshot(control.state()), "seed {seed}");
    }
}

#[test]
fn a_restored_state_goes_on_as_the_one_that_never_stopped() {
    (100..130).for_each(go_on);
}

#[test]
fn a_state_of_another_site_is_refused() {
    let (control, _) = (0..).find_map(play).expect("a plant with a lease");
    let mut value = serde_json::Map::new();
    value.insert("site".into(), serde_json::to_value(&control.state().site).expect("a site"));
    let bytes = rmp_serde::to_vec_named(&value).expect("it can be written");
    let error = rmp_serde::from_slice::<State>(&bytes).expect_err("it is no state").to_string();
    assert!(error.contains("missing field"), "{error}");
}
