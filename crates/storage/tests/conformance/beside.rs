//! Answers, streams and the archive.

use leasehold_storage::{Batch, StoreError};

use crate::Promise;
use crate::fixture::{Fixture, answer, at, chunk, job, lead, of_everything, records};

pub const PROMISES: &[Promise] = &[
    ("a command's answer is found by principal and id", answers),
    ("an id is answered once", answered_once),
    ("old answers are forgotten, at the time that is said", pruned),
    ("a stream is what was appended to it", streams),
    ("the archive is read from the highest number down", archive),
    ("an archive row is replaced", replaced),
    ("the tables are walked in pages", walked),
    ("names and texts of every kind come back", every_kind),
];

fn answers(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let written = vec![answer("anna", "c-1", 5), answer("bert", "c-1", 5)];
    let batch = Batch { answers: written.clone(), ..Batch::default() };
    store.append(&batch).expect("there is room");
    let mut found = |principal, command| store.answer(principal, command).expect("reading works");
    assert_eq!(found("anna", "c-1"), Some(written[0].clone()));
    assert_eq!(found("bert", "c-1"), Some(written[1].clone()));
    assert_eq!(found("anna", "c-2"), None);
    assert_eq!(found("ANNA", "c-1"), None);
}

fn answered_once(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let before = store.append(&of_everything(1)).expect("there is room");
    let again = Batch { answers: vec![answer("anna", "c-1", 9)], ..of_everything(2) };
    let twice = vec![answer("anna", "c-3", 9), answer("anna", "c-3", 9)];
    for batch in [again, Batch { answers: twice, ..of_everything(2) }] {
        let refused = store.append(&batch).expect_err("the id was used");
        assert!(matches!(refused, StoreError::Repeated { .. }), "{refused}");
        assert_eq!(store.refresh().expect("still leads"), before);
    }
    assert_eq!(store.text("evidence/L-1").expect("reading works"), Some("line 1\n".into()));
    assert_eq!(store.archived_one("job", "T-1", 2).expect("reading works"), None);
    assert_eq!(
        store.answer("anna", "c-1").expect("reading works"),
        Some(answer("anna", "c-1", 101))
    );
    store.append(&of_everything(2)).expect("the store goes on");
}

fn pruned(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let written = (1..=5).map(|second| answer("anna", &format!("c-{second}"), second));
    let batch = Batch { answers: written.collect(), ..Batch::default() };
    store.append(&batch).expect("there is room");
    assert_eq!(store.prune_answers(at(3)).expect("there is room"), 2);
    assert_eq!(store.prune_answers(at(3)).expect("there is room"), 0);
    assert_eq!(store.answer("anna", "c-2").expect("reading works"), None);
    assert!(store.answer("anna", "c-3").expect("reading works").is_some());
}

fn streams(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let names = ["evidence/L-1/2026-05", "evidence/L-1/2026-06", "evidence/L-10/2026-05", "log"];
    for round in ["one\n", "", "two\n"] {
        let chunks = names.iter().map(|name| chunk(name, round)).collect();
        store.append(&Batch { chunks, ..Batch::default() }).expect("there is room");
    }
    assert_eq!(store.text("log").expect("reading works"), Some("one\ntwo\n".into()));
    assert_eq!(store.text("evidence").expect("reading works"), None);
    let mut found = |prefix| store.streams(prefix).expect("reading works");
    assert_eq!(found(""), names);
    assert_eq!(found("evidence/L-1/"), names[..2]);
    assert_eq!(found("evidence/L-1"), names[..3]);
    assert_eq!(found("evidence/L-2"), [""; 0]);
    assert_eq!(found("log"), ["log"]);
    assert_eq!(found("zzz"), [""; 0]);
}

fn archive(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let rows = (1..=5).map(|number| job("T-1", number, "{}")).chain([job("T-2", 9, "{}")]);
    store.append(&Batch { archive: rows.collect(), ..Batch::default() }).expect("there is room");
    let mut numbers = |owner, before, limit| {
        let found = store.archived("job", owner, before, limit).expect("reading works");
        found.iter().map(|row| row.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers("T-1", None, 3), [5, 4, 3]);
    assert_eq!(numbers("T-1", Some(3), 3), [2, 1]);
    assert_eq!(numbers("T-1", Some(1), 3), [0; 0]);
    assert_eq!(numbers("T-2", None, 3), [9]);
    assert_eq!(numbers("T-3", None, 3), [0; 0]);
    assert_eq!(store.archived_one("job", "T-1", 9).expect("reading works"), None);
    assert_eq!(
        store.archived_one("job", "T-2", 9).expect("reading works"),
        Some(job("T-2", 9, "{}"))
    );
    assert_eq!(store.archived("bill", "T-1", None, 3).expect("reading works"), []);
}

fn replaced(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let twice = vec![job("T-1", 1, "first"), job("T-1", 1, "second")];
    store.append(&Batch { archive: twice, ..Batch::default() }).expect("there is room");
    let mut found = || store.archived_one("job", "T-1", 1).expect("reading works");
    assert_eq!(found(), Some(job("T-1", 1, "second")));
    let again = Batch { archive: vec![job("T-1", 1, "third")], ..Batch::default() };
    store.append(&again).expect("there is room");
    assert_eq!(
        store.archived("job", "T-1", None, 9).expect("reading works"),
        [job("T-1", 1, "third")]
    );
}

fn walked(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    for round in 1..=5 {
        store.append(&of_everything(round)).expect("there is room");
    }
    let first = store.answers(None, 3).expect("reading works");
    let last = &first[2];
    let rest = store.answers(Some((&last.principal, &last.command)), 3).expect("reading works");
    let commands: Vec<_> = first.iter().chain(&rest).map(|answer| &*answer.command).collect();
    assert_eq!(commands, ["c-1", "c-2", "c-3", "c-4", "c-5"]);
    let first = store.chunks(0, 3).expect("reading works");
    let rest = store.chunks(first[2].0, 3).expect("reading works");
    let texts: Vec<_> = first.iter().chain(&rest).map(|(_, chunk)| chunk.text.trim_end()).collect();
    assert_eq!(texts, ["line 1", "line 2", "line 3", "line 4", "line 5"]);
    let first = store.archive(None, 3).expect("reading works");
    let rest = store.archive(Some(("job", "T-1", first[2].number)), 3).expect("reading works");
    let numbers: Vec<_> = first.iter().chain(&rest).map(|row| row.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

fn every_kind(fixture: &dyn Fixture) {
    let mut store = lead(&fixture.fresh());
    let odd = "'; DROP TABLE head; -- \\x \"%_ \u{1} 世界 \u{10ffff} é e\u{301}";
    let batch = Batch {
        answers: vec![answer(odd, odd, -5)],
        chunks: vec![chunk(odd, odd)],
        archive: vec![job(odd, u64::try_from(i64::MAX).expect("it is positive"), odd)],
        ..records(&[odd, ""])
    };
    store.append(&batch).expect("there is room");
    assert_eq!(store.read(1, 1).expect("reading works")[0].body, odd);
    assert_eq!(store.answer(odd, odd).expect("reading works"), Some(batch.answers[0].clone()));
    assert_eq!(store.text(odd).expect("reading works").as_deref(), Some(odd));
    assert_eq!(store.streams("'; DROP").expect("reading works"), [odd]);
    assert_eq!(store.archived("job", odd, None, 2).expect("reading works"), batch.archive);
}
