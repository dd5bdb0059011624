//! Jobs, from a script or a command to their end.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::Server;

#[test]
fn a_command_is_submitted_waited_for_and_read() {
    let server = Server::with_guest("live-jobs");
    let said = server.session(
        "job submit --gpus 8 --name hello -- echo hello world
         job wait 1 --timeout 60s
         job logs 1
         job submit --wait -- sh fail
         job submit -- sleep 1000
         job wait 3 --timeout 1s
         job cancel 3 99
         job wait 3 1 --timeout 60s
         job list
         job show 1 -o csv
         job submit --dry-run -- true
         job list -o json --limit 1
         job list -o yaml --limit 1
         job show 99",
    );
    insta::assert_snapshot!(said, @"");
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
    insta::assert_snapshot!(said, @"");
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
    let mut lines = BufReader::new(watching.stdout.take().expect("it is piped")).lines();
    assert!(lines.next().expect("a header").expect("text").starts_with("number,name,"));
    server.folder.stdout("job submit --name seen -- true");
    let completed = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with("1,seen,") && line.contains(",completed,"));
    watching.kill().expect("it runs until it is killed");
    watching.wait().expect("it was started here");
    assert!(completed.is_some());
}
