//! Deriving a lease's documents again from its terms, its record and its service intervals: what a
//! tenant does with the evidence, without the landlord.
//!
//! It bills as the books do, with a meter and a biller of its own that know nothing but what was
//! handed over. Documents are derived in the order in which they were issued, since one may settle
//! what an earlier one billed.

use std::collections::BTreeMap;

use leasehold_lease::{AmendRefusal, Lease, NoticeRefusal, Terms};
use leasehold_units::{Instant, Month, SkuId};

use crate::basis::{OpenDocuments, meter_fact, note_open, prices_over};
use crate::correction::follow_up_of;
use crate::document::hex;
use crate::record::{Fact, Record, RecordDigest};
use crate::{
    BilledLease, Biller, EvidenceError, EvidenceReader, Invoice, LeaseMeter, Line, PeriodReadings,
    SkuRating, TermsDigest, UsageDigest,
};

/// Derives the documents of one lease again.
#[derive(Debug)]
pub struct Rederivation {
    terms: Vec<Terms>,
    record: Record,
    /// The facts that were heard so far.
    heard: Record,
    lease: Option<Lease>,
    meter: LeaseMeter,
    skus: Vec<SkuId>,
    usage: BTreeMap<Month, UsageDigest>,
    biller: Biller,
    open: OpenDocuments,
    /// The documents that followed, by number.
    documents: BTreeMap<String, Invoice>,
}

/// Why a document does not follow from the evidence.
#[derive(Debug, thiserror::Error)]
pub enum RederiveError {
    /// Nothing to begin with.
    #[error("the record begins without signed terms: expected `rated` and `signed` facts first")]
    NoBeginning,
    /// Terms that are in the record are not at hand, or others are.
    #[error(
        "version {version} of the terms is not at hand as it was signed: expected a file with SHA-256 {sha256}"
    )]
    OtherTerms {
        /// Number of the version.
        version: u32,
        /// What its file should have.
        sha256: String,
    },
    /// Versions that do not follow on each other.
    #[error(transparent)]
    Amendment(#[from] AmendRefusal),
    /// A notice that the terms do not allow.
    #[error(transparent)]
    Notice(#[from] NoticeRefusal),
    /// The record is another one.
    #[error("the first {facts} facts of the record are not those that the document rests on")]
    OtherRecord {
        /// How many it rests on.
        facts: u64,
    },
    /// The service intervals of a month are others.
    #[error(
        "the service intervals of {month} are not those that the document rests on: {found} of them with SHA-256 {found_sha256}, expected {expected} with {expected_sha256}"
    )]
    OtherUsage {
        /// Which month.
        month: Month,
        /// How many are at hand.
        found: u64,
        /// What their file has.
        found_sha256: String,
        /// How many it rests on.
        expected: u64,
        /// What their file should have.
        expected_sha256: String,
    },
    /// It speaks of a document that is not among those that were derived before.
    #[error("document {number}, which it corrects or replaces, is not among those before it")]
    NoEarlier {
        /// Which.
        number: String,
    },
    /// Nothing is due on its day.
    #[error("nothing is due on {0}, the day of the document")]
    NothingDue(String),
    /// A line says something else than what follows.
    #[error(
        "line {line} does not follow: the document says {stated}; terms and usage give {derived}"
    )]
    OtherLine {
        /// Which, from 1.
        line: usize,
        /// What it says.
        stated: String,
        /// What follows.
        derived: String,
    },
    /// Something else than a line.
    #[error(
        "the {field} does not follow: the document says {stated}; terms and usage give {derived}"
    )]
    Other {
        /// What.
        field: &'static str,
        /// What it says.
        stated: String,
        /// What follows.
        derived: String,
    },
}

/// Why a file of service intervals cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// It is no such file.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A sku that the record does not rate.
    #[error("interval {number}: {sku} is not rated in the record")]
    UnknownSku {
        /// Number of the interval.
        number: u64,
        /// Which sku.
        sku: String,
    },
    /// An interval that lies before the record begins, or in another month.
    #[error("interval {number} does not lie in {month}")]
    OtherMonth {
        /// Number of the interval.
        number: u64,
        /// Which month it should lie in.
        month: Month,
    },
}

impl Rederivation {
    /// A derivation that has derived nothing, from all versions of the terms and the record.
    ///
    /// # Errors
    /// Where the record does not say what is signed and how energy is reckoned.
    pub fn new(terms: Vec<Terms>, record: Record) -> Result<Self, RederiveError> {
        let mut skus: Vec<(SkuId, SkuRating)> = Vec::new();
        let mut pue = None;
        for (_, fact) in record.facts() {
            if let Fact::Rated { sku, rating, pue: rated } = fact {
                skus.push((sku.clone(), *rating));
                pue = Some(*rated);
            }
        }
        let first = record.facts().first().zip(terms.first()).zip(pue);
        let Some((((from, _), first), pue)) = first else { return Err(RederiveError::NoBeginning) };
        let (skus, ratings) = skus.into_iter().unzip();
        let mut meter = LeaseMeter::new(&first.time_zone, *from, pue, ratings);
        // Usage is read before the facts are heard, and counts from the signature on that prices it.
        if let Some(at) = over_priced(&terms, &record) {
            meter.meter_over(at);
        }
        Ok(Self {
            meter,
            terms,
            record,
            heard: Record::default(),
            lease: None,
            skus,
            usage: BTreeMap::new(),
            biller: Biller::new(),
            open: OpenDocuments::new(),
            documents: BTreeMap::new(),
        })
    }

    /// Takes the file of `month`, line by line.
    ///
    /// # Errors
    /// Where it is none. Whether it is the one that was billed from is judged with the document.
    pub fn read_usage<L: AsRef<str>>(
        &mut self,
        month: Month,
        lines: impl IntoIterator<Item = L>,
    ) -> Result<(), UsageError> {
        let mut whole = self.meter.interval_of(month);
        let begun = self.record.facts().first().map_or(whole.from, |(at, _)| *at);
        whole.from = whole.from.max(begun);
        let mut reader = EvidenceReader::new(month);
        let mut wrong = None;
        for text in lines {
            reader.push(text.as_ref(), &mut |line| {
                let sku = self.skus.iter().position(|sku| sku.as_str() == line.sku);
                let inside = whole.from <= line.interval.from && line.interval.until <= whole.until;
                match sku {
                    Some(sku) if inside => {
                        self.meter.add(sku, line.gpus, line.state, line.interval);
                    }
                    Some(_) => {
                        wrong = Some(UsageError::OtherMonth { number: line.number, month });
                    }
                    None => {
                        let (number, sku) = (line.number, line.sku.to_owned());
                        wrong = Some(UsageError::UnknownSku { number, sku });
                    }
                }
            })?;
            if let Some(wrong) = wrong {
                return Err(wrong);
            }
        }
        self.usage.insert(month, reader.finish()?);
        Ok(())
    }

    /// Derives the next document again and compares.
    ///
    /// # Errors
    /// The first thing that does not follow.
    pub fn check(&mut self, stated: &Invoice) -> Result<(), RederiveError> {
        match stated.corrects.as_ref().or(stated.replaces.as_ref()) {
            Some(earlier) => {
                // It rests on that document alone, and so on what that rests on.
                let unknown = || RederiveError::NoEarlier { number: earlier.clone() };
                let earlier = self.documents.get(earlier).ok_or_else(unknown)?;
                compare(stated, &follow_up_of(earlier, stated))?;
            }
            None => self.check_billed(stated)?,
        }
        self.documents.insert(stated.number.clone(), stated.clone());
        Ok(())
    }

    fn check_billed(&mut self, stated: &Invoice) -> Result<(), RederiveError> {
        self.hear(stated.record)?;
        self.compare_usage(stated)?;
        let Some(lease) = &self.lease else { return Err(RederiveError::NoBeginning) };
        let until = lease.latest().time_zone.start_of(stated.issued);
        let periods = lease.fee_periods();
        let billed = BilledLease::new(lease, &periods, &self.open);
        let readings = |month: Month| PeriodReadings {
            usage: Some(
                self.usage.get(&month).copied().unwrap_or_else(|| UsageDigest::none(month)),
            ),
            ..self.meter.readings(month, until)
        };
        // What came to nothing since it was signed was looked at on its day, and no document says so.
        let signed =
            self.record.facts().first().map(|(at, _)| lease.latest().time_zone.day_of(*at));
        let mut day = signed.unwrap_or(stated.issued);
        while let Some(due) = self.biller.next_issue_day(&billed, day)
            && due < stated.issued
        {
            let mut looked = self.biller.clone();
            if looked.issue_on(due, &billed, &readings).is_some() {
                break;
            }
            self.biller = looked;
            day = due.tomorrow().map_err(|_| RederiveError::NothingDue(due.to_string()))?;
        }
        let derived = self.biller.issue_again_on(stated.issued, &billed, &readings);
        let derived =
            derived.ok_or_else(|| RederiveError::NothingDue(stated.issued.to_string()))?;
        compare(stated, &derived)
    }

    /// Hears every fact of the record, whether a document rests on it or not.
    ///
    /// # Errors
    /// Where the terms at hand are not those that were signed, or do not follow on each other.
    pub fn hear_all(&mut self) -> Result<&Lease, RederiveError> {
        self.hear(self.record.digest())?;
        self.lease.as_ref().ok_or(RederiveError::NoBeginning)
    }

    /// What was read so far.
    pub const fn meter(&self) -> &LeaseMeter {
        &self.meter
    }

    /// Facts that were heard so far.
    pub fn facts_heard(&self) -> usize {
        self.heard.facts().len()
    }

    /// What proves the service intervals that were read, by month.
    pub fn usage(&self) -> impl Iterator<Item = &UsageDigest> {
        self.usage.values()
    }

    /// Hears the facts that a document rests on, once they are known to be those.
    fn hear(&mut self, until: RecordDigest) -> Result<(), RederiveError> {
        let other = || RederiveError::OtherRecord { facts: until.facts };
        let known = self.heard.facts().len();
        let count = usize::try_from(until.facts).map_err(|_| other())?;
        let facts = self.record.facts().get(known..count).ok_or_else(other)?.to_vec();
        let mut heard = self.heard.clone();
        facts.iter().for_each(|(at, fact)| heard.add(*at, fact.clone()));
        if heard.digest() != until {
            return Err(other());
        }
        self.heard = heard;
        facts.into_iter().try_for_each(|(at, fact)| self.take(at, &fact))
    }

    fn take(&mut self, at: Instant, fact: &Fact) -> Result<(), RederiveError> {
        match fact {
            Fact::Signed(digest) => self.sign(*digest)?,
            Fact::NoticeGiven(notice) => {
                let lease = self.lease.as_mut().ok_or(RederiveError::NoBeginning)?;
                lease.give_notice(notice.by, notice.given)?;
            }
            Fact::NoticeWithdrawn => {
                let lease = self.lease.as_mut().ok_or(RederiveError::NoBeginning)?;
                lease.drop_notice();
            }
            Fact::Open(document) => note_open(&mut self.open, document),
            Fact::Ended { last_day } => {
                let lease = self.lease.as_mut().ok_or(RederiveError::NoBeginning)?;
                lease.end_undelivered(*last_day);
            }
            _ => {}
        }
        meter_fact(&mut self.meter, at, fact);
        Ok(())
    }

    fn sign(&mut self, digest: TermsDigest) -> Result<(), RederiveError> {
        let TermsDigest { version, sha256 } = digest;
        let found = self.terms.iter().find(|terms| TermsDigest::of(terms) == digest);
        let other = || RederiveError::OtherTerms { version, sha256: hex(&sha256) };
        let terms = found.ok_or_else(other)?.clone();
        match &mut self.lease {
            None => self.lease = Some(Lease::new(vec![terms])?),
            Some(lease) => lease.amend(terms)?,
        }
        Ok(())
    }

    /// Whether the service intervals at hand are those that the document says it rests on.
    fn compare_usage(&self, stated: &Invoice) -> Result<(), RederiveError> {
        for expected in stated.lines.iter().filter_map(|line| line.derivation.usage) {
            let month = expected.month;
            let found = self.usage.get(&month).copied();
            let found = found.unwrap_or_else(|| UsageDigest::none(month));
            if found != expected {
                return Err(RederiveError::OtherUsage {
                    month,
                    found: found.intervals,
                    found_sha256: hex(&found.sha256),
                    expected: expected.intervals,
                    expected_sha256: hex(&expected.sha256),
                });
            }
        }
        Ok(())
    }
}

/// When terms were signed first that price use beyond the entitlement.
fn over_priced(terms: &[Terms], record: &Record) -> Option<Instant> {
    let priced: Vec<TermsDigest> =
        terms.iter().filter(|terms| prices_over(terms)).map(TermsDigest::of).collect();
    let mut facts = record.facts().iter();
    let signed = facts.find(|(_, fact)| matches!(fact, Fact::Signed(of) if priced.contains(of)));
    signed.map(|(at, _)| *at)
}

/// Whether `stated` says what was derived. The number is the landlord's to give, since it counts the
/// documents of other tenants too, and the record was compared before.
fn compare(stated: &Invoice, derived: &Invoice) -> Result<(), RederiveError> {
    let nothing = "nothing".to_owned();
    let told = |line: &Line| format!("{} ({})", line.amount, line.description);
    for place in 0..stated.lines.len().max(derived.lines.len()) {
        let (stated, derived) = (stated.lines.get(place), derived.lines.get(place));
        if stated != derived {
            return Err(RederiveError::OtherLine {
                line: place + 1,
                stated: stated.map_or(nothing.clone(), told),
                derived: derived.map_or(nothing, told),
            });
        }
    }
    type Value = fn(&Invoice) -> String;
    let fields: [(&'static str, Value); 7] = [
        ("landlord", |invoice| invoice.landlord.to_string()),
        ("tenant", |invoice| invoice.tenant.to_string()),
        ("lease", |invoice| invoice.lease.to_string()),
        ("day on which it is due", |invoice| invoice.due.to_string()),
        ("list of terms", |invoice| format!("{:?}", invoice.terms)),
        ("list of taxes", |invoice| format!("{:?}", invoice.taxes)),
        ("total", |invoice| format!("{} {}", invoice.total, invoice.currency)),
    ];
    for (field, value) in fields {
        let (stated, derived) = (value(stated), value(derived));
        if stated != derived {
            return Err(RederiveError::Other { field, stated, derived });
        }
    }
    Ok(())
}
