//! What anybody can check of a document alone: that each amount is what its formula gives, and that
//! they add up.

use leasehold_units::Money;

use crate::formula::FormulaError;
use crate::{Derivation, Invoice};

/// Why a document does not hold by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// A formula gives no amount.
    #[error("line {line}: {error}")]
    Formula {
        /// Which, from 1.
        line: usize,
        /// Why.
        error: FormulaError,
    },
    /// A formula gives another amount.
    #[error("line {line}: the amount is {stated}, and its formula gives {derived}")]
    Amount {
        /// Which, from 1.
        line: usize,
        /// What the line says.
        stated: String,
        /// What follows.
        derived: String,
    },
    /// What is due of an adjustment is not the sum of what is listed.
    #[error("line {line}: {stated} are due, and what is listed adds up to {derived}")]
    Due {
        /// Which, from 1.
        line: usize,
        /// What the line says.
        stated: String,
        /// What follows.
        derived: String,
    },
    /// The lines add up to another total.
    #[error("the total is {stated}, and the lines add up to {derived}")]
    Total {
        /// What the document says.
        stated: String,
        /// What follows.
        derived: String,
    },
}

impl Invoice {
    /// Derives every amount again from its formula and adds them up.
    ///
    /// # Errors
    /// The first amount that does not follow.
    pub fn check(&self) -> Result<(), CheckError> {
        let mut sum = Money::zero(self.currency);
        for (line, place) in self.lines.iter().zip(1..) {
            check_amount(place, line.amount, &line.derivation)?;
            sum = sum.plus(line.amount);
        }
        if sum == self.total {
            return Ok(());
        }
        Err(CheckError::Total { stated: self.total.to_string(), derived: sum.to_string() })
    }
}

fn check_amount(line: usize, stated: Money, derivation: &Derivation) -> Result<(), CheckError> {
    let currency = stated.currency();
    let derived = derivation.evaluate(currency);
    let derived = derived.map_err(|error| CheckError::Formula { line, error })?;
    if derived != stated {
        let (stated, derived) = (stated.to_string(), derived.to_string());
        return Err(CheckError::Amount { line, stated, derived });
    }
    let listed = derivation.due_lines.iter();
    let sum = listed.fold(Money::zero(currency), |sum, due| sum.plus(due.amount)).to_string();
    let due = derivation.inputs.iter().find(|(name, _)| name == "due");
    if let Some((_, due)) = due.filter(|(_, due)| *due != sum) {
        return Err(CheckError::Due { line, stated: due.clone(), derived: sum });
    }
    derivation.due_lines.iter().try_for_each(|due| check_amount(line, due.amount, &due.derivation))
}
