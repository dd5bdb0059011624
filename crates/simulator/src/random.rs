//! Random numbers that are the same on every machine: no logarithm, no library function whose last
//! digit depends on the platform.

use leasehold_units::Seconds;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random(Pcg64Mcg);

impl Random {
    /// The stream number `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        // Neighbouring seeds of one generator are alike at first; the golden ratio spreads them.
        let spread = seed ^ (stream + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = Self(Pcg64Mcg::seed_from_u64(spread));
        random.bits();
        random
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(bound.max(1));
        u64::try_from(product >> 64).expect("below the bound")
    }

    /// A number from 0 to 1, 1 excluded, in steps of 2^-52.
    pub fn uniform(&mut self) -> f64 {
        precise(self.bits() >> 12) / precise(1 << 52)
    }

    /// An exponential length with mean 1, by von Neumann's comparison of uniforms (1951).
    pub fn exponential(&mut self) -> f64 {
        let mut whole = 0.0;
        loop {
            let first = self.uniform();
            let (mut last, mut odd) = (first, true);
            loop {
                let next = self.uniform();
                if next >= last {
                    break;
                }
                (last, odd) = (next, !odd);
            }
            if odd {
                return whole + first;
            }
            whole += 1.0;
        }
    }

    /// An exponential length with the mean of `seconds`, in whole seconds, at least 1.
    pub fn gap(&mut self, mean_seconds: f64) -> Seconds {
        whole_seconds(self.exponential() * mean_seconds)
    }
}

/// A count below 2^53 as a float, exactly.
#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
pub const fn precise(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
fn whole_seconds(length: f64) -> Seconds {
    Seconds::new((length as u64).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_lengths_have_mean_one_and_the_right_tail() {
        let mut random = Random::new(7, 0);
        let lengths: Vec<f64> = (0..100_000).map(|_| random.exponential()).collect();
        let mean = lengths.iter().sum::<f64>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.02, "mean {mean}");
        let long = lengths.iter().filter(|length| **length > 2.0).count();
        // exp(-2) = 0.1353
        assert!((13_000..14_100).contains(&long), "{long} of 100,000 above 2");
    }
}
