//! Exact ratios against plain fractions that are never reduced.

use leasehold_units::Ratio;
use proptest::prelude::*;

fn fraction() -> impl Strategy<Value = (i128, i128)> {
    (-5_000i128..5_000, 1i128..5_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arithmetic_agrees_with_unreduced_fractions((a, b) in fraction(), (c, d) in fraction()) {
        let (left, right) = (Ratio::new(a, b), Ratio::new(c, d));
        prop_assert_eq!(left.plus(right), Ratio::new(a * d + c * b, b * d));
        prop_assert_eq!(left.minus(right), Ratio::new(a * d - c * b, b * d));
        prop_assert_eq!(left.times(right), Ratio::new(a * c, b * d));
        prop_assert_eq!(left.cmp(&right), (a * d).cmp(&(c * b)));
        if c != 0 {
            prop_assert_eq!(left.over(right), Ratio::new(a * d, b * c));
        }
        prop_assert!(left.floor() * b <= a && a < (left.floor() + 1) * b);
    }

    #[test]
    fn a_decimal_is_its_digits_over_a_power_of_ten(whole in 0u64..1_000_000, part in 0u32..1_000_000) {
        let read = Ratio::from_decimal(&format!("{whole}.{part:06}"));
        let expected = i128::from(whole) * 1_000_000 + i128::from(part);
        prop_assert_eq!(read, Ok(Ratio::new(expected, 1_000_000)));
    }
}

#[test]
fn sums_of_like_denominators_stay_small() {
    // Two shares of a month at a finely written factor: multiplying the denominators out would
    // leave 128 bits.
    let denominator = 31 * 10_i128.pow(20);
    let third = Ratio::new(10_i128.pow(16) + 1, denominator);
    assert_eq!(third.plus(third), Ratio::new(2 * (10_i128.pow(16) + 1), denominator));
}

#[test]
fn signs_and_noise_are_no_decimals() {
    for text in ["", "-1", "+1", "1e2", ".5", "5.", "1_000", "1234567890123456789", "½", "1.5 "] {
        assert!(Ratio::from_decimal(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_largest_ratios_are_compared_and_their_products_refused() {
    let huge = 10_i128.pow(38);
    let (below, above) = (Ratio::new(huge - 1, huge), Ratio::new(huge + 1, huge));
    assert!(below < Ratio::ONE && Ratio::ONE < above && below < above);
    assert!(Ratio::new(huge - 2, huge - 1) < below, "they differ in the 76th digit");
    assert!(Ratio::new(1 - huge, huge) < Ratio::new(2 - huge, huge - 1));
    assert_eq!(above.cmp(&above), std::cmp::Ordering::Equal);
    assert_eq!(above.checked_times(above), None);
    assert_eq!(above.checked_times(Ratio::new(huge, huge + 1)), Some(Ratio::ONE));
}
