//! How days become parts of a year, for interest.

use leasehold_units::{Day, Ratio};

use crate::DayCount;

impl DayCount {
    /// Days from `from`, which is counted, until `until`, which is not; none where `until` is not
    /// the later. With `30/360` they are those of the bond basis (ISDA 2006 definitions, section
    /// 4.16(f)): a first day on the 31st counts as the 30th, and then so does a last one.
    pub fn days(self, from: Day, until: Day) -> u32 {
        let days = match self {
            Self::Actual365 | Self::Actual360 => {
                from.until(until).map_or(0, |span| i64::from(span.get_days()))
            }
            Self::Thirty360 => bond_days(from, until),
        };
        u32::try_from(days.max(0)).expect("at most the days of the calendar")
    }

    /// The same days as a part of a year.
    pub fn share_of_year(self, from: Day, until: Day) -> Ratio {
        let year = match self {
            Self::Actual365 => 365,
            Self::Actual360 | Self::Thirty360 => 360,
        };
        Ratio::new(i128::from(self.days(from, until)), year)
    }
}

fn bond_days(from: Day, until: Day) -> i64 {
    let first = i64::from(from.day()).min(30);
    let last = match i64::from(until.day()) {
        31 if first == 30 => 30,
        day => day,
    };
    let months = 12 * (i64::from(until.year()) - i64::from(from.year())) + i64::from(until.month())
        - i64::from(from.month());
    30 * months + last - first
}
