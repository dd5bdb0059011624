//! What every store promises, written once and asked of each backend.

mod beside;
#[path = "../../src/cluster.rs"]
mod cluster;
mod faults;
mod fixture;
mod leading;
mod log;
mod opening;
mod tools;
mod way;

use fixture::{Fixture, SqliteFiles};

/// A promise, asked of a fresh store.
type Promise = (&'static str, fn(&dyn Fixture));

#[expect(clippy::print_stderr, reason = "a failed promise is found by the last name told")]
fn ask(fixture: &dyn Fixture, promises: &[Promise]) {
    for (name, promise) in promises {
        eprintln!("{name}");
        promise(fixture);
    }
}

mod sqlite {
    use super::{SqliteFiles, ask};

    #[test]
    fn keeps_the_log() {
        ask(&SqliteFiles::new(), crate::log::PROMISES);
    }

    #[test]
    fn keeps_what_lies_beside_the_log() {
        ask(&SqliteFiles::new(), crate::beside::PROMISES);
    }

    #[test]
    fn has_one_leader() {
        ask(&SqliteFiles::new(), crate::leading::PROMISES);
    }

    #[test]
    fn is_verified_and_copied() {
        ask(&SqliteFiles::new(), crate::tools::PROMISES);
    }
}

mod postgres {
    use super::{Promise, ask, cluster};

    /// The test machine is not switched off under the tests, and syncing is slow.
    const QUICK: &[&str] = &["fsync=off", "full_page_writes=off"];

    fn ask_all(promises: &[Promise]) {
        if let Some(cluster) = cluster::start(QUICK) {
            ask(&cluster, promises);
        }
    }

    #[test]
    fn keeps_the_log() {
        ask_all(crate::log::PROMISES);
    }

    #[test]
    fn keeps_what_lies_beside_the_log() {
        ask_all(crate::beside::PROMISES);
    }

    #[test]
    fn has_one_leader() {
        ask_all(crate::leading::PROMISES);
    }

    #[test]
    fn is_verified_and_copied() {
        ask_all(crate::tools::PROMISES);
    }
}
