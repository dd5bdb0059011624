//! What parties and those who run the site are told, in order.

use std::collections::VecDeque;

use leasehold_units::Instant;
use serde::{Deserialize, Serialize};

/// How many items of a feed can be read again.
const LENGTH: usize = 1_000;

/// What somebody was told. Items are numbered for each reader, so that what others are told leaves no gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    items: VecDeque<FeedItem>,
    told: u64,
}

impl Feed {
    /// Adds an item.
    pub fn push(&mut self, at: Instant, what: News) {
        self.told += 1;
        if self.items.len() == LENGTH {
            self.items.pop_front();
        }
        self.items.push_back(FeedItem { number: self.told, at, what });
    }

    /// The number of the last item; 0 if there is none.
    pub const fn last(&self) -> u64 {
        self.told
    }

    /// The items behind number `after`; none where some of them can no longer be read.
    pub fn since(&self, after: u64) -> Option<impl Iterator<Item = &FeedItem>> {
        let first = self.told - self.items.len() as u64;
        let skipped = usize::try_from(after.checked_sub(first)?).ok()?;
        (after <= self.told).then(|| self.items.range(skipped..))
    }
}

/// Something that a party is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    /// 1, 2, 3 for each reader.
    pub number: u64,
    /// When.
    pub at: Instant,
    /// What.
    pub what: News,
}

/// What a party can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum News {
    /// Its job entered the queue.
    JobSubmitted {
        /// Its number.
        job: u64,
    },
    /// Its job started.
    JobStarted {
        /// Its number.
        job: u64,
    },
    /// Its job was told to leave.
    JobToldToLeave {
        /// Its number.
        job: u64,
        /// When it is killed.
        deadline: Instant,
    },
    /// Its job left its nodes and waits again.
    JobRequeued {
        /// Its number.
        job: u64,
    },
    /// Its job is over.
    JobEnded {
        /// Its number.
        job: u64,
        /// Whether it was cancelled.
        cancelled: bool,
    },
    /// Its lease was signed, amended, terminated, or took a step.
    LeaseChanged {
        /// Its name.
        lease: String,
    },
    /// A document was issued to it, or something happened to one.
    DocumentIssued {
        /// Its number.
        document: String,
    },
    /// A promise to it was not kept.
    PromiseBroken {
        /// Of which lease.
        lease: String,
    },
}
