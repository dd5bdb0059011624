//! Disks that are full or cannot be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use leasehold_storage::{OpenMode, Sqlite, Store as _, StoreError, verify_chain};

use crate::fixture::{Fixture as _, SqliteFiles, lead, of_everything, reader};

#[test]
fn a_full_disk_refuses_whole_batches_and_is_left_again_on_sqlite() {
    let files = SqliteFiles::new();
    let place = files.fresh();
    let mode = OpenMode::Lead { wait: false };
    let mut store = Sqlite::open(place.as_ref(), mode).expect("nobody else leads");
    store.limit_pages(40).expect("it is empty");
    let (last, refused) = (0..)
        .scan(*store.head(), |last, round| {
            let before = *last;
            Some((before, store.append(&of_everything(round)).map(|head| *last = head)))
        })
        .find_map(|(before, appended)| Some((before, appended.err()?)))
        .expect("40 pages are soon full");
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    assert_eq!((*store.head(), store.refresh().expect("reading works")), (last, last));
    let counts = verify_chain(&mut *reader(&place), &mut |_| ()).expect("the chain is good");
    assert_eq!(counts.head, last);
    store.limit_pages(4_000).expect("there is room");
    let next = store.append(&of_everything(1_000_000)).expect("there is room again");
    assert_eq!(next.seq, last.seq + 2);
}

/// The user `nobody`, where root runs the tests: root may write everything.
fn as_another(program: &str) -> Command {
    let told = Command::new("id").arg("-u").output().expect("every Unix has id").stdout;
    if String::from_utf8_lossy(&told).trim() != "0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--clear-groups", program]);
    command
}

#[test]
fn what_cannot_be_written_can_be_read_on_sqlite() {
    let files = SqliteFiles::new();
    let place = files.fresh();
    lead(&place).append(&of_everything(1)).expect("there is room");
    let folder = std::path::Path::new(&place).parent().expect("it lies in a folder").to_owned();
    fs::remove_file(format!("{place}.lead")).expect("it is there");
    fs::set_permissions(&place, Permissions::from_mode(0o444)).expect("it is ours");
    fs::set_permissions(&folder, Permissions::from_mode(0o555)).expect("it is ours");
    // The writer must be readable to the other user, too; a copy of it is.
    let program = files.fresh();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("it is ours");
    fs::copy(env!("CARGO_BIN_EXE_leasehold-storage-writer"), &program).expect("there is room");
    fs::set_permissions(&folder, Permissions::from_mode(0o555)).expect("it is ours");
    let done = as_another(&program).args([&*place, "0"]).output().expect("it can be started");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("ended Err(ReadOnly"), "{said}");
    let counts = verify_chain(&mut *reader(&place), &mut |_| ()).expect("it can be read");
    assert_eq!(counts.records, 2);
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("it is ours");
}

/// The writer on a disk of its own of 4 MiB, in a namespace that goes with it.
#[test]
#[expect(clippy::print_stderr, reason = "who runs the tests is told what was not tested")]
fn a_disk_that_is_really_full_refuses_whole_batches_on_sqlite() {
    let files = SqliteFiles::new();
    let copy = files.fresh();
    let folder = std::path::Path::new(&copy).parent().expect("it lies in a folder");
    let script = "mkdir small && mount -t tmpfs -o size=4m tmpfs small && echo mounted && \
                  \"$1\" small/store 0; cp small/store \"$2\" && cp small/store-wal \"$2-wal\"";
    let writer = env!("CARGO_BIN_EXE_leasehold-storage-writer");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh", writer, &copy]);
    let Ok(done) = command.current_dir(folder).output() else {
        return eprintln!("NOT TESTED: there is no unshare");
    };
    let said = String::from_utf8_lossy(&done.stdout);
    if !said.contains("mounted") {
        return eprintln!("NOT TESTED: disks cannot be mounted here");
    }
    assert!(said.contains("ended Err(Full"), "{}", said.lines().last().unwrap_or_default());
    let wrote = said.lines().filter(|line| line.starts_with("wrote")).count();
    let counts = verify_chain(&mut *reader(&copy), &mut |_| ()).expect("the chain is good");
    assert_eq!(counts.answers, wrote as u64, "what was acknowledged, and no more");
}
