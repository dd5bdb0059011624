//! What the meters of one lease read for one period.

use leasehold_lease::ShortDays;
use leasehold_units::{GpuSeconds, Ratio};

use crate::UsageDigest;

/// What was metered for a lease in one civil month of its zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodReadings {
    /// GPU-seconds that the lease grants; without those that were not delivered where the lease has a
    /// date of delivery, since they are remedied there.
    pub entitled: GpuSeconds,
    /// GPU-seconds in the holding that were neither down nor curtailed, at most `entitled`.
    pub delivered: GpuSeconds,
    /// GPU-seconds in the holding that were out for maintenance as the lease agrees: neither
    /// delivered nor missing.
    pub excluded: GpuSeconds,
    /// GPU-seconds in the holding, whatever they were doing.
    pub held: GpuSeconds,
    /// GPU-seconds on which the tenant's jobs ran.
    pub used: GpuSeconds,
    /// GPU-seconds used beyond the entitlement of the same instant.
    pub over: GpuSeconds,
    /// Facility watt-seconds of what the tenant used or left idle in its holding.
    pub energy: Ratio,
    /// Times that the tenant asked for what it holds while it was lent.
    pub reclaim_requests: u64,
    /// Of these, answered later than the lease promises.
    pub reclaim_missed: u64,
    /// Nodes that were switched off beyond the agreed depth, each time counted.
    pub curtailed_beyond: u64,
    /// What proves the intervals that were read.
    pub usage: Option<UsageDigest>,
    /// Days on which the fixed fee follows what was delivered; of the month or more.
    pub short: Vec<ShortDays>,
}

impl PeriodReadings {
    /// The readings of a period in which nothing was granted and nothing happened.
    pub const NONE: Self = Self {
        entitled: GpuSeconds::ZERO,
        delivered: GpuSeconds::ZERO,
        excluded: GpuSeconds::ZERO,
        held: GpuSeconds::ZERO,
        used: GpuSeconds::ZERO,
        over: GpuSeconds::ZERO,
        energy: Ratio::ZERO,
        reclaim_requests: 0,
        reclaim_missed: 0,
        curtailed_beyond: 0,
        usage: None,
        short: Vec::new(),
    };

    /// Delivered over what was entitled and not excluded, 0 to 1; nothing where that is nothing.
    pub fn availability(&self) -> Option<Ratio> {
        let exact = |quantity: GpuSeconds| {
            i128::try_from(quantity.get()).expect("GPU-seconds of a site fit in 127 bits")
        };
        let promised = exact(self.entitled) - exact(self.excluded);
        (promised > 0).then(|| Ratio::new(exact(self.delivered).min(promised), promised))
    }
}
