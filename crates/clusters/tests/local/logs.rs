//! The output of runs: in pieces, bounded, and never a file of somebody else.

use crate::host::{Host, PATIENCE, id, start};
use leasehold_clusters::local::{Exit, LogError, Order, RunId, Stream, follow_log, read_log};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn output_is_read_in_pieces_also_after_the_end_is_forgotten() {
    let host = Host::new(&[]);
    host.send(&[start(1, "echo one; echo two >&2; sleep 0.1; echo three")]);
    let first = follow_log(&host.directory, &id(1), Stream::Out, 0, 2, PATIENCE).unwrap();
    assert_eq!((first.bytes.as_slice(), first.next), (&b"on"[..], 2));
    assert_eq!(host.ended(&id(1)), Exit::Code(0));
    host.send(&[Order::Forget(id(1)), start(2, "exit 0")]);
    host.ended(&id(2));
    let rest = read_log(&host.directory, &id(1), Stream::Out, first.next, 1 << 10).unwrap();
    assert_eq!((rest.bytes.as_slice(), rest.is_ended), (&b"e\nthree\n"[..], true));
    assert_eq!(read_log(&host.directory, &id(1), Stream::Err, 0, 1 << 10).unwrap().bytes, b"two\n");
}

#[test]
fn output_beyond_its_size_is_dropped_with_a_note() {
    let host = Host::new(&["log=10"]);
    host.send(&[start(1, "head -c 5000000 /dev/zero | tr '\\0' x")]);
    assert_eq!(host.ended(&id(1)), Exit::Code(0), "the command is not held up");
    let log = read_log(&host.directory, &id(1), Stream::Out, 0, 1 << 10).unwrap();
    assert_eq!(
        String::from_utf8(log.bytes).unwrap(),
        "xxxxxxxxxx\n[leasehold: output beyond this is not kept]\n"
    );
}

#[test]
fn no_name_and_no_link_leads_out_of_the_directory() {
    for party in ["", "..", ".", "a/b", "../../etc", "a\0", "a b", "-a", ".a", &"a".repeat(65)] {
        assert!(RunId::new(party, 1, 1).is_err(), "{party:?}");
    }
    for text in ["a.1", "a.1.+1", "a.01.1", "../a.1.1", "a/..1.1", "a.1.-1", "a.1.4294967296", ""] {
        assert!(text.parse::<RunId>().is_err(), "{text:?}");
        assert!(serde_json::from_value::<RunId>(text.into()).is_err(), "{text:?}");
    }
    assert_eq!("a.b.1.2".parse::<RunId>().unwrap().to_string(), "a.b.1.2");

    let host = Host::new(&[]);
    let secret = host.directory.join("secret");
    fs::write(&secret, "secret").unwrap();
    let runs = host.directory.join("runs");
    fs::create_dir(runs.join("acme.1.1")).unwrap();
    symlink(&secret, runs.join("acme.1.1/stdout")).unwrap();
    assert!(matches!(read_log(&host.directory, &id(1), Stream::Out, 0, 99), Err(LogError::Io(..))));
    fs::rename(runs.join("acme.1.1"), host.directory.join("elsewhere")).unwrap();
    fs::write(host.directory.join("elsewhere/stderr"), "secret").unwrap();
    symlink(host.directory.join("elsewhere"), runs.join("acme.1.1")).unwrap();
    assert!(matches!(read_log(&host.directory, &id(1), Stream::Err, 0, 99), Err(LogError::Io(..))));
    assert!(matches!(
        read_log(&host.directory, &id(2), Stream::Out, 0, 99),
        Err(LogError::Unknown(_))
    ));
}
