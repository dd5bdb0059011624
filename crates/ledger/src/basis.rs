//! What the bills of one lease rest on besides its terms: facts, in the order in which they came,
//! and service intervals. The books keep them, and whoever checks a bill reads them again.

use leasehold_lease::{Lease, Meter as Metered, Terms};
use leasehold_site::Site;
use leasehold_units::{Instant, LeaseId, Month};
use serde::{Deserialize, Serialize};

use crate::record::{Fact, Record, RecordDigest};
use crate::{
    LeaseMeter, OpenDocument, PeriodReadings, Receivables, ServiceInterval, ServiceLog, SkuRating,
    TermsDigest,
};

/// What the bills of one lease rest on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BillingBasis {
    meter: LeaseMeter,
    log: ServiceLog,
    record: Record,
    lease: LeaseId,
    /// Whether a version of its terms asks for interest.
    bears_interest: bool,
    open: OpenDocuments,
}

/// What is open of documents, by the order of their numbers.
pub(crate) type OpenDocuments = Vec<OpenDocument>;

impl BillingBasis {
    /// An account of `lease` on `site`, kept from `from` on.
    pub fn new(site: &Site, lease: &Lease, from: Instant) -> Self {
        let terms = lease.latest();
        let skus = site.skus.iter().map(SkuRating::of).collect();
        let mut account = Self {
            meter: LeaseMeter::new(&terms.time_zone, from, site.pue, skus),
            log: ServiceLog::new(terms.time_zone.clone()),
            record: Record::default(),
            lease: terms.id.clone(),
            bears_interest: false,
            open: OpenDocuments::new(),
        };
        for sku in &site.skus {
            let rating = SkuRating::of(sku);
            account.record(from, Fact::Rated { sku: sku.id.clone(), rating, pue: site.pue });
        }
        for terms in &lease.versions {
            account.sign(from, terms);
        }
        if let Some(notice) = lease.notice {
            account.record(from, Fact::NoticeGiven(notice));
        }
        account
    }

    /// Records that `terms` were signed at `at`.
    pub fn sign(&mut self, at: Instant, terms: &Terms) {
        if prices_over(terms) {
            self.meter.meter_over(at);
        }
        self.bears_interest |= terms.fee.late_interest.is_some();
        self.record(at, Fact::Signed(TermsDigest::of(terms)));
    }

    /// Records what happened at `at`. Facts come in order.
    pub fn record(&mut self, at: Instant, fact: Fact) {
        meter_fact(&mut self.meter, at, &fact);
        if let Fact::Open(document) = &fact {
            note_open(&mut self.open, document);
        }
        self.record.add(at, fact);
    }

    /// Records what is open of the lease's documents, where that changed and bears interest.
    pub fn note_receivables(&mut self, at: Instant, receivables: &Receivables) {
        if !self.bears_interest {
            return;
        }
        let of_lease = receivables.documents().filter(|(_, known)| known.lease == self.lease);
        let open = of_lease.map(|(number, known)| OpenDocument {
            number: number.to_owned(),
            due: known.due,
            history: known.open_history(),
        });
        let changed: Vec<_> = open.filter(|open| !self.open.contains(open)).collect();
        for document in changed {
            self.record(at, Fact::Open(document));
        }
    }

    /// What is open of its documents, as far as it bears interest.
    pub fn open_documents(&self) -> &[OpenDocument] {
        &self.open
    }

    /// Adds what the lease was given. Returns the month and what is to be written into its file.
    pub fn add(&mut self, row: &ServiceInterval, site: &Site) -> (Month, &str) {
        let sku = site.pools[usize::from(row.pool)].sku;
        self.meter.add(sku, row.gpus(), row.state, row.interval);
        self.log.write(row, site)
    }

    /// What was read in `month` before `until`, with what proves it.
    pub fn readings(&self, month: Month, until: Instant) -> PeriodReadings {
        let usage = Some(self.log.digest(month));
        PeriodReadings { usage, ..self.meter.readings(month, until) }
    }

    /// What is read in `month` before `until` where `running` goes on: intervals of this lease that are not
    /// closed and were cut at `until`. Nothing proves it yet.
    pub fn readings_so_far<'a>(
        &self,
        month: Month,
        until: Instant,
        running: impl Iterator<Item = &'a ServiceInterval>,
        site: &Site,
    ) -> PeriodReadings {
        let mut meter = self.meter.clone();
        for row in running {
            meter.add(site.pools[usize::from(row.pool)].sku, row.gpus(), row.state, row.interval);
        }
        meter.readings(month, until)
    }

    /// The meter.
    pub const fn meter(&self) -> &LeaseMeter {
        &self.meter
    }

    /// What happened, in order.
    pub const fn facts(&self) -> &Record {
        &self.record
    }

    /// What proves the facts so far.
    pub fn record_digest(&self) -> RecordDigest {
        self.record.digest()
    }
}

impl SkuRating {
    /// What energy is reckoned with for `sku`.
    pub const fn of(sku: &leasehold_site::Sku) -> Self {
        Self {
            gpus_per_node: sku.gpus_per_node,
            measured: sku.node_power.measured,
            idle: sku.node_power.idle,
        }
    }
}

/// Puts what is known now of a document in the place of what was known before.
pub(crate) fn note_open(open: &mut OpenDocuments, document: &OpenDocument) {
    match open.iter_mut().find(|known| known.number == document.number) {
        Some(known) => known.clone_from(document),
        None => open.push(document.clone()),
    }
}

/// Whether use beyond the entitlement costs something.
pub(crate) fn prices_over(terms: &Terms) -> bool {
    terms.fee.usage.iter().any(|fee| fee.meter == Metered::GpuHoursOver)
}

/// Lets the meter hear of a fact.
pub(crate) fn meter_fact(meter: &mut LeaseMeter, at: Instant, fact: &Fact) {
    match fact {
        Fact::Rated { .. }
        | Fact::Signed(_)
        | Fact::NoticeGiven(_)
        | Fact::NoticeWithdrawn
        | Fact::Ended { .. }
        | Fact::Open(_) => {}
        Fact::Short(days) => meter.short(*days),
        Fact::Entitled { gpus } => meter.entitle(at, *gpus),
        Fact::Excluded { gpus } => meter.exclude(at, *gpus),
        // It counts when it was answered: then no month that it belongs to is billed yet.
        Fact::Reclaimed { outcome, .. } => meter.reclaimed(at, *outcome),
        Fact::CurtailedBeyond { nodes } => meter.curtailed_beyond(at, *nodes),
    }
}
