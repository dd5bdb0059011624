//! The file that proves what a tenant was given: one line a service interval, one file a month.
//!
//! ```text
//! number,from,until,first_node,nodes,gpus_per_node,sku,state
//! 1,2026-05-01T05:00:00Z,2026-05-01T09:12:44Z,a-001-01-1,64,8,hgx-h100,used
//! ```
//!
//! A document names the SHA-256 of the whole file, so that `sha256sum` alone tells whether a file is
//! the one that was billed from. Lines are numbered: one that comes twice counts once, and one that
//! comes early waits for those before it.

use std::collections::BTreeMap;

use leasehold_site::Site;
use leasehold_units::{Instant, Interval, Month, Zone};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ServiceInterval, ServiceState};

/// The first line of a file.
const HEADER: &str = "number,from,until,first_node,nodes,gpus_per_node,sku,state\n";

/// More nodes than any site has.
const NODES_MAX: u64 = 1 << 24;
/// More GPUs than any node has.
const GPUS_PER_NODE_MAX: u64 = 1 << 10;

/// What proves the service intervals of one month: their number and the SHA-256 of their file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDigest {
    /// Which month.
    pub month: Month,
    /// How many.
    pub intervals: u64,
    /// Of the file.
    pub sha256: [u8; 32],
}

/// One line of a file, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceLine<'a> {
    /// Its number in the month, from 1.
    pub number: u64,
    /// When.
    pub interval: Interval,
    /// Name of the sku.
    pub sku: &'a str,
    /// GPUs.
    pub gpus: u64,
    /// What they were doing.
    pub state: ServiceState,
}

/// Why a file is not evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It does not begin as such files do.
    #[error("line 1: expected `{}`", HEADER.trim_end())]
    NoHeader,
    /// A line that is none.
    #[error("line {line}: {text:?} is not a service interval: expected {}", HEADER.trim_end())]
    BadLine {
        /// Which, from 1.
        line: u64,
        /// What it says.
        text: String,
    },
    /// Numbers are missing.
    #[error("interval {number} is missing")]
    Missing {
        /// The first that is.
        number: u64,
    },
}

/// Writes the service intervals of one lease down, and keeps the digest of what was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceLog {
    zone: Zone,
    months: BTreeMap<Month, MonthLog>,
    /// The month that the last interval was in.
    #[serde(skip)]
    current: Option<(Month, Interval)>,
    #[serde(skip)]
    line: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct MonthLog {
    intervals: u64,
    /// As far as it was written.
    #[serde(with = "crate::document::running")]
    sha256: Sha256,
}

impl UsageDigest {
    /// What proves that there is nothing in `month`: the digest of an empty file.
    pub fn none(month: Month) -> Self {
        MonthLog::default().digest(month)
    }
}

impl ServiceLog {
    /// A log for a lease whose days are those of `zone`.
    pub const fn new(zone: Zone) -> Self {
        Self { zone, months: BTreeMap::new(), current: None, line: String::new() }
    }

    /// Writes `row` down. Returns its month and the text that follows in the month's file, the
    /// header before the first line included.
    ///
    /// # Panics
    /// If it lies in two months: rows end at the end of a month.
    pub fn write(&mut self, row: &ServiceInterval, site: &Site) -> (Month, &str) {
        let month = self.month_of(row.interval);
        let log = self.months.entry(month).or_default();
        log.intervals += 1;
        self.line.clear();
        if log.intervals == 1 {
            self.line.push_str(HEADER);
        }
        write_line(&mut self.line, log.intervals, row, site);
        log.sha256.update(self.line.as_bytes());
        (month, &self.line)
    }

    /// What proves `month`.
    pub fn digest(&self, month: Month) -> UsageDigest {
        let log = self.months.get(&month);
        log.map_or_else(|| UsageDigest::none(month), |log| log.digest(month))
    }

    fn month_of(&mut self, interval: Interval) -> Month {
        let known = self.current.filter(|(_, whole)| whole.contains(interval.from));
        let (month, whole) = known.unwrap_or_else(|| {
            let month = Month::of(self.zone.day_of(interval.from));
            let start = |month: Month| self.zone.start_of(month.first_day());
            (month, Interval::new(start(month), start(month.next())))
        });
        assert!(interval.until <= whole.until, "a service interval lies in two months");
        self.current = Some((month, whole));
        month
    }
}

impl PartialEq for ServiceLog {
    fn eq(&self, other: &Self) -> bool {
        let digests = |log: &Self| -> Vec<UsageDigest> {
            log.months.iter().map(|(month, log)| log.digest(*month)).collect()
        };
        digests(self) == digests(other)
    }
}

impl Default for MonthLog {
    fn default() -> Self {
        Self { intervals: 0, sha256: Sha256::new() }
    }
}

impl MonthLog {
    fn digest(&self, month: Month) -> UsageDigest {
        let sha256 = self.sha256.clone().finalize().into();
        UsageDigest { month, intervals: self.intervals, sha256 }
    }
}

fn write_line(line: &mut String, number: u64, row: &ServiceInterval, site: &Site) {
    // Years of a large site are tens of millions of lines, so that these are put together by hand.
    let mut buffer = itoa::Buffer::new();
    line.push_str(buffer.format(number));
    for instant in [row.interval.from, row.interval.until] {
        line.push(',');
        instant.push_to(line);
    }
    line.push(',');
    site.push_node_name(row.first_node, line);
    for count in [row.nodes, row.gpus_per_node] {
        line.push(',');
        line.push_str(buffer.format(count));
    }
    let sku = &site.sku(&site.pools[usize::from(row.pool)]).id;
    for word in [sku.as_str(), row.state.key()] {
        line.push(',');
        line.push_str(word);
    }
    line.push('\n');
}

/// Reads a month's file, line by line. Memory holds the lines that came before their turn, and
/// nothing else.
#[derive(Debug, Clone)]
pub struct EvidenceReader {
    month: Month,
    log: MonthLog,
    /// Lines read so far.
    read: u64,
    early: BTreeMap<u64, String>,
}

impl EvidenceReader {
    /// A reader of the file of `month`.
    pub fn new(month: Month) -> Self {
        Self { month, log: MonthLog::default(), read: 0, early: BTreeMap::new() }
    }

    /// Reads the next line, without its end, and hands over what that completes: lines in order of
    /// their numbers, each once.
    ///
    /// # Errors
    /// Where it is no line of such a file. What it says is not judged: the digest is.
    pub fn push(
        &mut self,
        text: &str,
        each: &mut dyn FnMut(EvidenceLine<'_>),
    ) -> Result<(), EvidenceError> {
        self.read += 1;
        if self.read == 1 {
            self.log.sha256.update(HEADER);
            return if text == HEADER.trim_end() { Ok(()) } else { Err(EvidenceError::NoHeader) };
        }
        let bad = || EvidenceError::BadLine { line: self.read, text: text.into() };
        let line = parse(text).ok_or_else(bad)?;
        let next = self.log.intervals + 1;
        if line.number > next {
            self.early.insert(line.number, text.into());
        } else if line.number == next {
            self.accept(text, line, each);
            while let Some(text) = self.early.remove(&(self.log.intervals + 1)) {
                self.accept(&text, parse(&text).expect("it was read before"), each);
            }
        }
        Ok(())
    }

    fn accept(
        &mut self,
        text: &str,
        line: EvidenceLine<'_>,
        each: &mut dyn FnMut(EvidenceLine<'_>),
    ) {
        self.log.intervals += 1;
        self.log.sha256.update(text);
        self.log.sha256.update("\n");
        each(line);
    }

    /// What proves the lines: the digest of the file as it was written.
    ///
    /// # Errors
    /// Where lines are missing.
    pub fn finish(self) -> Result<UsageDigest, EvidenceError> {
        match self.early.is_empty() {
            true => Ok(self.log.digest(self.month)),
            false => Err(EvidenceError::Missing { number: self.log.intervals + 1 }),
        }
    }
}

fn parse(text: &str) -> Option<EvidenceLine<'_>> {
    let mut fields = text.split(',');
    let number = fields.next()?.parse().ok().filter(|number| *number > 0)?;
    let from = Instant::from_rfc3339(fields.next()?)?;
    let until = Instant::from_rfc3339(fields.next()?)?;
    let _first_node = fields.next()?;
    let nodes: u64 = fields.next()?.parse().ok().filter(|nodes| *nodes <= NODES_MAX)?;
    let gpus: u64 = fields.next()?.parse().ok().filter(|gpus| *gpus <= GPUS_PER_NODE_MAX)?;
    let sku = fields.next()?;
    let state = fields.next()?;
    let state = ServiceState::ALL.into_iter().find(|known| known.key() == state)?;
    let whole = fields.next().is_none() && from < until;
    whole.then(|| EvidenceLine {
        number,
        interval: Interval::new(from, until),
        sku,
        gpus: nodes * gpus,
        state,
    })
}
