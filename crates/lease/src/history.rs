//! A lease through time: its versions, and the notice that may end it.

use jiff::ToSpan;
use leasehold_units::Day;
use serde::{Deserialize, Serialize};

use crate::{Notice, NoticeBy, Side, Terms};

/// A lease: its versions in order, and the notice if one was given. Never edited, only added to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// In ascending order; never empty.
    pub versions: Vec<Terms>,
    /// The notice that stands, if any.
    pub notice: Option<Notice>,
    /// Whether the side that gave the notice asks to withdraw it.
    #[serde(default)]
    pub withdrawal_asked: bool,
    /// The last day of service, where a late delivery ended the lease.
    pub undelivered: Option<Day>,
}

/// Why a version cannot follow on a lease.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmendRefusal {
    /// No version at all.
    #[error("lease-has-terms: a lease needs at least one version of its terms")]
    NoVersion,
    /// The versions do not count up from 1.
    #[error("version-follows: {lease} version {found} cannot follow on version {last}; version {} is next", last + 1)]
    VersionGap {
        /// The lease.
        lease: String,
        /// The version that was there last, 0 for none.
        last: u32,
        /// The version that should follow.
        found: u32,
    },
    /// Something that an amendment cannot change.
    #[error(
        "amendment-keeps: {lease} version {version} changes its {what}, which takes a new lease"
    )]
    Changes {
        /// The lease.
        lease: String,
        /// The version.
        version: u32,
        /// What it changes.
        what: &'static str,
    },
    /// It takes effect before an earlier version does.
    #[error("amendment-in-order: {lease} version {version} takes effect on {effective}, not after {earlier}, when version {} does", version - 1)]
    OutOfOrder {
        /// The lease.
        lease: String,
        /// The version.
        version: u32,
        /// When it takes effect.
        effective: Day,
        /// When the one before does.
        earlier: Day,
    },
    /// It leaves a gap after the term of the version before.
    #[error(
        "amendment-during-term: {lease} version {version} takes effect on {effective}, more than a day after service ends on {end}"
    )]
    AfterTerm {
        /// The lease.
        lease: String,
        /// The version.
        version: u32,
        /// When it takes effect.
        effective: Day,
        /// The last day of service under the version before.
        end: Day,
    },
    /// Its fees cannot be computed to the minor unit.
    #[error(
        "escalation-stays-exact: with {lease} version {version} the fees from {day} on have more digits than can be computed exactly"
    )]
    Inexact {
        /// The lease.
        lease: String,
        /// The version.
        version: u32,
        /// The first day of which that is so.
        day: Day,
    },
    /// A late delivery ended it.
    #[error("amendment-before-end: {lease} ends on {end} over its late delivery")]
    Undelivered {
        /// The lease.
        lease: String,
        /// The last day of service.
        end: Day,
    },
    /// The lease is being terminated.
    #[error("amendment-without-notice: {lease} is under notice; withdraw the notice first")]
    UnderNotice {
        /// The lease.
        lease: String,
    },
}

/// Why a notice cannot be given or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefusal {
    /// The terms let nobody, or not this side, terminate for convenience.
    #[error(
        "notice-by-entitled-side: {lease} gives its {side} no right to terminate for convenience"
    )]
    NotEntitled {
        /// The lease.
        lease: String,
        /// The side.
        side: Side,
    },
    /// Before the lock-in ends.
    #[error("notice-after-lock-in: {lease} may be given notice from {first} on, not on {given}")]
    TooEarly {
        /// The lease.
        lease: String,
        /// The first day on which it may.
        first: Day,
        /// The day on which it was tried.
        given: Day,
    },
    /// After the last day of service.
    #[error("notice-during-term: {lease} ends on {last}; notice on {given} ends nothing")]
    TooLate {
        /// The lease.
        lease: String,
        /// The last day of service.
        last: Day,
        /// The day on which it was tried.
        given: Day,
    },
    /// There is one already.
    #[error("notice-once: {lease} was given notice on {given} already")]
    AlreadyGiven {
        /// The lease.
        lease: String,
        /// When.
        given: Day,
    },
    /// There is none to withdraw.
    #[error("notice-to-withdraw: {lease} is not under notice")]
    NotGiven {
        /// The lease.
        lease: String,
    },
    /// Nobody asked for what is agreed to.
    #[error(
        "withdrawal-is-asked: the {by} gave {lease} notice and does not ask to withdraw it; that side asks first, then the other agrees"
    )]
    NotAsked {
        /// The lease.
        lease: String,
        /// Who gave the notice.
        by: Side,
    },
    /// Service is over, by the notice or otherwise.
    #[error(
        "withdrawal-during-service: {lease} ended on {last}; a new lease takes the place of one that is over"
    )]
    Over {
        /// The lease.
        lease: String,
        /// The last day of service.
        last: Day,
    },
}

/// What a side that wants a notice withdrawn comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// The side that gave the notice asks; the other one has to agree.
    Asked,
    /// It asked before.
    AskedBefore,
    /// The other side agrees: the notice is withdrawn.
    Agreed,
}

impl Lease {
    /// The lease with these versions, in any order.
    ///
    /// # Errors
    /// If they do not follow on each other.
    pub fn new(versions: Vec<Terms>) -> Result<Self, AmendRefusal> {
        let mut sorted = versions;
        sorted.sort_by_key(|terms| terms.version);
        let mut rest = sorted.into_iter();
        let first = rest.next().ok_or(AmendRefusal::NoVersion)?;
        if first.version != 1 {
            let (lease, found) = (first.id.to_string(), first.version);
            return Err(AmendRefusal::VersionGap { lease, last: 0, found });
        }
        let mut lease = Self {
            versions: vec![first],
            notice: None,
            withdrawal_asked: false,
            undelivered: None,
        };
        lease.stays_exact()?;
        for terms in rest {
            lease.amend(terms)?;
        }
        Ok(lease)
    }

    /// The version that was signed last.
    pub fn latest(&self) -> &Terms {
        self.versions.last().expect("a lease has a version")
    }

    /// The version that governs `day`; before the first takes effect, the first.
    pub fn governing(&self, day: Day) -> &Terms {
        let begun = self.versions.iter().rev().find(|terms| terms.effective <= day);
        begun.unwrap_or(&self.versions[0])
    }

    /// First day of service.
    pub fn first_day(&self) -> Day {
        self.versions[0].start
    }

    /// Last day of service, by the term, the notice or a late delivery, whichever is sooner.
    pub fn last_day(&self) -> Day {
        let end = self.latest().end;
        let end = self.undelivered.map_or(end, |day| day.min(end));
        self.notice.and_then(|notice| self.last_day_after(notice)).map_or(end, |day| day.min(end))
    }

    /// Adds a version.
    ///
    /// # Errors
    /// If it does not follow on the lease; nothing is changed then.
    pub fn amend(&mut self, terms: Terms) -> Result<(), AmendRefusal> {
        let last = self.latest();
        let lease = terms.id.to_string();
        if terms.version != last.version + 1 {
            let (last, found) = (last.version, terms.version);
            return Err(AmendRefusal::VersionGap { lease, last, found });
        }
        let version = terms.version;
        if let Some(what) = changed(last, &terms) {
            return Err(AmendRefusal::Changes { lease, version, what });
        }
        if terms.effective <= last.effective {
            let (effective, earlier) = (terms.effective, last.effective);
            return Err(AmendRefusal::OutOfOrder { lease, version, effective, earlier });
        }
        if last.end.tomorrow().is_ok_and(|after| after < terms.effective) {
            let (effective, end) = (terms.effective, last.end);
            return Err(AmendRefusal::AfterTerm { lease, version, effective, end });
        }
        if self.notice.is_some() {
            return Err(AmendRefusal::UnderNotice { lease });
        }
        if let Some(end) = self.undelivered {
            return Err(AmendRefusal::Undelivered { lease, end });
        }
        self.versions.push(terms);
        self.stays_exact().inspect_err(|_| {
            self.versions.pop();
        })
    }

    /// Whether the fees of all versions can be computed in full.
    fn stays_exact(&self) -> Result<(), AmendRefusal> {
        let Some(day) = self.first_inexact_day() else { return Ok(()) };
        let (lease, version) = (self.latest().id.to_string(), self.latest().version);
        Err(AmendRefusal::Inexact { lease, version, day })
    }

    /// Terminates for convenience: notice on day D makes D plus the notice days the last day of
    /// service, or the term's end if that is sooner. Returns the last day.
    ///
    /// # Errors
    /// If the terms do not allow it; nothing is changed then.
    pub fn give_notice(&mut self, by: Side, given: Day) -> Result<Day, NoticeRefusal> {
        let lease = || self.latest().id.to_string();
        if let Some(notice) = self.notice {
            return Err(NoticeRefusal::AlreadyGiven { lease: lease(), given: notice.given });
        }
        let Some(first) = lock_in_end(self.governing(given), by) else {
            return Err(NoticeRefusal::NotEntitled { lease: lease(), side: by });
        };
        if given < first {
            return Err(NoticeRefusal::TooEarly { lease: lease(), first, given });
        }
        if given > self.last_day() {
            return Err(NoticeRefusal::TooLate { lease: lease(), last: self.last_day(), given });
        }
        self.notice = Some(Notice { by, given });
        Ok(self.last_day())
    }

    /// Ends the lease over a late delivery, with `last` as its last day of service; a term or a notice
    /// that ends sooner stands.
    pub fn end_undelivered(&mut self, last: Day) {
        self.undelivered = Some(self.undelivered.map_or(last, |day| day.min(last)));
    }

    /// Lets `by` ask on `day` to withdraw the notice, if that side gave it, or agree to that.
    ///
    /// # Errors
    /// If there is no notice, nobody asked for what is agreed to, or service is over; nothing is changed
    /// then.
    pub fn withdraw_notice(&mut self, by: Side, day: Day) -> Result<Withdrawal, NoticeRefusal> {
        let lease = || self.latest().id.to_string();
        let Some(notice) = self.notice else {
            return Err(NoticeRefusal::NotGiven { lease: lease() });
        };
        let last = self.last_day();
        if last < day {
            return Err(NoticeRefusal::Over { lease: lease(), last });
        }
        if notice.by != by {
            if !self.withdrawal_asked {
                return Err(NoticeRefusal::NotAsked { lease: lease(), by: notice.by });
            }
            self.drop_notice();
            return Ok(Withdrawal::Agreed);
        }
        let before = std::mem::replace(&mut self.withdrawal_asked, true);
        Ok(if before { Withdrawal::AskedBefore } else { Withdrawal::Asked })
    }

    /// Forgets the notice that stands, as both sides agreed.
    pub fn drop_notice(&mut self) {
        (self.notice, self.withdrawal_asked) = (None, false);
    }

    /// The first day, `as_of` or later, on which `side` may give notice, under whichever version
    /// governs that day; none where it never may.
    pub fn first_notice_day(&self, side: Side, as_of: Day) -> Option<Day> {
        if self.notice.is_some() {
            return None;
        }
        let nexts = self.versions.iter().skip(1).map(|next| Some(next.effective)).chain([None]);
        let first_under = |(index, (terms, next)): (usize, (&Terms, Option<Day>))| {
            // The first version governs from signature on, the others from their day.
            let begun = if index == 0 { as_of } else { terms.effective.max(as_of) };
            let first = lock_in_end(terms, side)?.max(begun);
            next.is_none_or(|next| first < next).then_some(first)
        };
        let first = self.versions.iter().zip(nexts).enumerate().find_map(first_under);
        first.filter(|first| *first <= self.last_day())
    }

    /// The lease as it would be if `side` gave notice on the first day, `as_of` or later, on which
    /// it may; none where it never may.
    pub fn if_noticed(&self, side: Side, as_of: Day) -> Option<Self> {
        let mut noticed = self.clone();
        noticed.give_notice(side, self.first_notice_day(side, as_of)?).ok()?;
        Some(noticed)
    }

    fn last_day_after(&self, notice: Notice) -> Option<Day> {
        let terms = self.governing(notice.given).notice.as_ref()?;
        Some(notice.given.saturating_add(i64::from(terms.days).days()))
    }
}

/// First day on which `side` may give notice under `terms`, if it ever may.
fn lock_in_end(terms: &Terms, side: Side) -> Option<Day> {
    let notice = terms.notice.as_ref()?;
    let entitled = match notice.by {
        NoticeBy::Either => true,
        NoticeBy::Only(only) => only == side,
    };
    entitled.then(|| notice.not_before.unwrap_or(terms.signed))
}

/// What an amendment changes although it may not.
fn changed(last: &Terms, next: &Terms) -> Option<&'static str> {
    let kept = [
        ("name", last.id == next.id),
        ("site", last.site == next.site),
        ("landlord", last.landlord == next.landlord),
        ("tenant", last.tenant == next.tenant),
        ("time zone", last.time_zone == next.time_zone),
        ("first day of service", last.start == next.start),
        ("currency", last.fee.fixed.currency() == next.fee.fixed.currency()),
    ];
    kept.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Landlord => "landlord",
            Self::Tenant => "tenant",
        })
    }
}
