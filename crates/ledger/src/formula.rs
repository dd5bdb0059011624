//! Formulas as they stand on a document: text in the names of its inputs, evaluated exactly.
//!
//! An amount is what its formula gives, so that what a document says of its derivation cannot be
//! anything else than how it was derived; and anybody can evaluate it again, in any language:
//! `+ - * /` and parentheses over exact rationals, `min`, `max`, and `round`, which rounds half to
//! even to the currency's minor unit. What comes from a file is never trusted: numbers that leave
//! 128 bits, a division by zero or a formula nested without end are errors.

use leasehold_units::{Currency, Money, Ratio};

/// Parentheses, signs and functions inside each other that are followed.
const DEPTH_MAX: u32 = 32;

/// Why a formula gives no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormulaError {
    /// It cannot be read.
    #[error("the formula cannot be read from {rest:?} on")]
    Syntax {
        /// What is left of it.
        rest: String,
    },
    /// It names an input that is not given, or a function that there is not.
    #[error("the formula names {0:?}, which is not among its inputs")]
    UnknownName(String),
    /// An input is no number.
    #[error("the input {name} is {value:?}: expected a decimal, a fraction or a percentage")]
    NotANumber {
        /// Which.
        name: String,
        /// What it says.
        value: String,
    },
    /// A division by zero, or a number that leaves 128 bits.
    #[error("the formula divides by zero or leaves 128 bits")]
    OutOfRange,
    /// More nesting than is followed.
    #[error("the formula is nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// The result is no amount of the currency.
    #[error("the formula gives {0}, which is no whole number of minor units")]
    NotAnAmount(Ratio),
}

/// What `formula` gives for `inputs`, in units of `currency`.
///
/// # Errors
/// Where it gives no amount.
pub fn evaluate(
    formula: &str,
    inputs: &[(String, String)],
    currency: Currency,
) -> Result<Money, FormulaError> {
    let scale = Ratio::whole(10_i128.pow(currency.digits()));
    let mut reader = Reader { rest: formula, inputs, scale, depth: 0 };
    let result = reader.sum()?;
    reader.skip_spaces();
    if !reader.rest.is_empty() {
        return Err(reader.syntax());
    }
    let minor = result.checked_times(scale).ok_or(FormulaError::OutOfRange)?;
    if minor.denominator() != 1 {
        return Err(FormulaError::NotAnAmount(result));
    }
    Ok(Money::from_minor(minor.numerator(), currency))
}

/// Reads what documents write as a quantity: `-12.5`, `7/3`, `5%`.
pub fn number(text: &str) -> Option<Ratio> {
    if let Some(percent) = text.strip_suffix('%') {
        return number(percent)?.checked_over(Ratio::whole(100));
    }
    if let Some(positive) = text.strip_prefix('-') {
        return positive
            .starts_with(|c: char| c.is_ascii_digit())
            .then(|| number(positive))?
            .map(Ratio::negated);
    }
    if let Some((above, below)) = text.split_once('/') {
        return whole(above)?.checked_over(whole(below)?);
    }
    match text.split_once('.') {
        None => whole(text),
        Some((units, part)) => {
            let scale = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
            let part = whole(part)?.checked_over(Ratio::whole(scale))?;
            whole(units)?.checked_plus(part)
        }
    }
}

fn whole(text: &str) -> Option<Ratio> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok().map(Ratio::whole))?
}

/// What is left to read of a formula.
struct Reader<'a> {
    rest: &'a str,
    inputs: &'a [(String, String)],
    /// Minor units in a unit of the currency.
    scale: Ratio,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn sum(&mut self) -> Result<Ratio, FormulaError> {
        let mut sum = self.product()?;
        loop {
            let term = if self.take("+") {
                self.product()?
            } else if self.take("-") {
                self.product()?.negated()
            } else {
                return Ok(sum);
            };
            sum = sum.checked_plus(term).ok_or(FormulaError::OutOfRange)?;
        }
    }

    fn product(&mut self) -> Result<Ratio, FormulaError> {
        let mut product = self.signed()?;
        loop {
            let next = if self.take("*") {
                product.checked_times(self.signed()?)
            } else if self.take("/") {
                product.checked_over(self.signed()?)
            } else {
                return Ok(product);
            };
            product = next.ok_or(FormulaError::OutOfRange)?;
        }
    }

    fn signed(&mut self) -> Result<Ratio, FormulaError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(FormulaError::TooDeep);
        }
        let value = if self.take("-") { self.signed()?.negated() } else { self.atom()? };
        self.depth -= 1;
        Ok(value)
    }

    fn atom(&mut self) -> Result<Ratio, FormulaError> {
        if self.take("(") {
            let inner = self.sum()?;
            return if self.take(")") { Ok(inner) } else { Err(self.syntax()) };
        }
        self.skip_spaces();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = self.rest.find(|c: char| !is_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(self.syntax());
        }
        self.rest = rest;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return number(word).ok_or(FormulaError::Syntax { rest: word.into() });
        }
        if self.take("(") { self.call(word) } else { self.input(word) }
    }

    fn call(&mut self, function: &'a str) -> Result<Ratio, FormulaError> {
        let mut value = self.sum()?;
        match function {
            "round" => {
                let minor = value.checked_times(self.scale).ok_or(FormulaError::OutOfRange)?;
                value = minor.checked_round_half_even().ok_or(FormulaError::OutOfRange)?;
                value = value.checked_over(self.scale).ok_or(FormulaError::OutOfRange)?;
            }
            "min" | "max" => {
                while self.take(",") {
                    let other = self.sum()?;
                    let difference = value.checked_plus(other.negated());
                    let other_is_less = difference.ok_or(FormulaError::OutOfRange)?.numerator() > 0;
                    if other_is_less == (function == "min") {
                        value = other;
                    }
                }
            }
            _ => return Err(FormulaError::UnknownName(function.into())),
        }
        if self.take(")") { Ok(value) } else { Err(self.syntax()) }
    }

    fn input(&self, name: &str) -> Result<Ratio, FormulaError> {
        let found = self.inputs.iter().find(|(other, _)| other == name);
        let (_, value) = found.ok_or_else(|| FormulaError::UnknownName(name.into()))?;
        let not_a_number = || FormulaError::NotANumber { name: name.into(), value: value.clone() };
        number(value).ok_or_else(not_a_number)
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip_spaces();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn syntax(&self) -> FormulaError {
        FormulaError::Syntax { rest: self.rest.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(formula: &str, inputs: &[(&str, &str)]) -> Result<String, FormulaError> {
        let inputs: Vec<(String, String)> =
            inputs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let usd = Currency::from_code("USD").expect("a currency");
        evaluate(formula, &inputs, usd).map(|money| money.to_string())
    }

    #[test]
    fn a_months_part_of_a_billion_is_exact() {
        let inputs = [("fixed", "1250000000.00"), ("fee", "50%"), ("days", "12"), ("of", "31")];
        let formula = "round(fixed * fee * days / of)";
        assert_eq!(amount(formula, &inputs).as_deref(), Ok("241935483.87"));
    }

    #[test]
    fn halves_go_to_the_even_cent() {
        let rounded = |value| amount("round(x)", &[("x", value)]).expect("an amount");
        assert_eq!(rounded("0.005"), "0.00");
        assert_eq!(rounded("0.015"), "0.02");
        assert_eq!(rounded("-0.005"), "0.00");
        assert_eq!(rounded("-0.015"), "-0.02");
        assert_eq!(rounded("1/3"), "0.33");
    }

    #[test]
    fn signs_parentheses_and_functions_bind_as_in_arithmetic() {
        assert_eq!(amount("2 + 3 * -(4 - 1) / 2 - 0.5", &[]).as_deref(), Ok("-3.00"));
        assert_eq!(amount("max(min(a, 7, 5), 2 * 3) - 1", &[("a", "9")]).as_deref(), Ok("5.00"));
    }

    #[test]
    fn what_gives_no_amount_is_told() {
        let error =
            |formula: &str| amount(formula, &[("x", "1.001"), ("words", "ten")]).unwrap_err();
        assert_eq!(
            error("x").to_string(),
            "the formula gives 1001/1000, which is no whole number of minor units"
        );
        assert_eq!(error("y"), FormulaError::UnknownName("y".into()));
        assert_eq!(error("sin(x)"), FormulaError::UnknownName("sin".into()));
        assert_eq!(error("1 / (2 - 2)"), FormulaError::OutOfRange);
        assert_eq!(error("1 +"), FormulaError::Syntax { rest: String::new() });
        assert_eq!(error("(1"), FormulaError::Syntax { rest: String::new() });
        assert_eq!(error("1 2"), FormulaError::Syntax { rest: "2".into() });
        assert_eq!(error(&"(".repeat(10_000)), FormulaError::TooDeep);
        assert_eq!(error(&"-".repeat(10_000)), FormulaError::TooDeep);
        let large = "9".repeat(30);
        assert_eq!(error(&format!("{large} * {large}")), FormulaError::OutOfRange);
        assert!(matches!(error("words"), FormulaError::NotANumber { .. }));
    }
}
