//! A clock that runs ahead of the machine's, for all who take part in a test: so a month ends while it runs.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use leasehold_units::Instant;

/// Debian's `libfaketime`, which hands a process another time.
const LIBRARY: &str = "faketime/libfaketime.so.1";

/// A clock so many seconds ahead of the machine's.
#[derive(Debug, Clone)]
pub struct Clock {
    library: PathBuf,
    ahead: i64,
}

impl Clock {
    /// One by which a month ends in UTC in so many seconds, with the first second of the month after. None where the
    /// library is not installed; `./test` installs it and then insists.
    #[expect(clippy::print_stderr, reason = "who runs the tests is told what was not tested")]
    pub fn before_month_end(seconds: i64) -> Option<(Self, i64)> {
        let Some(library) = library() else {
            assert!(std::env::var_os("LEASEHOLD_SLURM").is_none(), "libfaketime is not installed");
            eprintln!("NOT TESTED: libfaketime is not installed");
            return None;
        };
        let midnight = next_month(machine() + 86_400);
        Some((Self { library, ahead: midnight - seconds - machine() }, midnight))
    }

    /// The same a day earlier.
    pub fn the_day_before(&self) -> Self {
        Self { ahead: self.ahead - 86_400, ..self.clone() }
    }

    /// What it shows, in seconds of Unix time.
    pub fn now(&self) -> i64 {
        machine() + self.ahead
    }

    /// What a process has in its environment that goes by it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME", format!("{:+}", self.ahead)),
            // Waiting goes on as it does, and files are as old as they are.
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

/// Where each process that goes by such a clock has files, named by its pid.
const SHARED: &str = "/dev/shm";

/// Removes what processes left behind that went by such a clock and were killed.
pub struct Sweep;

impl Drop for Sweep {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(SHARED).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = name.strip_prefix("sem.").unwrap_or(&name);
            let pid =
                ["faketime_shm_", "faketime_sem_"].iter().find_map(|of| name.strip_prefix(of));
            if pid.is_some_and(|pid| !std::path::Path::new("/proc").join(pid).exists()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn machine() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join(LIBRARY)).find(|path| path.exists())
}

/// The civil day in UTC, as files have it.
pub fn day(at: i64) -> String {
    Instant::from_unix(at).to_string()[..10].to_owned()
}

/// The first second of the month after the one of `at`.
fn next_month(at: i64) -> i64 {
    let day = day(at);
    let (year, month): (u32, u32) = (day[..4].parse().unwrap(), day[5..7].parse().unwrap());
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let first = format!("{year:04}-{month:02}-01T00:00:00Z");
    Instant::from_rfc3339(&first).unwrap().unix()
}
