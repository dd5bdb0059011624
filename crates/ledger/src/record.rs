//! The record of a lease: what happened to it that can move a bill, a line of JSON each, in the
//! order in which it came. A document names how many it rests on, and their SHA-256, so that
//! `head -n FACTS record.jsonl | sha256sum` tells whether a record is the one that was billed from.

use leasehold_lease::{Notice, ShortDays, Side};
use leasehold_units::{Currency, Day, Gpus, Instant, Money, Ratio, SkuId, Watts};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::document::{hex, unhex};
use crate::formula::number;
use crate::{OpenDocument, ReclaimOutcome, SkuRating, TermsDigest};

/// Something that happened to a lease and can move a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Energy of a kind of node is reckoned so.
    Rated {
        /// Which kind.
        sku: SkuId,
        /// What its nodes draw.
        rating: SkuRating,
        /// Facility watts for one watt of IT.
        pue: Ratio,
    },
    /// A version of its terms was signed.
    Signed(TermsDigest),
    /// A side gave notice.
    NoticeGiven(Notice),
    /// Both sides agreed to withdraw the notice.
    NoticeWithdrawn,
    /// A late delivery ended it.
    Ended {
        /// The last day of service.
        last_day: Day,
    },
    /// Less was delivered than was granted on days past the grace.
    Short(ShortDays),
    /// Its entitlement took a step; what is not delivered by its date of delivery is left out.
    Entitled {
        /// GPUs from then on.
        gpus: Gpus,
    },
    /// Nodes of the holding went out for maintenance that the lease agrees to and leaves out of its
    /// availability, or came back.
    Excluded {
        /// GPUs out from then on.
        gpus: Gpus,
    },
    /// The tenant had asked for what it holds, and got it.
    Reclaimed {
        /// When it could first have had it.
        asked: Instant,
        /// Whether it came in time.
        outcome: ReclaimOutcome,
    },
    /// Nodes were switched off beyond the depth that was agreed.
    CurtailedBeyond {
        /// How many.
        nodes: u32,
    },
    /// What is open of one of its documents, from day to day, as it is known now. Told where the
    /// terms have interest.
    Open(OpenDocument),
}

/// What proves a record, or the beginning of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordDigest {
    /// Facts in it.
    pub facts: u64,
    /// Of their lines.
    pub sha256: [u8; 32],
}

/// What happened to a lease, in order.
#[derive(Debug, Clone)]
pub struct Record {
    facts: Vec<(Instant, Fact)>,
    sha256: Sha256,
}

/// A line of a record file that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text:?} is no fact of a record: {why}")]
pub struct RecordError {
    /// Which, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Default for Record {
    fn default() -> Self {
        Self { facts: Vec::new(), sha256: Sha256::new() }
    }
}

impl Default for RecordDigest {
    fn default() -> Self {
        Record::default().digest()
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest() && self.facts == other.facts
    }
}

impl Record {
    /// Reads a record file.
    ///
    /// # Errors
    /// The first line that is no fact.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, RecordError> {
        let mut record = Self::default();
        for (text, line) in lines.into_iter().zip(1..) {
            let bad = |why: String| RecordError { line, text: text.into(), why };
            let wire: WireFact =
                serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
            let (at, fact) = fact_of(&wire).map_err(|value| bad(format!("{value:?} cannot be")))?;
            if record.facts.last().is_some_and(|(earlier, _)| at < *earlier) {
                return Err(bad("it is earlier than the fact before it".into()));
            }
            if line_of(at, &fact) != format!("{text}\n") {
                return Err(bad("it is written otherwise than facts are".into()));
            }
            record.add(at, fact);
        }
        Ok(record)
    }

    /// Adds what happened at `at`.
    pub fn add(&mut self, at: Instant, fact: Fact) {
        self.sha256.update(line_of(at, &fact));
        self.facts.push((at, fact));
    }

    /// What happened, in order.
    pub fn facts(&self) -> &[(Instant, Fact)] {
        &self.facts
    }

    /// The record file.
    pub fn to_lines(&self) -> String {
        self.facts.iter().map(|(at, fact)| line_of(*at, fact)).collect()
    }

    /// What proves it.
    pub fn digest(&self) -> RecordDigest {
        let facts = u64::try_from(self.facts.len()).expect("a record is short");
        RecordDigest { facts, sha256: self.sha256.clone().finalize().into() }
    }
}

/// As its file.
impl Serialize for Record {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_lines())
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::from_lines(text.lines()).map_err(de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
struct WireFact {
    at: String,
    #[serde(flatten)]
    fact: WireKind,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case", deny_unknown_fields)]
enum WireKind {
    Rated { sku: String, gpus_per_node: u32, measured_watts: u64, idle_watts: u64, pue: String },
    Signed { version: u32, sha256: String },
    NoticeGiven { by: String, day: String },
    NoticeWithdrawn,
    Ended { last_day: String },
    Short { from: String, until: String, granted: u64, delivered: u64 },
    Entitled { gpus: u64 },
    Excluded { gpus: u64 },
    Reclaimed { asked: String, missed: bool },
    CurtailedBeyond { nodes: u32 },
    Open { document: String, due: String, currency: String, history: Vec<(String, String)> },
}

fn line_of(at: Instant, fact: &Fact) -> String {
    let fact = match fact {
        Fact::Rated { sku, rating, pue } => WireKind::Rated {
            sku: sku.to_string(),
            gpus_per_node: rating.gpus_per_node,
            measured_watts: rating.measured.get(),
            idle_watts: rating.idle.get(),
            pue: pue.to_string(),
        },
        Fact::Signed(terms) => {
            WireKind::Signed { version: terms.version, sha256: hex(&terms.sha256) }
        }
        Fact::NoticeGiven(notice) => {
            WireKind::NoticeGiven { by: notice.by.to_string(), day: notice.given.to_string() }
        }
        Fact::NoticeWithdrawn => WireKind::NoticeWithdrawn,
        Fact::Ended { last_day } => WireKind::Ended { last_day: last_day.to_string() },
        Fact::Short(days) => WireKind::Short {
            from: days.from.to_string(),
            until: days.until.to_string(),
            granted: days.granted.get(),
            delivered: days.delivered.get(),
        },
        Fact::Entitled { gpus } => WireKind::Entitled { gpus: gpus.get() },
        Fact::Excluded { gpus } => WireKind::Excluded { gpus: gpus.get() },
        Fact::Reclaimed { asked, outcome } => WireKind::Reclaimed {
            asked: asked.to_string(),
            missed: *outcome == ReclaimOutcome::Missed,
        },
        Fact::CurtailedBeyond { nodes } => WireKind::CurtailedBeyond { nodes: *nodes },
        Fact::Open(open) => wire_open(open),
    };
    let wire = WireFact { at: at.to_string(), fact };
    serde_json::to_string(&wire).expect("a fact can be written") + "\n"
}

/// The fact that a line tells, or the value that cannot be.
fn fact_of(wire: &WireFact) -> Result<(Instant, Fact), String> {
    let fact = match &wire.fact {
        WireKind::Rated { sku, gpus_per_node, measured_watts, idle_watts, pue } => Fact::Rated {
            sku: SkuId::new(sku).map_err(|_| sku.clone())?,
            rating: SkuRating {
                gpus_per_node: *gpus_per_node,
                measured: Watts::new(*measured_watts),
                idle: Watts::new(*idle_watts),
            },
            pue: number(pue).ok_or_else(|| pue.clone())?,
        },
        WireKind::Signed { version, sha256 } => Fact::Signed(TermsDigest {
            version: *version,
            sha256: unhex(sha256).ok_or_else(|| sha256.clone())?,
        }),
        WireKind::NoticeGiven { by, day } => {
            let sides = [Side::Landlord, Side::Tenant];
            let side = sides.into_iter().find(|side| side.to_string() == *by);
            let given: Day = day.parse().map_err(|_| day.clone())?;
            Fact::NoticeGiven(Notice { by: side.ok_or_else(|| by.clone())?, given })
        }
        WireKind::NoticeWithdrawn => Fact::NoticeWithdrawn,
        WireKind::Ended { last_day } => Fact::Ended { last_day: day_of(last_day)? },
        // Days that are not short, or run backwards, are no fact.
        WireKind::Short { granted, delivered, .. } if granted <= delivered => {
            return Err(format!("{delivered} of {granted}"));
        }
        WireKind::Short { from, until, .. } if day_of(until)? < day_of(from)? => {
            return Err(format!("{from} to {until}"));
        }
        WireKind::Short { from, until, granted, delivered } => Fact::Short(ShortDays {
            from: day_of(from)?,
            until: day_of(until)?,
            granted: Gpus::new(*granted),
            delivered: Gpus::new(*delivered),
        }),
        WireKind::Entitled { gpus } => Fact::Entitled { gpus: Gpus::new(*gpus) },
        WireKind::Excluded { gpus } => Fact::Excluded { gpus: Gpus::new(*gpus) },
        WireKind::Reclaimed { asked, missed } => Fact::Reclaimed {
            asked: instant(asked)?,
            outcome: if *missed { ReclaimOutcome::Missed } else { ReclaimOutcome::WithinBound },
        },
        WireKind::CurtailedBeyond { nodes } => Fact::CurtailedBeyond { nodes: *nodes },
        WireKind::Open { document, due, currency, history } => {
            let known = Currency::from_code(currency).map_err(|_| currency.clone())?;
            let change = |(day, open): &(String, String)| {
                Ok((
                    day_of(day)?,
                    Money::from_signed_decimal(open, known).map_err(|_| open.clone())?,
                ))
            };
            Fact::Open(OpenDocument {
                number: document.clone(),
                due: day_of(due)?,
                history: history.iter().map(change).collect::<Result<_, String>>()?,
            })
        }
    };
    Ok((instant(&wire.at)?, fact))
}

fn wire_open(open: &OpenDocument) -> WireKind {
    let currency = open.history.first().map_or("", |(_, open)| open.currency().code());
    let history = open.history.iter().map(|(day, open)| (day.to_string(), open.to_string()));
    WireKind::Open {
        document: open.number.clone(),
        due: open.due.to_string(),
        currency: currency.to_owned(),
        history: history.collect(),
    }
}

fn day_of(text: &str) -> Result<Day, String> {
    text.parse().map_err(|_| text.into())
}

fn instant(text: &str) -> Result<Instant, String> {
    Instant::from_rfc3339(text).ok_or_else(|| text.into())
}
