//! The published traces, where they are there, and small bad ones.

use std::io::Write as _;
use std::path::PathBuf;

use super::*;

fn published(name: &str) -> Option<PathBuf> {
    let root = format!("{}/../../../shared/traces/{name}", env!("CARGO_MANIFEST_DIR"));
    let path = PathBuf::from(root);
    if !path.exists() {
        let mut err = std::io::stderr();
        let _ = writeln!(err, "NOT CHECKED: the published trace {name} is not here");
        return None;
    }
    Some(path)
}

fn none() -> BadLineCount {
    BadLineCount::default()
}

fn read(path: &Path) -> Vec<TraceJob> {
    let jobs = open(path, None, 0, &none()).expect("the format is known");
    jobs.collect::<Result<Vec<_>, _>>().expect("every line is good")
}

fn written(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("leasehold-{}-{name}", std::process::id()));
    let mut file = File::create(&path).expect("a file can be made");
    file.write_all(text.as_bytes()).expect("it can be written");
    path
}

#[test]
fn published_traces_have_the_jobs_that_they_say() {
    // Rows less those without a run time or a GPU, which no scheduler could place.
    let cases = [
        ("philly/sia_philly.csv", 82_247),
        ("philly/rfold_philly_trace.csv", 111_549),
        ("philly/chronus_Philly_MIX2.csv", 30_940),
        ("openb/openb_pod_list_default.csv", 8_152),
        ("kth-sp2/KTH-SP2-filtered.swf", 28_481),
    ];
    for (name, rows) in cases {
        let Some(path) = published(name) else { continue };
        let jobs = read(&path);
        assert!(jobs.len() <= rows && jobs.len() * 100 >= rows * 70, "{name}: {}", jobs.len());
        assert!(jobs.is_sorted_by_key(|job| job.submit_seconds), "{name} is in order");
    }
}

#[test]
fn a_plain_trace_is_read_with_its_columns_in_any_order() {
    let path = written("plain.csv", "gpus,job_id,run,submit,request\n8,7,60,0,90\n16,9,5,30,\n");
    let jobs = read(&path);
    assert_eq!((jobs[0].number, jobs[0].gpus, jobs[0].requested_seconds), (7, 8, Some(90)));
    assert_eq!((jobs[1].submit_seconds, jobs[1].requested_seconds), (30, None));
}

#[test]
fn bad_lines_are_counted_up_to_what_is_allowed() {
    let text = "job_id,submit,gpus,run\n1,0,8,60\n2,x,8,60\n3,5,8\n4,9,8,60\n";
    let path = written("bad.csv", text);
    let bad = none();
    let jobs: Vec<_> = open(&path, None, 2, &bad).expect("known").collect();
    assert_eq!(bad.borrow().to_string(), "2 lines (3, 4)");
    assert_eq!(jobs.iter().filter(|job| job.is_ok()).count(), 2);
    let mut jobs = open(&path, None, 1, &none()).expect("known");
    let error = jobs.find_map(Result::err).expect("one too many").to_string();
    assert!(error.contains("2 lines (3, 4)"), "{error}");
}

#[test]
fn what_is_no_trace_is_refused_with_what_was_expected() {
    let path = written("none.txt", "hello world\n");
    let error = open(&path, None, 0, &none()).err().expect("refused").to_string();
    assert!(error.contains("hello world") && error.contains("philly"), "{error}");
    let path = written("back.csv", "job_id,submit,gpus,run\n1,9,8,60\n2,5,8,60\n");
    let error =
        open(&path, None, 0, &none()).expect("known").find_map(Result::err).expect("refused");
    assert!(error.to_string().contains("line 3"), "{error}");
}
