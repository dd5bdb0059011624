//! A sealed document is what was issued, byte for byte, or it is refused.

mod common;

use common::{all_invoices, day, fine, percent, schedule, terms};
use leasehold_ledger::{BilledLease, Biller, Invoice, PublicKey, SealError, Sealed, SigningKey};
use leasehold_units::{Money, Ratio};
use proptest::prelude::*;

/// The second invoice of a ramp: meters of a month, and the fee of the next in two parts.
fn invoice() -> Invoice {
    let terms = [terms("2026-05-20", "2026-06-30")];
    let periods = schedule(&terms[0], terms[0].end, |at| {
        if at < day("2026-06-08") { (percent(50, 0), 1) } else { (Ratio::ONE, 1) }
    });
    let lease = BilledLease::of_fees(&terms, &periods);
    all_invoices(&mut Biller::new(), &lease, day("2026-05-20"), &fine).swap_remove(1)
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

#[test]
fn what_was_sealed_opens() {
    let sealed = key().seal(&invoice());
    let opened = Sealed::open(&sealed.to_json(), &key().public()).expect("nothing was altered");
    assert_eq!(opened.invoice, invoice());
    assert_eq!(opened.invoice.check(), Ok(()));
}

#[test]
fn no_byte_can_be_altered() {
    let sealed = key().seal(&invoice()).to_json();
    let key = key().public();
    for place in 0..sealed.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bytes = sealed.clone().into_bytes();
            bytes[place] ^= flip;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert!(Sealed::open(&text, &key).is_err(), "byte {place} was altered:\n{text}");
        }
    }
}

#[test]
fn nothing_can_be_added_or_left_out() {
    let sealed = key().seal(&invoice()).to_json();
    let key = key().public();
    for place in 0..sealed.len() {
        let (before, after) = sealed.split_at(place);
        for added in [" ", "\n", "0"] {
            assert!(Sealed::open(&format!("{before}{added}{after}"), &key).is_err());
        }
        assert!(Sealed::open(&format!("{before}{}", &after[1..]), &key).is_err());
    }
}

#[test]
fn another_key_does_not_do() {
    let sealed = key().seal(&invoice()).to_json();
    let other = SigningKey::from_seed(&[8; 32]);
    let error = Sealed::open(&sealed, &other.public()).expect_err("it was not the other's");
    assert!(matches!(error, SealError::OtherKey { .. }), "{error}");
    // Nor does naming the other key in the document.
    let named = sealed.replace(&key().public().to_string(), &other.public().to_string());
    assert_eq!(Sealed::open(&named, &other.public()), Err(SealError::Broken));
}

#[test]
fn keys_read_back_from_their_files() {
    let key = key();
    let again = SigningKey::from_pem(&key.to_secret_pem()).expect("it was just written");
    assert_eq!(again.public(), key.public());
    assert_eq!(PublicKey::from_pem(&key.public().to_pem()), Ok(key.public()));
    assert!(PublicKey::from_pem(&key.to_secret_pem()).is_err());
    assert!(SigningKey::from_pem(&key.public().to_pem()).is_err());
    assert!(!format!("{key:?}").contains("07070707"), "a secret is never printed");
}

#[test]
fn an_amount_that_does_not_follow_is_found_even_under_a_good_seal() {
    let mut invoice = invoice();
    let cent = Money::from_minor(1, invoice.currency);
    invoice.lines[1].amount = invoice.lines[1].amount.plus(cent);
    invoice.total = invoice.total.plus(cent);
    let opened = Sealed::open(&key().seal(&invoice).to_json(), &key().public()).expect("sealed");
    insta::assert_snapshot!(
        opened.invoice.check().expect_err("a cent too much"),
        @"line 2: the amount is 145833333.34, and its formula gives 145833333.33"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", place in any::<prop::sample::Index>()) {
        let sealed = key().seal(&invoice()).to_json();
        let (before, after) = sealed.split_at(place.index(sealed.len()));
        let _ = Sealed::open(&text, &key().public());
        let altered = format!("{before}{text}{after}");
        prop_assert!(text.is_empty() || Sealed::open(&altered, &key().public()).is_err());
    }
}
