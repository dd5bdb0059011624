//! Civil days against the instants that they begin at.

use leasehold_units::{Day, Instant, Interval, Month, Seconds, Zone};
use proptest::prelude::*;

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn start(zone: &str, on: &str) -> String {
    Zone::named(zone).expect("a zone").start_of(day(on)).to_string()
}

#[test]
fn days_begin_where_the_zone_says() {
    assert_eq!(start("America/Chicago", "2026-05-01"), "2026-05-01T05:00:00Z");
    assert_eq!(start("America/Chicago", "2026-12-01"), "2026-12-01T06:00:00Z");
    assert_eq!(start("Asia/Kathmandu", "2026-05-01"), "2026-04-30T18:15:00Z");
    // Midnight is skipped there that night: the day begins at 01:00.
    assert_eq!(start("America/Santiago", "2026-09-06"), "2026-09-06T04:00:00Z");
}

#[test]
fn only_names_of_the_database_are_zones() {
    for name in ["America/Chigaco", "", "CST6CDT7", "+05:00", "Etc/Unknown", "../etc/passwd"] {
        assert!(Zone::named(name).is_err(), "{name:?}");
    }
}

#[test]
fn instants_need_an_offset() {
    let read = |text: &str| Instant::from_rfc3339(text).map(|at| at.to_string());
    assert_eq!(read("2026-06-10T14:00:00-05:00").as_deref(), Some("2026-06-10T19:00:00Z"));
    assert_eq!(read("2026-06-10T14:00:00"), None);
}

proptest! {
    #[test]
    fn an_instant_that_is_pushed_reads_as_it_is_displayed(
        seconds in prop_oneof![
            i64::MIN..=i64::MAX,
            // From the year -9999 to the year 9999, and what is at the edges of four digits.
            -377_705_116_800_i64..=253_402_300_799,
            -62_167_219_202_i64..-62_167_219_198,
            253_402_207_198_i64..253_402_300_802,
        ],
    ) {
        let instant = Instant::from_unix(seconds);
        let mut text = String::from("at ");
        instant.push_to(&mut text);
        prop_assert_eq!(text, format!("at {instant}"));
    }
}

#[test]
fn clocks_skip_an_hour_and_show_one_twice() {
    let zone = Zone::named("America/Chicago").expect("a zone");
    let clock = |text| zone.clock(Instant::from_rfc3339(text).expect("an instant"));
    assert_eq!(clock("2026-03-08T07:59:00Z"), (1, 59));
    assert_eq!(clock("2026-03-08T08:00:00Z"), (3, 0));
    assert_eq!(clock("2026-11-01T06:30:00Z"), (1, 30));
    assert_eq!(clock("2026-11-01T07:30:00Z"), (1, 30));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn each_second_lies_in_the_day_that_it_falls_on(
        unix in 1_700_000_000i64..2_000_000_000,
        zone in prop::sample::select(vec!["America/Chicago", "Europe/Berlin", "America/Santiago", "UTC", "Pacific/Apia"]),
    ) {
        let zone = Zone::named(zone).expect("a zone");
        let at = Instant::from_unix(unix);
        let today = zone.day_of(at);
        let next = today.tomorrow().expect("a day");
        prop_assert!(Interval::new(zone.start_of(today), zone.start_of(next)).contains(at));
    }

    #[test]
    fn months_follow_each_other_without_a_gap(year in 1990i16..2100, month in 1i8..=12) {
        let this = Month { year, month };
        prop_assert_eq!(this.last_day().tomorrow().ok(), Some(this.next().first_day()));
        prop_assert_eq!(Month::of(this.last_day()), this);
        prop_assert_eq!(this.days(), i64::from(this.last_day().day()));
    }

    #[test]
    fn overlaps_hold_what_both_hold(a in 0i64..50, b in 0u64..50, c in 0i64..50, d in 0u64..50) {
        let stretch = |from: i64, length: u64| {
            let from = Instant::from_unix(from);
            Interval::new(from, from.after(Seconds::new(length)))
        };
        let (one, other) = (stretch(a, b), stretch(c, d));
        let both = (0..110).filter(|s| {
            let at = Instant::from_unix(*s);
            one.contains(at) && other.contains(at)
        });
        let shared = one.overlap(other).map_or(0, |overlap| overlap.length().get());
        prop_assert_eq!(both.count() as u64, shared);
    }
}
