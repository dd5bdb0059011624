//! `replay` on a log that fits in a head, and on bad ones.

use insta::assert_snapshot;

use crate::run::Folder;

/// On four processors: 2 waits for 1; 3 may pass it under EASY, 4 would delay it.
const LOG: &str = "\
; four jobs
1  0 -1 100 3 -1 -1 3 100 -1 1 1 1 -1 -1 -1 -1 -1
2 10 -1  50 4 -1 -1 4  50 -1 1 1 1 -1 -1 -1 -1 -1
3 20 -1  60 1 -1 -1 1  60 -1 1 1 1 -1 -1 -1 -1 -1
4 30 -1 200 1 -1 -1 1 200 -1 1 1 1 -1 -1 -1 -1 -1
5 40 -1   0 1 -1 -1 1 200 -1 1 1 1 -1 -1 -1 -1 -1
";

#[test]
fn policies_differ_in_who_may_pass() {
    let folder = Folder::new("replay");
    folder.write("log.swf", LOG);
    assert_snapshot!(folder.outcome("replay log.swf --nodes 4 --policy easy --out easy.csv"), @r#"
    exit 0
    --- stdout
    policy  nodes  jobs  left_out  bad_lines  wait_seconds_mean  wait_seconds_max  makespan_seconds
    ───────────────────────────────────────────────────────────────────────────────────────────────
    easy        4     4         1          0               52.5               120               350
    --- stderr
    wrote easy.csv
    "#);
    assert_snapshot!(folder.read("easy.csv"), @r#"
    job_id,submit,start,end
    1,0,0,100
    2,10,100,150
    3,20,20,80
    4,30,150,350
    "#);
    assert_snapshot!(folder.stdout("replay log.swf --nodes 4 --policy fcfs --out f.csv -o json"), @r#"
    {
      "policy": "fcfs",
      "nodes": 4,
      "jobs": 4,
      "left_out": 1,
      "bad_lines": 0,
      "wait_seconds_mean": 85.0,
      "wait_seconds_max": 130,
      "makespan_seconds": 350
    }
    "#);
    assert_snapshot!(folder.read("f.csv"), @r#"
    job_id,submit,start,end
    1,0,0,100
    2,10,100,150
    3,20,150,210
    4,30,150,350
    "#);
    assert_eq!(folder.names(), ["easy.csv", "f.csv", "log.swf"]);
}

#[test]
fn an_output_that_exists_is_kept_unless_forced() {
    let folder = Folder::new("replay-exists");
    folder.write("log.swf", LOG).write("starts.csv", "mine");
    let replay = "replay log.swf --nodes 4 --policy easy --out starts.csv";
    assert_snapshot!(folder.outcome(replay), @r#"
    exit 1
    --- stderr
    error: starts.csv exists already
    hint: choose another name, or say `--force` to replace it
    "#);
    assert_eq!(folder.read("starts.csv"), "mine");
    assert_snapshot!(folder.outcome(&format!("{replay} --force --quiet -o csv")), @r#"
    exit 0
    --- stdout
    policy,nodes,jobs,left_out,bad_lines,wait_seconds_mean,wait_seconds_max,makespan_seconds
    easy,4,4,1,0,52.5,120,350
    "#);
    assert!(folder.read("starts.csv").starts_with("job_id,submit,start,end\n1,0,0,100\n"));
}

#[test]
fn a_bad_log_is_refused_and_leaves_nothing() {
    let folder = Folder::new("replay-bad");
    let cut = &LOG[..LOG.len() - 20];
    folder.write("cut.swf", cut).write("log.swf", LOG);
    let easy = "--nodes 4 --policy easy --out starts.csv";
    assert_snapshot!(folder.outcome(&format!("replay cut.swf {easy}")), @r#"
    exit 1
    --- stderr
    error: cut.swf: malformed or truncated: 1 line (6); at most 0 allowed
    hint: mend the lines, or put up with them with `--max-bad-lines N`; the trace must be SWF
    "#);
    assert_snapshot!(folder.outcome("replay log.swf --nodes 3 --policy easy --out starts.csv"), @r#"
    exit 1
    --- stderr
    error: log.swf: line 3: job 2 needs 4 processors, the cluster has 3
    hint: give the cluster as many `--nodes` as the trace's machine
    "#);
    assert_snapshot!(folder.outcome(&format!("replay none.swf {easy}")), @r#"
    exit 1
    --- stderr
    error: none.swf does not exist
    hint: check the spelling; paths are relative to where you are
    "#);
    assert_snapshot!(folder.outcome(&format!("replay . {easy}")), @r#"
    exit 1
    --- stderr
    error: . is a directory, not a file
    hint: name the files in it, for example with `DIR/*.toml`
    "#);
    assert_eq!(folder.names(), ["cut.swf", "log.swf"]);
    assert_snapshot!(folder.outcome(&format!("replay cut.swf {easy} --max-bad-lines 1")), @r#"
    exit 0
    --- stdout
    policy  nodes  jobs  left_out  bad_lines  wait_seconds_mean  wait_seconds_max  makespan_seconds
    ───────────────────────────────────────────────────────────────────────────────────────────────
    easy        4     4         0          1               52.5               120               350
    --- stderr
    warning: malformed or truncated and left out: 1 line (6)
    wrote starts.csv
    "#);
}
