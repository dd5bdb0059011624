//! One leader at a time, and everybody may read.

use leasehold_storage::{OpenMode, StoreError, open};

use crate::Promise;
use crate::fixture::{Fixture, LEAD, lead, of_everything, reader, records};

pub const PROMISES: &[Promise] = &[
    ("a second leader is refused", refused),
    ("the lead is free when the leader goes", freed),
    ("who waits leads as soon as the leader goes", waited),
    ("readers follow and never write", follows),
    ("a frozen reader sees one moment", frozen),
    ("what is not there is not read", missing),
];

fn refused(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let mut first = lead(&place);
    let second = open(&place, LEAD).err().expect("one leads already");
    assert!(matches!(second, StoreError::LedByAnother { .. }), "{second}");
    // The attempt did not disturb the leader.
    first.append(&of_everything(1)).expect("it still leads");
    assert_eq!(first.head().epoch, 1);
}

fn freed(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    for epoch in 1..4 {
        let mut store = lead(&place);
        assert_eq!(store.head().epoch, epoch);
        store.append(&of_everything(epoch)).expect("there is room");
    }
    assert_eq!((reader(&place).head().seq, reader(&place).head().epoch), (6, 3));
}

fn waited(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let first = lead(&place);
    let waiting = {
        let place = place.clone();
        std::thread::spawn(move || {
            let store = open(&place, OpenMode::Lead { wait: true }).expect("the leader goes");
            store.head().epoch
        })
    };
    // Whether the other one waits already or not, it must not lead before this.
    assert_eq!(reader(&place).head().epoch, 1);
    drop(first);
    assert_eq!(waiting.join().expect("it does not panic"), 2);
}

fn follows(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let mut leader = lead(&place);
    let mut follower = reader(&place);
    let head = leader.append(&of_everything(1)).expect("there is room");
    assert_eq!(follower.head().seq, 0);
    assert_eq!(follower.refresh().expect("reading works"), head);
    assert_eq!(follower.read(2, 1).expect("reading works").len(), 1);
    let refused = follower.append(&records(&["{}"])).expect_err("it only reads");
    assert!(matches!(refused, StoreError::NotLeading { .. }), "{refused}");
    assert_eq!(leader.refresh().expect("it still leads"), head);
}

fn frozen(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let mut leader = lead(&place);
    let before = leader.append(&of_everything(1)).expect("there is room");
    let mut follower = reader(&place);
    assert_eq!(follower.freeze().expect("reading works"), before);
    leader.append(&of_everything(2)).expect("readers do not stop the leader");
    assert_eq!(follower.read(1, 10).expect("reading works").len(), 2);
    assert_eq!(follower.answers(None, 10).expect("reading works").len(), 1);
    follower.thaw().expect("it was frozen");
    assert_eq!(follower.read(1, 10).expect("reading works").len(), 4);
}

fn missing(fixture: &dyn Fixture) {
    let place = fixture.fresh();
    let refused = open(&place, OpenMode::Read).err().expect("nothing is there");
    assert!(matches!(refused, StoreError::Missing { .. }), "{refused}");
    drop(lead(&place));
    assert_eq!(reader(&place).head().seq, 0);
}
