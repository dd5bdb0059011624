//! Tax on amounts: on top of them, or inside them.

use leasehold_units::{Money, Ratio};

/// The tax on top of `amounts` together, rounded half to even once. `rate` is a share of one: 19 %
/// is 19/100. `None` of nothing.
pub fn tax_on_top(amounts: &[Money], rate: Ratio) -> Option<Money> {
    let sum = amounts.iter().copied().reduce(Money::plus)?;
    Some(Money::rounded_half_even(sum.exact().times(rate), sum.currency()))
}

/// The part of each of `amounts` that is tax where they have it inside: rate over one plus rate.
/// Each part is the rounded running total less the parts before it, so that the parts add up to the
/// tax inside the sum, rounded once.
pub fn tax_inside(amounts: &[Money], rate: Ratio) -> Vec<Money> {
    let share = rate.over(Ratio::ONE.plus(rate));
    let mut parts = Vec::with_capacity(amounts.len());
    let (mut sum, mut before) = (0, 0);
    for amount in amounts {
        sum += amount.minor();
        let so_far = Ratio::whole(sum).times(share).round_half_even();
        parts.push(Money::from_minor(so_far - before, amount.currency()));
        before = so_far;
    }
    parts
}
