//! A disk, or a database, that does not take writes any more: what was acknowledged is there, what was not is not there in
//! part, and whoever runs the site is told what to do.

use std::process::Command;
use std::sync::Arc;

use leasehold_storage::cluster;

use crate::client::Client;
use crate::server::{Place, wait_until};

/// What each step needs: the binary, a site file, a lease.
const BEFORE: &str = r#"
binary=$1 site=$2 lease=$3
serve() {
  "$binary" serve "$site" --data place/data --listen 127.0.0.1:0 2>serve.$1 & server=$!
  until url=$(sed -n 's/^serving on \([^;]*\);.*/\1/p' serve.$1 2>/dev/null) && test -n "$url"; do
    kill -0 $server || exit 1
  done
  "$binary" login $url --token-file place/data/operator.token --context operator
}
"#;

/// The file system finds an error and takes no writes any more, as it does where a disk fails.
const BREAKS: &str = r#"
truncate -s 32M disk && mke2fs -q -t ext4 -e remount-ro disk && mkdir place && mount -o loop disk place || exit 0
device=$(awk -v at="$PWD/place" '$2 == at { sub(".*/", "", $1); print $1 }' /proc/mounts)
test -w "/sys/fs/ext4/$device/trigger_fs_error" || exit 0
echo breakable
serve 1
"$binary" lease sign "$lease"
"$binary" token create ops --role party_admin --party guest --out guest.token
"$binary" login $url --token-file guest.token --context guest
"$binary" job submit --name before -- sleep 1000
echo 1 >"/sys/fs/ext4/$device/trigger_fs_error"
timeout 5 "$binary" job submit --name during -- true && echo "during is acknowledged"
wait $server; echo "it ends with $?: $(tail -n 1 serve.1)"
"$binary" serve "$site" --data place/data --listen 127.0.0.1:0; echo "again: $?"
"$binary" db verify place/data/leasehold.db
"#;

/// The machine was started anew, and the disk is mended.
const MENDED: &str = r#"
e2fsck -fp disk; mount -o loop disk place && echo mended
serve 2
"$binary" login $url --token-file guest.token --context guest
"$binary" job submit --wait --name after -- true
"$binary" job cancel 1
"$binary" job wait 1 --timeout 60s
"$binary" job list -o csv
kill $server; wait $server; echo "it ends with $?"
"$binary" db verify place/data/leasehold.db
"#;

/// Runs a script in namespaces that go with it, and with them all processes, as when the machine goes down.
fn run(place: &Place, script: &str) -> Option<String> {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/one-machine");
    let done = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"])
        .arg(format!("exec 2>&1\n{BEFORE}\n{script}"))
        .args(["sh", env!("CARGO_BIN_EXE_leasehold")])
        .args([format!("{examples}/site.toml"), format!("{examples}/leases/guest.toml")])
        .env("XDG_CONFIG_HOME", place.folder.join("config"))
        .env_remove("LEASEHOLD_DATABASE")
        .current_dir(&place.folder)
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
#[expect(clippy::print_stderr, reason = "who runs the tests is told what was not tested")]
fn a_disk_that_takes_no_writes_any_more_stops_the_server_and_loses_nothing() {
    let place = Place::new("read-only-disk", None);
    let said = run(&place, BREAKS).unwrap_or_default();
    if !said.contains("breakable") {
        return eprintln!("NOT TESTED: disks cannot be mounted, or made to fail, here: {said}");
    }
    assert!(said.contains("job 1 is submitted: before"), "{said}");
    assert!(!said.contains("during is acknowledged"), "{said}");
    assert!(said.contains("it ends with 1: error: "), "{said}");
    assert!(said.contains("stop, start again") || said.contains("then start again"), "{said}");
    let refused = "cannot be written: Read-only file system (os error 30); check who owns it and how its disk is mounted";
    assert!(said.contains(refused) && said.contains("again: 1"), "{said}");
    assert!(said.contains("every invariant holds"), "what is there can be read: {said}");
    let said = run(&place, MENDED).expect("it was run before");
    let jobs: Vec<&str> = said.lines().filter(|line| line.contains(",ops,")).collect();
    let of = |name: &str| jobs.iter().filter(|job| job.contains(&format!(",{name},"))).count();
    assert!(said.contains("mended") && said.contains("it ends with 0"), "{said}");
    assert_eq!((of("before"), of("after")), (1, 1), "{said}");
    assert!(of("during") <= 1 && jobs.len() == 2 + of("during"), "{said}");
    assert!(said.contains("every invariant holds"), "{said}");
}

/// As a database that is switched over, or one whose disk is nearly full, answers.
#[test]
fn a_database_that_may_only_be_read_refuses_commands_and_is_read_and_takes_them_again() {
    let Some(cluster) = cluster::start(&[]) else { return };
    let place = Arc::new(Place::new("read-only-database", Some(cluster.fresh())));
    let server = place.serve();
    let ports = [server.port];
    let [owner, _] = place.parties(&ports);
    let mut client = Client::new(&ports, &owner.token);
    let job = r#"{"gpus":8,"time_limit_seconds":600,"command":["true"]}"#;
    let first = client.ask("POST /api/v1/jobs", "first", job);
    wait_until("the first job is over", || {
        client.ask("GET /api/v1/jobs/1", "read", "")["state"] == "completed"
    });
    let read_only = |is: &str| {
        cluster.psql_when_ready(
            "postgres",
            &format!("ALTER SYSTEM SET default_transaction_read_only = {is}"),
        );
        cluster.psql_when_ready("postgres", "SELECT pg_reload_conf()");
    };
    read_only("on");
    let mut tries = 0;
    let refused = loop {
        tries += 1;
        match client.try_ask("POST /api/v1/jobs", &format!("try-{tries}"), job) {
            // The database has not read its settings again yet.
            Some((201, _)) => assert!(tries < 10_000, "it still takes writes"),
            Some((status, problem)) => break (status, problem),
            None => {}
        }
    };
    assert_eq!(refused.0, 503, "{}", refused.1);
    assert!(refused.1["detail"].as_str().is_some_and(|text| !text.is_empty()), "{}", refused.1);
    assert!(refused.1["hint"].as_str().is_some_and(|text| !text.is_empty()), "{}", refused.1);
    let seen = client.ask("GET /api/v1/jobs/1", "read", "");
    assert_eq!((&seen["number"], &seen["state"]), (&first["number"], &"completed".into()));
    read_only("off");
    let taken = client.ask("POST /api/v1/jobs", &format!("try-{tries}"), job);
    // The first, those that were still taken, and this one; of those that were refused nothing is left.
    assert_eq!(taken["number"], tries + 1, "{taken}");
    server.stop();
}
