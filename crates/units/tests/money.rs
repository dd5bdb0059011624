//! Currencies as ISO 4217 has them, and amounts that survive being printed and read.

use leasehold_units::{Currency, Money, MoneyError, Ratio};
use proptest::prelude::*;

fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn digits_are_those_of_iso_4217_where_people_get_them_wrong() {
    let by_digits = [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (2, "USD EUR GBP CHF HUF MGA MRU TWD IDR COP LBP XAD XCG SLE VED VES ZWG CHE CHW MXV"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ];
    for (digits, codes) in by_digits {
        for code in codes.split(' ') {
            assert_eq!(currency(code).digits(), digits, "{code}");
            assert_eq!(currency(code).code(), code);
        }
    }
}

#[test]
fn withdrawn_codes_name_what_took_their_place() {
    for (code, successor) in
        [("HRK", "EUR"), ("BGN", "EUR"), ("CUC", "CUP"), ("SLL", "SLE"), ("ZWL", "ZWG")]
    {
        let refused = MoneyError::WithdrawnCurrency { code: code.into(), successor };
        assert_eq!(Currency::from_code(code), Err(refused));
        assert!(Currency::from_code(successor).is_ok(), "{successor}");
    }
}

#[test]
fn what_has_no_minor_unit_or_is_no_code_is_refused() {
    let refused = ["XAU", "XXX", "XTS", "XDR", "DEM", "ANG", "EEK", "usd", "US", "", "USDT", "$"];
    for code in refused {
        assert_eq!(Currency::from_code(code), Err(MoneyError::UnknownCurrency(code.into())));
    }
}

#[test]
fn amounts_are_plain_decimals_of_at_most_the_currencys_digits() {
    let read = |text: &str, code: &str| Money::from_decimal(text, currency(code));
    let minor = |text: &str, code: &str| read(text, code).map(Money::minor);
    assert_eq!(minor("1250000000.00", "USD"), Ok(125_000_000_000));
    assert_eq!(minor("1250000000", "USD"), Ok(125_000_000_000));
    assert_eq!(minor("0.1", "KWD"), Ok(100));
    assert_eq!(minor("7", "JPY"), Ok(7));
    for (text, code) in [("1.001", "USD"), ("1.0", "JPY"), ("0.0001", "KWD"), ("0.00001", "CLF")] {
        assert!(matches!(read(text, code), Err(MoneyError::TooManyDigits { .. })), "{text} {code}");
    }
    for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,000", "1 000", "0x1", "١", "1.2.3"] {
        assert_eq!(read(text, "USD"), Err(MoneyError::NotAnAmount(text.into())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_amount_reads_back_as_it_was_printed(
        minor in 0i128..1_000_000_000_000_000,
        code in prop::sample::select(vec!["USD", "JPY", "KWD", "CLF"]),
    ) {
        let money = Money::from_minor(minor, currency(code));
        prop_assert_eq!(Money::from_decimal(&money.to_string(), currency(code)), Ok(money));
        prop_assert_eq!(money.negated().to_string(), if minor == 0 { money.to_string() } else { format!("-{money}") });
    }

    #[test]
    fn halves_go_to_the_even_neighbour(whole in -1_000i128..1_000, d in 1i128..400) {
        let half = Ratio::new((2 * whole + 1) * d, 2 * d);
        let rounded = Money::rounded_half_even(half, currency("USD")).minor();
        prop_assert_eq!(rounded, if whole % 2 == 0 { whole } else { whole + 1 });
    }

    #[test]
    fn rounding_takes_the_nearest_and_of_two_the_even(n in -100_000i128..100_000, d in 1i128..400) {
        let rounded = Money::rounded_half_even(Ratio::new(n, d), currency("USD")).minor();
        let twice_off = 2 * (rounded * d - n).abs();
        prop_assert!(twice_off < d || (twice_off == d && rounded % 2 == 0));
    }
}
