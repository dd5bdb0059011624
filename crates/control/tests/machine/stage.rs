//! A site of 24 nodes of 8 GPUs, one lease of two racks of four, and a stage to play on.

use leasehold_control::{Control, Event, Input, JobSlot, JobSpec, RefusedInput};
use leasehold_fixtures::{File, terms};
use leasehold_lease::Lease;
use leasehold_site::Site;
use leasehold_units::{Instant, Seconds, Shape};

/// The site's file.
pub fn site_file() -> File {
    leasehold_fixtures::site_file(3, 2, 4)
}

/// The lease's file.
pub fn lease_file() -> File {
    leasehold_fixtures::lease_file("renter").without_table("fee.usage")
}

pub fn site() -> Site {
    leasehold_fixtures::site(&site_file())
}

/// Midnight of 7 March 2026, the first day of the lease.
pub fn first_second() -> Instant {
    Instant::from_rfc3339("2026-03-07T06:00:00Z").expect("an instant")
}

/// A job of party number `party`.
pub fn job(number: u64, party: u16, gpus: u32) -> JobSpec {
    JobSpec {
        number,
        party,
        gpus,
        request_seconds: 3_600,
        vacate_seconds: 120,
        checkpoint_seconds: 600,
        pools: 1,
        within: Shape::Node,
        priority: 0,
        account: 0,
    }
}

/// The state machine, and what happened.
pub struct Stage {
    pub control: Control,
    pub now: Instant,
    pub events: Vec<(Instant, Event)>,
}

impl Stage {
    /// The site under its lease, settled at the first second.
    pub fn new() -> Self {
        let lease = Lease::new(vec![terms(&lease_file())]).expect("one version");
        let control = Control::new(site(), vec![lease], first_second()).expect("it fits");
        let mut stage = Self { control, now: first_second(), events: Vec::new() };
        stage.settle();
        stage
    }

    /// Lets time pass, and what is due happen.
    pub fn pass(&mut self, seconds: u64) {
        let until = self.now.after(Seconds::new(seconds));
        while let Some(due) = self.control.next_due().filter(|due| *due <= until) {
            self.now = due;
            self.settle();
        }
        self.now = until;
        self.settle();
    }

    pub fn tell(&mut self, input: &Input) {
        self.try_tell(input).expect("it is not refused");
    }

    /// Hands an input over, and lets follow what follows.
    pub fn try_tell(&mut self, input: &Input) -> Result<(), RefusedInput> {
        let (now, events) = (self.now, &mut self.events);
        self.control.handle(now, input, &mut |at, event, _| events.push((at, event.clone())))?;
        self.settle();
        Ok(())
    }

    pub fn settle(&mut self) {
        let (now, events) = (self.now, &mut self.events);
        let mut sink = |at: Instant, event: &Event, _: &_| events.push((at, event.clone()));
        self.control.settle(now, &mut sink).expect("no invariant is broken");
    }

    /// Submits a job and returns its slot.
    pub fn submit(&mut self, spec: JobSpec) -> JobSlot {
        let slot = self.control.state().jobs.next_slot();
        self.tell(&Input::Submit(spec));
        slot
    }

    /// Events so far for which `counts` holds.
    pub fn count(&self, counts: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| counts(event)).count()
    }

    /// Whether the job in `slot` lives.
    pub fn lives(&self, slot: JobSlot) -> bool {
        self.control.state().jobs.find(slot).is_some()
    }
}
