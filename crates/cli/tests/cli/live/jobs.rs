//! Jobs, from a script or a command to their end.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::{START_MAX as WAIT_MAX, Server};

#[test]
fn a_command_is_submitted_waited_for_and_read() {
    let server = Server::with_guest("live-jobs");
    let said = server.session(
        "job submit --gpus 8 --name hello -- echo hello world
         job wait 1 --timeout 60s
         job logs 1
         job submit --wait -- false
         job submit -- sleep 1000",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold job submit --gpus 8 --name hello -- echo hello world
    job 1 is submitted: hello
    $ leasehold job wait 1 --timeout 60s
    job 1 completed: exit status 0
    $ leasehold job logs 1
    hello world
    $ leasehold job submit --wait -- false
    job 2 is submitted: false; Ctrl-C leaves it running, `leasehold job cancel 2` ends it
    error: job 2 failed: exit status 1
    exit 1
    $ leasehold job submit -- sleep 1000
    job 3 is submitted: sleep
    "#);
    server.until("job show 3", "running");
    let said = server.session(
        "job wait 3 --timeout 1s
         job cancel 3 99
         job wait 3 1 --timeout 60s
         job list
         job submit --dry-run -- true
         job show 99",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold job wait 3 --timeout 1s
    error: job 3 is not over after 1s; it goes on
    hint: wait again, or see `leasehold job show`
    exit 1
    $ leasehold job cancel 3 99
    job 3 is told to end
    error: there is no job 99
    hint: list the jobs that are not over with `leasehold job list`
    exit 1
    $ leasehold job wait 3 1 --timeout 60s
    job 1 completed: exit status 0
    error: job 3 cancelled: left its nodes when told to
    exit 1
    $ leasehold job list
    job  name   user  state      GPUs  submitted             started               ended                 exit                         reason
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
      3  sleep  ops   cancelled     1  yyyy-mm-ddThh:mm:ssZ  yyyy-mm-ddThh:mm:ssZ  yyyy-mm-ddThh:mm:ssZ  left its nodes when told to
      2  false  ops   failed        1  yyyy-mm-ddThh:mm:ssZ  yyyy-mm-ddThh:mm:ssZ  yyyy-mm-ddThh:mm:ssZ  exit status 1
      1  hello  ops   completed     8  yyyy-mm-ddThh:mm:ssZ  yyyy-mm-ddThh:mm:ssZ  yyyy-mm-ddThh:mm:ssZ  exit status 0
    $ leasehold job submit --dry-run -- true
    nothing was done; this would be: job 4 is submitted: true
      nothing else would change at once
    $ leasehold job show 99
    error: there is no job named "99" that this token may see
    hint: Check the name; the list route shows what there is.
    exit 1
    "#);
}

#[test]
fn jobs_are_listed_for_programs() {
    let server = Server::with_guest("live-formats");
    server.folder.stdout("job submit --wait --name hello -- true");
    insta::assert_snapshot!(server.session("job list -o json\njob list -o yaml"), @r#"
    $ leasehold job list -o json
    {
      "jobs": [
        {
          "account": "default",
          "borrowed_gpu_seconds": N,
          "borrows": false,
          "command": [
            "true"
          ],
          "ended": "yyyy-mm-ddThh:mm:ssZ",
          "evictions": 0,
          "exit": {
            "code": 0,
            "signal": null,
            "what": "exit status 0"
          },
          "gpus": 1,
          "measured_joules": null,
          "name": "hello",
          "nodes": [],
          "number": 1,
          "reason": "",
          "started": "yyyy-mm-ddThh:mm:ssZ",
          "state": "completed",
          "submitted": "yyyy-mm-ddThh:mm:ssZ",
          "time_limit_seconds": null,
          "used_gpu_seconds": N,
          "user": "ops"
        }
      ],
      "next": null,
      "next_live": null
    }
    $ leasehold job list -o yaml
    jobs:
    - account: default
      borrowed_gpu_seconds: N
      borrows: false
      command:
      - "true"
      ended: "yyyy-mm-ddThh:mm:ssZ"
      evictions: 0
      exit:
        code: 0
        signal: null
        what: exit status 0
      gpus: 1
      measured_joules: null
      name: hello
      nodes: []
      number: 1
      reason: ""
      started: "yyyy-mm-ddThh:mm:ssZ"
      state: completed
      submitted: "yyyy-mm-ddThh:mm:ssZ"
      time_limit_seconds: null
      used_gpu_seconds: N
      user: ops
    next: null
    next_live: null
    "#);
}

/// What a job writes is told while it goes on, and following it ends with the job.
#[test]
fn logs_are_followed_while_a_job_writes() {
    let server = Server::with_guest("live-followed");
    let go = server.folder.path("go");
    let script = format!(
        "#!/bin/sh\necho one\necho aside >&2\nuntil test -e {}; do sleep 0.02; done\necho two\nexit 3\n",
        go.display()
    );
    server.folder.write("talk.sh", &script);
    server.folder.stdout("job submit talk.sh");
    let mut following = server.spawn("job logs 1 -f");
    let mut lines = BufReader::new(following.stdout.take().expect("it is piped")).lines();
    let mut next = || lines.next().map(|line| line.expect("text"));
    assert_eq!(next().as_deref(), Some("one"), "it is told before the job is over");
    assert!(following.try_wait().expect("it was started here").is_none(), "it goes on");
    std::fs::write(go, "").expect("the folder can be written");
    assert_eq!((next().as_deref(), next()), (Some("two"), None));
    let done = following.wait_with_output().expect("it was started here");
    assert!(done.status.success(), "reading a log succeeds however the job ends");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "aside\n");
}

#[test]
fn a_script_carries_its_options() {
    let server = Server::with_guest("live-scripts");
    server.folder.write(
        "train.sh",
        "#!/bin/sh\n#LEASEHOLD --gpus 8 --time 10m\n#LEASEHOLD --env GREETING='good day'\necho $GREETING $1\necho aside >&2\nexit 7\n",
    );
    server.folder.write("wrong.sh", "#!/bin/sh\n#LEASEHOLD --gpu 8\n#LEASEHOLD --time 10\ntrue\n");
    let said = server.session(
        "job submit --wait --gpus 2 train.sh -- sir
         job logs 1 --stream stderr
         job show 1
         job submit wrong.sh
         job submit train
         job submit
         job submit --env NOT_SET_ANYWHERE -- true
         job submit --gpus 100000 -- true",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold job submit --wait --gpus 2 train.sh -- sir
    good day sir
    job 1 is submitted: train.sh; Ctrl-C leaves it running, `leasehold job cancel 1` ends it
    aside
    error: job 1 failed: exit status 7
    exit 7
    $ leasehold job logs 1 --stream stderr
    aside
    $ leasehold job show 1
    job        1
    name       train.sh
    user       ops
    state      failed
    GPUs       2
    submitted  yyyy-mm-ddThh:mm:ssZ
    started    yyyy-mm-ddThh:mm:ssZ
    ended      yyyy-mm-ddThh:mm:ssZ
    exit       exit status 7
    account    default
    evictions  0
    borrows    false
    GPU-hours  0.0
    borrowed   0.0
    command    (script) sir
    $ leasehold job submit wrong.sh
    wrong.sh:2: unexpected argument '--gpu' found; tip: a similar argument exists: '--gpus'
    wrong.sh:3: invalid value '10' for '--time <DURATION>': expected a length of time such as 90s, 10m, 1h30m, 2d or HH:MM:SS; say the unit: 10s or 10m
    error: 2 #LEASEHOLD lines of wrong.sh cannot be read; `leasehold job submit --help` lists the options
    exit 1
    $ leasehold job submit train
    error: there is no script train
    hint: a command stands behind --: `leasehold job submit -- train`
    exit 1
    $ leasehold job submit
    error: nothing is said of what to run
    hint: `leasehold job submit -- COMMAND` or `leasehold job submit SCRIPT`
    exit 1
    $ leasehold job submit --env NOT_SET_ANYWHERE -- true
    error: --env NOT_SET_ANYWHERE: it is not set here, or no text
    hint: set it, or give its value: --env NAME=VALUE
    exit 1
    $ leasehold job submit --gpus 100000 -- true
    error: job 2 asks for 100000 GPUs; the largest pool it may use has 128
    hint: ask for fewer GPUs, or allow more kinds of node
    exit 1
    "#);
}

#[test]
fn a_list_is_printed_again_when_something_changes() {
    let server = Server::with_guest("live-watch");
    let mut watching = Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .args(["job", "list", "--watch", "-o", "csv"])
        .current_dir(server.folder.path(""))
        .env("XDG_CONFIG_HOME", server.folder.path("config"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let lines = BufReader::new(watching.stdout.take().expect("it is piped")).lines();
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| told.send(line)));
    let next = || heard.recv_timeout(WAIT_MAX).expect("something is printed in time");
    assert!(next().starts_with("number,name,"));
    server.folder.stdout("job submit --name seen -- true");
    while !matches!(next(), line if line.starts_with("1,seen,") && line.contains(",completed,")) {}
    watching.kill().expect("it runs until it is killed");
    watching.wait().expect("it was started here");
}
