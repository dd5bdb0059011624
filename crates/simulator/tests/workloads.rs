//! Drawn workloads against the tables they are drawn from, and against the published trace.

use leasehold_simulator::trace;
use leasehold_simulator::workload::{
    Manners, PROFILES, Profile, Synthetic, SyntheticPlan, WorkloadJob, profile,
};
use leasehold_units::{Seconds, Zone};

fn draw(profile: &'static Profile, days: u64, seed: u64) -> Vec<WorkloadJob> {
    let zone = Zone::named("America/Chicago").expect("a zone");
    let from = zone.start_of("2026-05-04".parse().expect("a Monday"));
    let manners =
        Manners { vacate_seconds: 120, checkpoint_seconds: 600, request_percent: 150, skus: 1 };
    let plan = SyntheticPlan {
        profile,
        jobs_per_day: 1_000,
        run_percent: 100,
        gpus_max: u32::MAX,
        manners,
        from,
        until: from.after(Seconds::new(days * 86_400)),
        zone,
    };
    Synthetic::new(plan, seed, 0).map(|job| job.expect("nothing is read")).collect()
}

#[test]
fn means_and_medians_are_those_of_the_tables() {
    for profile in &PROFILES {
        let jobs = draw(profile, 56, 11);
        let count = jobs.len() as u64;
        assert!((54_000..58_000).contains(&count), "{}: {count} jobs in 56 days", profile.name);
        let mut runs: Vec<u32> = jobs.iter().map(|job| job.run_seconds).collect();
        runs.sort_unstable();
        let median = u64::from(runs[runs.len() / 2]);
        let table = profile.run_at(500_000);
        assert!(median.abs_diff(table) * 20 <= table, "{}: {median} for {table}", profile.name);
        let size: u64 = jobs.iter().map(|job| u64::from(job.gpus) * 1_000).sum::<u64>() / count;
        let mean = profile.mean_size_milli();
        assert!(size.abs_diff(mean) * 6 <= mean, "{}: {size} for {mean}", profile.name);
    }
}

#[test]
fn one_seed_draws_one_list_and_another_seed_another() {
    let frontier = profile("frontier").expect("it ships");
    assert_eq!(draw(frontier, 3, 5), draw(frontier, 3, 5));
    assert_ne!(draw(frontier, 3, 5), draw(frontier, 3, 6));
}

#[test]
fn the_day_and_the_week_have_their_shape() {
    let frontier = profile("frontier").expect("it ships");
    let jobs = draw(frontier, 56, 3);
    let zone = Zone::named("America/Chicago").expect("a zone");
    let mut by_hour = [0_u32; 24];
    let mut by_weekday = [0_u32; 7];
    for job in &jobs {
        let day = zone.day_of(job.submit);
        let hour = job.submit.since(zone.start_of(day)).get() / 3_600;
        by_hour[usize::try_from(hour).expect("below 24")] += 1;
        by_weekday[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())] += 1;
    }
    assert!(by_hour[10] > 3 * by_hour[3], "{by_hour:?}");
    assert!(by_weekday[1] * 2 > by_weekday[6] * 3, "{by_weekday:?}");
    assert!(jobs.is_sorted_by_key(|job| job.submit));
}

#[test]
fn philly_is_drawn_as_the_published_log_has_it() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/traces/philly");
    let path = std::path::Path::new(root).join("rfold_philly_trace.csv");
    if !path.exists() {
        let note = "NOT CHECKED: the published Philly log is not here\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
        return;
    }
    let log = trace::open(&path, None, 0, &trace::BadLineCount::default()).expect("a known format");
    let mut runs: Vec<u64> = log.map(|job| job.expect("a good line").run_seconds).collect();
    runs.sort_unstable();
    let philly = profile("philly").expect("it ships");
    for percent in [10, 25, 50, 75, 90, 95, 99] {
        let there = runs[runs.len() * percent / 100];
        let here = philly.run_at(percent as u64 * 10_000);
        assert!(here.abs_diff(there) * 8 <= there, "{percent} %: {here} for {there}");
    }
}
