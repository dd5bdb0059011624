//! Instants, civil days and the zones that tie the two together.

use std::fmt;

use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

/// A civil day, without a time zone. Contracts speak in these.
pub type Day = jiff::civil::Date;

/// A second on the UTC time line, counted from 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant(i64);

/// A length of time in whole seconds, never negative.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seconds(u64);

/// A half-open stretch of time: `from` belongs to it, `until` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// First second.
    pub from: Instant,
    /// First second after it; never before `from`.
    pub until: Instant,
}

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Month {
    /// Year, -9999 to 9999.
    pub year: i16,
    /// Month, 1 to 12.
    pub month: i8,
}

/// A time zone of the IANA database that is compiled into the program.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// A zone name that the IANA database does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a time zone of the IANA database")]
pub struct ZoneError {
    /// The refused name.
    pub name: String,
}

impl Seconds {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A length of `count` seconds.
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// The number of seconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Instant {
    /// The second `count` after (before, if negative) 1970-01-01T00:00:00Z.
    pub const fn from_unix(count: i64) -> Self {
        Self(count)
    }

    /// The second of an RFC 3339 text with an offset; parts of a second are dropped.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|timestamp| Self(timestamp.as_second()))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The instant `length` later; the end of time if that is past it.
    #[must_use]
    pub const fn after(self, length: Seconds) -> Self {
        Self(self.0.saturating_add_unsigned(length.0))
    }

    /// The instant `length` earlier.
    #[must_use]
    pub const fn before(self, length: Seconds) -> Self {
        Self(self.0.saturating_sub_unsigned(length.0))
    }

    /// Time since `earlier`, or none if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Seconds {
        if self.0 > earlier.0 { Seconds(self.0.abs_diff(earlier.0)) } else { Seconds(0) }
    }
}

impl Interval {
    /// The stretch from `from` to `until`.
    ///
    /// # Panics
    /// If `until` is before `from`.
    pub fn new(from: Instant, until: Instant) -> Self {
        assert!(from <= until, "interval ends before it begins: {from} to {until}");
        Self { from, until }
    }

    /// Its length.
    pub const fn length(self) -> Seconds {
        self.until.since(self.from)
    }

    /// Whether `at` belongs to it.
    pub fn contains(self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }

    /// What it shares with `other`, if anything.
    pub fn overlap(self, other: Self) -> Option<Self> {
        let from = self.from.max(other.from);
        let until = self.until.min(other.until);
        (from < until).then_some(Self { from, until })
    }
}

impl Month {
    /// The month that `day` lies in.
    pub fn of(day: Day) -> Self {
        Self { year: day.year(), month: day.month() }
    }

    /// Its first day.
    pub fn first_day(self) -> Day {
        Day::constant(self.year, self.month, 1)
    }

    /// Its last day.
    pub fn last_day(self) -> Day {
        self.first_day().last_of_month()
    }

    /// Its number of days, 28 to 31.
    pub fn days(self) -> i64 {
        i64::from(self.first_day().days_in_month())
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }
}

impl Zone {
    /// The zone with the IANA name `name`, such as `America/Chicago`.
    pub fn named(name: &str) -> Result<Self, ZoneError> {
        let found = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown());
        found.map(Self).ok_or_else(|| ZoneError { name: name.into() })
    }

    /// All names of the database, in order.
    pub fn names() -> Vec<String> {
        jiff::tz::db().available().map(|name| name.to_string()).collect()
    }

    /// Coordinated universal time.
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The first second of `day`. Where midnight is skipped by a daylight-saving change, this is
    /// the first second after the gap.
    pub fn start_of(&self, day: Day) -> Instant {
        let zoned =
            day.to_zoned_datetime(self.0.clone()).expect("a civil day of a contract is in range");
        let start = zoned.start_of_day().expect("a civil day of a contract is in range");
        Instant(start.timestamp().as_second())
    }

    /// The civil day that `at` falls on.
    pub fn day_of(&self, at: Instant) -> Day {
        let timestamp = jiff::Timestamp::from_second(at.0).expect("instant in range");
        self.0.to_datetime(timestamp).date()
    }

    /// Hour and minute that clocks show at `at`. Counting seconds from the start of the day would be
    /// off on days on which clocks change.
    pub fn clock(&self, at: Instant) -> (i8, i8) {
        let timestamp = jiff::Timestamp::from_second(at.0).expect("instant in range");
        let time = self.0.to_datetime(timestamp).time();
        (time.hour(), time.minute())
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

impl Instant {
    /// Puts the instant behind `text` as its `Display` writes it, where instants are written by the
    /// million.
    pub fn push_to(self, text: &mut String) {
        use fmt::Write as _;
        let civil = jiff::Timestamp::from_second(self.0).map(|at| Offset::UTC.to_datetime(at));
        match civil {
            Ok(civil) if civil.year() >= 0 => {
                let mut ascii = *b"0000-00-00T00:00:00Z";
                let century = civil.year() / 100;
                let mut put = |place: usize, number: i16| {
                    let digit = |number: i16| b'0' + u8::try_from(number % 10).expect("a digit");
                    ascii[place] = digit(number / 10);
                    ascii[place + 1] = digit(number);
                };
                put(0, century);
                put(2, civil.year() % 100);
                put(5, civil.month().into());
                put(8, civil.day().into());
                put(11, civil.hour().into());
                put(14, civil.minute().into());
                put(17, civil.second().into());
                text.push_str(str::from_utf8(&ascii).expect("it is ASCII"));
            }
            _ => write!(text, "{self}").expect("a text takes more"),
        }
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC, whole seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(timestamp) => f.pad(&timestamp.to_string()),
            Err(_) => write!(f, "unix {}", self.0),
        }
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

impl fmt::Debug for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
