//! Counted quantities that do not mix: adding GPUs to nodes does not compile.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($($(#[$doc:meta])* $type:ident($(#[$stored:meta])* $repr:ty));* $(;)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $type($(#[$stored])* $repr);

        impl $type {
            /// None of it.
            pub const ZERO: Self = Self(0);

            /// A quantity of `count`.
            pub const fn new(count: $repr) -> Self {
                Self(count)
            }

            /// The count.
            pub const fn get(self) -> $repr {
                self.0
            }

            /// The sum.
            ///
            /// # Panics
            /// If it does not fit, which no site on earth reaches.
            #[must_use]
            pub fn plus(self, other: Self) -> Self {
                Self(self.0.checked_add(other.0).expect("quantity overflows"))
            }

            /// The difference.
            ///
            /// # Panics
            /// If `other` is larger: a quantity is never negative.
            #[must_use]
            pub fn minus(self, other: Self) -> Self {
                Self(self.0.checked_sub(other.0).expect("quantity below zero"))
            }

            /// The difference, or zero where `other` is larger.
            #[must_use]
            pub fn minus_or_zero(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }

            /// `factor` times as much.
            ///
            /// # Panics
            /// If it does not fit.
            #[must_use]
            pub fn times(self, factor: $repr) -> Self {
                Self(self.0.checked_mul(factor).expect("quantity overflows"))
            }
        }

        impl std::iter::Sum for $type {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, Self::plus)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

quantity! {
    /// Accelerators.
    Gpus(u64);
    /// Servers (an HGX chassis, an NVL72 tray).
    Nodes(u64);
    /// Electrical power in watts.
    Watts(u64);
    /// GPUs times seconds.
    GpuSeconds(#[serde(with = "crate::decimal")] u128);
    /// Energy in joules.
    WattSeconds(#[serde(with = "crate::decimal")] u128);
}
