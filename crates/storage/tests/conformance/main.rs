//! What every store promises, written once and asked of each backend.

mod beside;
mod fixture;
mod leading;
mod log;

use fixture::{Fixture, SqliteFiles};

/// A promise, asked of a fresh store.
type Promise = (&'static str, fn(&dyn Fixture));

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
}
