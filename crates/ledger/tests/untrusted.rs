//! What comes from outside never makes the readers panic, and what was altered is not taken for what
//! it was: arbitrary text, and every byte of small files changed.

mod common;

use common::{all_invoices, currency, day, fine, schedule, terms};
use leasehold_lease::{Notice, ShortDays, Side};
use leasehold_ledger::{
    BilledLease, Biller, EvidenceReader, Fact, OpenDocument, ReclaimOutcome, Record, Sealed,
    SigningKey, SkuRating, TermsDigest, UsageDigest, evaluate,
};
use leasehold_units::{Gpus, Instant, Month, Ratio, SkuId, Watts};
use proptest::prelude::*;

const EVIDENCE: &str = "number,from,until,first_node,nodes,gpus_per_node,sku,state\n\
    1,2026-05-01T05:00:00Z,2026-05-01T09:12:44Z,a-001-01-1,64,8,hgx-h100,used\n\
    2,2026-05-01T09:12:44Z,2026-05-02T00:00:00Z,a-001-01-1,64,8,hgx-h100,idle\n\
    3,2026-05-02T00:00:00Z,2026-05-03T00:00:00Z,a-001-01-1,1,8,hgx-h100,down\n";

fn at(text: &str) -> Instant {
    Instant::from_rfc3339(text).expect("the test writes an instant")
}

/// A record with every kind of fact.
fn record() -> Record {
    let mut record = Record::default();
    let rating = SkuRating { gpus_per_node: 8, measured: Watts::new(7750), idle: Watts::new(2100) };
    let sku = SkuId::new("hgx-h100").expect("a name");
    let short = ShortDays {
        from: day("2026-05-04"),
        until: day("2026-05-09"),
        granted: Gpus::new(64),
        delivered: Gpus::new(32),
    };
    let history = vec![
        (day("2026-05-01"), common::usd("12.50")),
        (day("2026-05-09"), common::usd("1.00").negated()),
    ];
    let facts = [
        Fact::Rated { sku, rating, pue: Ratio::new(6, 5) },
        Fact::Signed(TermsDigest { version: 1, sha256: [0xa5; 32] }),
        Fact::Entitled { gpus: Gpus::new(512) },
        Fact::NoticeGiven(Notice { by: Side::Tenant, given: day("2026-05-02") }),
        Fact::NoticeWithdrawn,
        Fact::Reclaimed { asked: at("2026-05-01T06:00:00Z"), outcome: ReclaimOutcome::Missed },
        Fact::CurtailedBeyond { nodes: 4 },
        Fact::Short(short),
        Fact::Open(OpenDocument { number: "x-1".into(), due: day("2026-06-01"), history }),
        Fact::Ended { last_day: day("2026-06-30") },
    ];
    for fact in facts {
        record.add(at("2026-05-01T05:00:00Z"), fact);
    }
    record
}

/// What proves a file of May 2026; none where it is refused.
fn evidence(text: &str) -> Option<UsageDigest> {
    let mut reader = EvidenceReader::new(Month::of(day("2026-05-01")));
    for line in text.lines() {
        reader.push(line, &mut |_| {}).ok()?;
    }
    reader.finish().ok()
}

/// Every text that is `text` with one byte changed, left out or written twice, as far as it is one.
fn mutations(text: &str) -> impl Iterator<Item = String> + '_ {
    (0..text.len()).flat_map(move |place| {
        let bytes = text.as_bytes();
        let flips = [0x01_u8, 0x02, 0x04, 0x10, 0x20, 0x80].map(|flip| {
            let mut bytes = bytes.to_vec();
            bytes[place] ^= flip;
            bytes
        });
        let without = [&bytes[..place], &bytes[place + 1..]].concat();
        let twice = [&bytes[..place], &bytes[place..=place], &bytes[place..]].concat();
        flips.into_iter().chain([without, twice]).filter_map(|bytes| String::from_utf8(bytes).ok())
    })
}

#[test]
fn a_record_reads_back_and_no_altered_one_has_its_digest() {
    let record = record();
    let text = record.to_lines();
    assert_eq!(Record::from_lines(text.lines()), Ok(record.clone()));
    for altered in mutations(&text) {
        // Where a file ends, and whether its lines do by one character or two, are no facts.
        if altered.lines().eq(text.lines()) {
            continue;
        }
        if let Ok(read) = Record::from_lines(altered.lines()) {
            assert_ne!(read.digest(), record.digest(), "{altered}");
            assert_eq!(read.to_lines().trim_end(), altered.lines().collect::<Vec<_>>().join("\n"));
        }
    }
}

#[test]
fn no_altered_evidence_has_its_digest() {
    let digest = evidence(EVIDENCE).expect("it is evidence");
    for altered in mutations(EVIDENCE) {
        if altered.lines().eq(EVIDENCE.lines()) {
            continue;
        }
        assert_ne!(evidence(&altered), Some(digest), "{altered}");
    }
}

#[test]
fn no_line_of_a_record_can_be_left_out_or_moved() {
    let record = record();
    let text = record.to_lines();
    let lines: Vec<&str> = text.lines().collect();
    for place in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(place);
        let read = Record::from_lines(fewer).expect("its lines are facts");
        assert_ne!(read.digest(), record.digest());
        let mut moved = lines.clone();
        moved.rotate_left(place);
        let read = Record::from_lines(moved).expect("its lines are facts");
        assert_eq!(read.digest() == record.digest(), place == 0);
    }
}

/// Text with the words that the readers look for.
fn text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "\"",
        ":",
        ",",
        "-",
        "\n",
        "0",
        "1",
        "9",
        "99999999999999999999",
        "2026-02-30",
        "2026-05-01",
        "9999-12-31T23:59:59Z",
        "at",
        "fact",
        "entitled",
        "gpus",
        "open",
        "history",
        "number,from,until,first_node,nodes,gpus_per_node,sku,state",
        "used",
        "round(",
        "min(",
        "max(",
        "(",
        ")",
        "a",
        "/",
        "*",
        "+",
        "1e9",
        "%",
        ".",
        " ",
        "\u{0}",
        "é",
    ]);
    let word = prop_oneof![4 => words.prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// One of the texts with some of its bytes changed, or another text in its midst.
fn mutated(text_of: fn() -> String) -> impl Strategy<Value = String> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (changes, any::<prop::sample::Index>(), text()).prop_map(move |(changes, place, added)| {
        let mut bytes = text_of().into_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let place = place.index(bytes.len());
        bytes.splice(place..place, added.into_bytes());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn sealed() -> String {
    let terms = [terms("2026-05-20", "2026-06-30")];
    let periods = schedule(&terms[0], terms[0].end, |_| (Ratio::ONE, 1));
    let lease = BilledLease::of_fees(&terms, &periods);
    let first = all_invoices(&mut Biller::new(), &lease, day("2026-05-20"), &fine).swap_remove(0);
    SigningKey::from_seed(&[7; 32]).seal(&first).to_json()
}

/// Whatever `text` is, nothing panics; and only a document that was sealed opens.
fn read_all(text: &str) {
    let _ = Record::from_lines(text.lines());
    let _ = evidence(text);
    let opened = Sealed::open(text, &SigningKey::from_seed(&[7; 32]).public());
    assert!(opened.is_err() || text == sealed(), "an altered document opened:\n{text}");
    let inputs = [("a".to_owned(), text.to_owned()), ("b".to_owned(), "1/3".to_owned())];
    for code in ["USD", "JPY", "KWD"] {
        let _ = evaluate(text, &inputs, currency(code));
        let _ = evaluate("round(a * b) - min(a, b)", &inputs, currency(code));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 20_000 }))]

    #[test]
    fn no_text_makes_a_reader_panic(text in text()) {
        read_all(&text);
    }

    #[test]
    fn no_altered_file_makes_a_reader_panic(
        record in mutated(|| record().to_lines()),
        evidence in mutated(|| EVIDENCE.to_owned()),
        document in mutated(sealed),
    ) {
        read_all(&record);
        read_all(&evidence);
        read_all(&document);
    }

    #[test]
    fn no_formula_makes_it_panic(
        formula in "(round\\(|min\\(|max\\(|\\(|\\)|,|a|b|[0-9]{1,40}|\\.|[-+*/ ]){0,40}",
        a in "[-]?[0-9]{0,40}([./][0-9]{0,40})?%?",
        b in "[-]?[0-9]{0,12}([./][0-9]{0,12})?%?",
    ) {
        let inputs = [("a".to_owned(), a), ("b".to_owned(), b)];
        for code in ["USD", "JPY", "KWD"] {
            let _ = evaluate(&formula, &inputs, currency(code));
            let _ = evaluate("round(a * b / (a - b)) + max(a, b)", &inputs, currency(code));
        }
    }
}

#[test]
fn facts_come_in_order_and_short_days_run_forwards() {
    let fact = |at: &str| format!("{{\"at\":\"{at}\",\"fact\":\"entitled\",\"gpus\":8}}");
    let (early, late) = (fact("2026-05-01T05:00:00Z"), fact("2026-05-01T05:00:01Z"));
    assert!(Record::from_lines([early.as_str(), late.as_str()]).is_ok());
    assert!(Record::from_lines([late.as_str(), early.as_str()]).is_err());
    let text = record().to_lines().replace("\"until\":\"2026-05-09\"", "\"until\":\"2026-05-03\"");
    assert!(Record::from_lines(text.lines()).is_err());
}
