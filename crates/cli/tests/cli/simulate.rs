//! `simulate`: what it writes, when it refuses, and that one seed gives the same bytes.

use super::run::{Folder, example};

fn scenario(folder: &Folder) {
    let example = example();
    let text = format!(
        "site = \"{example}/site.toml\"\nleases = [\"{example}/leases/*.toml\"]\n\
         from = 2026-05-01\nuntil = 2026-05-04\nseed = 7\n\
         [[workload]]\nparty = \"anthropic\"\nprofile = \"frontier\"\njobs_per_day = 200\n\
         [[workload]]\nparty = \"xai\"\ntrace = \"jobs.csv\"\n[faults]\n\
         node_mtbf = \"50000 h\"\nrepair = \"8 h\"\n"
    );
    folder.write("scenario.toml", &text);
    folder.write("jobs.csv", "job_id,submit,gpus,run\n1,0,16,3600\n2,60,512,7200\n3,90,1,60\n");
}

#[test]
fn a_run_leaves_its_files_and_replaces_them_only_when_told() {
    let folder = Folder::new("simulate-files");
    scenario(&folder);
    folder.stdout("simulate scenario.toml --out out");
    let names = |path: &str| {
        let entries = std::fs::read_dir(folder.path(path)).expect("the run left a folder");
        let name = |e: std::io::Result<std::fs::DirEntry>| {
            e.expect("it can be read").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names.join(" ")
    };
    let whole = "evidence invoices jobs.csv journal.csv journal.hledger report.html summary.json \
                 usage.parquet xai.public.pem";
    assert_eq!(names("out"), whole);
    assert_eq!(names("out/invoices"), "xai-2026-000001.json");
    assert_eq!(names("."), "jobs.csv out scenario.toml", "nothing half-done is left beside it");
    let again = folder.outcome("simulate scenario.toml --out out");
    assert!(again.starts_with("exit 1") && again.contains("--force"), "{again}");
    folder.stdout("simulate scenario.toml --out out --force");
    std::fs::create_dir(folder.path("mine")).expect("a folder can be made");
    folder.write("mine/notes.txt", "keep me");
    let theirs = folder.outcome("simulate scenario.toml --out mine --force");
    assert!(theirs.starts_with("exit 1"), "{theirs}");
    assert_eq!(folder.read("mine/notes.txt"), "keep me");
}

#[test]
fn one_seed_gives_the_same_bytes() {
    let folder = Folder::new("simulate-seed");
    scenario(&folder);
    folder.stdout("simulate scenario.toml --out one");
    folder.stdout("simulate scenario.toml --out two");
    for name in ["jobs.csv", "usage.parquet", "journal.hledger", "invoices/xai-2026-000001.json"] {
        let read = |run: &str| std::fs::read(folder.path(run).join(name)).expect("it is there");
        assert!(read("one") == read("two"), "{name} differs");
    }
    let summary = |run: &str| {
        let text = folder.read(&format!("{run}/summary.json"));
        let lines = text.lines().filter(|line| !line.contains("wall_seconds"));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(summary("one"), summary("two"));
}

#[test]
fn the_summary_has_the_promised_keys_and_adds_up() {
    let folder = Folder::new("simulate-summary");
    scenario(&folder);
    folder.stdout("simulate scenario.toml --out out");
    let summary: serde_json::Value =
        serde_json::from_str(&folder.read("out/summary.json")).expect("it is JSON");
    let keys = [
        "used",
        "borrowed",
        "idle_leased",
        "own",
        "idle_unleased",
        "turnover",
        "down",
        "curtailed",
    ];
    let seconds = |key: &str| summary["gpu_seconds"][key].as_u64().expect("an integer");
    assert_eq!(keys.iter().map(|key| seconds(key)).sum::<u64>(), seconds("installed"));
    assert_eq!(seconds("installed"), 220_208 * 3 * 86_400);
    assert_eq!(summary["installed_gpus"], 220_208);
    assert_eq!(summary["invoices"]["total_by_currency"]["USD"], "625000000.00");
    assert_eq!(summary["power"]["envelope_exceeded_seconds"], 0);
    for key in ["requests", "within_bound", "missed", "seconds_p50", "seconds_p99", "seconds_max"] {
        assert!(summary["reclaim"][key].is_u64(), "{key}");
    }
}

#[test]
fn a_bad_trace_stops_the_run_and_leaves_nothing() {
    let folder = Folder::new("simulate-bad-trace");
    scenario(&folder);
    folder.write("jobs.csv", "job_id,submit,gpus,run\n1,0,16,3600\n2,sixty,512,7200\n");
    let refused = folder.outcome("simulate scenario.toml --out out");
    assert!(refused.starts_with("exit 1") && refused.contains("1 line (3)"), "{refused}");
    assert_eq!(folder.names().join(" "), "jobs.csv scenario.toml");
    let allowed = folder.outcome("simulate scenario.toml --out out --max-bad-lines 1");
    assert!(allowed.starts_with("exit 0") && allowed.contains("left out: 1 line (3)"), "{allowed}");
}
