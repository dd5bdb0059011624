//! `jobs.csv`: a line for each job, in the order in which they ended, then those still there.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use leasehold_control::State;
use leasehold_units::Instant;

use crate::engine::{JobOutcome, JobRecord};

/// The columns. Times are RFC 3339 in UTC, lengths are seconds.
const HEADER: &str = "party,job_id,gpus,submit,start,end,outcome,evictions,used_s,borrowed_s";

/// `jobs.csv` being written.
pub struct JobsFile(BufWriter<File>);

impl JobsFile {
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "{HEADER}")?;
        Ok(Self(file))
    }

    pub fn write(&mut self, records: &[JobRecord], state: &State) -> io::Result<()> {
        for record in records {
            let party = &state.parties[usize::from(record.party)].id;
            let outcome = match record.outcome {
                JobOutcome::Finished => "finished",
                JobOutcome::Cancelled => "cancelled",
                JobOutcome::Running => "running",
                JobOutcome::Waiting => "waiting",
            };
            write!(
                self.0,
                "{party},{},{},{}",
                record.number,
                record.gpus,
                Time(Some(record.submitted))
            )?;
            write!(self.0, ",{},{},{outcome}", Time(record.started), Time(record.ended))?;
            let (used, borrowed) = (record.used_seconds, record.borrowed_seconds);
            writeln!(self.0, ",{},{used},{borrowed}", record.evictions)?;
        }
        Ok(())
    }

    pub fn close(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// An instant as `2026-05-01T05:00:00Z`, or nothing. Calendar arithmetic from the day count, after
/// H. Hinnant, "chrono-compatible low-level date algorithms": a general formatter is ten times
/// slower, and there are millions.
struct Time(Option<Instant>);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(at) = self.0 else { return Ok(()) };
        let (days, second) = (at.unix().div_euclid(86_400), at.unix().rem_euclid(86_400));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_the_calendar_library_writes_it() {
        for step in 0..40_000_i64 {
            let at = Instant::from_unix(step * 123_457 - 2_000_000_000);
            assert_eq!(Time(Some(at)).to_string(), at.to_string());
        }
        assert_eq!(Time(None).to_string(), "");
    }
}
