//! When slurmdbd is read for all runs of a while, and not only for those that are missed.
//!
//! A run that nobody looked at while it lasted is seen in the record alone: one that was put back after a start that was
//! not seen. And the record lags: slurmctld sends starts every 5 s and what it kept while slurmdbd was away after that, and
//! a run is not among those of a while before its start was sent. So it is read again.

use leasehold_units::{Instant, Seconds};

/// The record is read again so long after it was read, each counted from the first time.
const AGAIN: [Seconds; 2] = [Seconds::new(20), Seconds::new(120)];

/// What was told is told once, however often it is read.
#[derive(Debug, Default)]
pub struct Record {
    /// Since when it is to be read, as long as it is.
    since: Option<Instant>,
    /// When it was first read for that.
    first: Option<Instant>,
    /// How often it was read since.
    again: usize,
    /// The last look that came in.
    seen: Option<Instant>,
}

impl Record {
    /// To be read since then.
    pub fn from(since: Instant) -> Self {
        Self { since: Some(since), ..Self::default() }
    }

    /// Since when a look at `now` is to read it, if it is to.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let is_due = self.first.is_none_or(|first| {
            AGAIN.get(self.again).is_some_and(|after| first.after(*after) <= now)
        });
        self.since.filter(|_| is_due)
    }

    /// A look at `now` came in; whether slurmdbd answered.
    pub fn note_look(&mut self, now: Instant, was_recorded: bool) {
        if !was_recorded {
            self.note_failure();
        }
        self.seen = Some(now);
        if !was_recorded || self.due(now).is_none() {
            return;
        }
        match self.first {
            None => self.first = Some(now),
            Some(_) => self.again += 1,
        }
        if self.again == AGAIN.len() {
            self.since = None;
        }
    }

    /// A look failed: what happens until the next one is to be read.
    pub fn note_failure(&mut self) {
        if let Some(seen) = self.seen {
            let since = seen.before(AGAIN[0]);
            self.since = Some(self.since.map_or(since, |earlier| earlier.min(since)));
            (self.first, self.again) = (None, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_unix(1_000_000).after(Seconds::new(second))
    }

    /// Looks every 10 s and says at which of them the record is read, and since when.
    fn reads(record: &mut Record, from: u64, until: u64, answers: bool) -> Vec<(u64, Instant)> {
        let mut read = Vec::new();
        for second in (from..until).step_by(10) {
            if let Some(since) = record.due(at(second)) {
                read.push((second, since));
            }
            record.note_look(at(second), answers);
        }
        read
    }

    #[test]
    fn it_is_read_until_it_answers_and_again_when_it_has_caught_up() {
        let mut record = Record::from(at(0));
        let silent = reads(&mut record, 1_000, 1_030, false);
        assert_eq!(silent.len(), 3, "slurmdbd is away");
        let read = reads(&mut record, 1_030, 2_000, true);
        assert_eq!(read, [(1_030, at(0)), (1_050, at(0)), (1_150, at(0))]);
    }

    #[test]
    fn what_nobody_looked_at_is_read() {
        let mut record = Record::default();
        assert_eq!(reads(&mut record, 0, 100, true), []);
        record.note_failure();
        record.note_failure();
        let read = reads(&mut record, 200, 1_000, true);
        assert_eq!(read, [(200, at(70)), (220, at(70)), (320, at(70))]);
    }
}
