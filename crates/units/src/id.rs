//! Typed names. A party's name can never be handed over where a lease's is meant.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What is wrong with a text that should be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a name: expected 1 to 64 of letters, digits, `-`, `_` and `.`, starting with a letter or digit"
)]
pub struct NameError {
    /// The refused text.
    pub text: String,
}

/// A name that is safe in file names, URLs, CSV and journal accounts: 1 to 64 of ASCII letters and
/// digits, `-`, `_` and `.`, starting with a letter or digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks and keeps `text`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if starts_well && text.len() <= 64 && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(NameError { text: text.into() })
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! named {
    ($($(#[$doc:meta])* $type:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $type(Name);

        impl $type {
            /// Checks and keeps `text`; see [`Name`] for what is allowed.
            pub fn new(text: &str) -> Result<Self, NameError> {
                Name::new(text).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

named! {
    /// A data centre.
    SiteId,
    /// A landlord, its research side, or a tenant.
    PartyId,
    /// A lease; all versions of it share the name.
    LeaseId,
    /// A kind of node.
    SkuId,
    /// A set of identical racks.
    PoolId,
    /// Works that are planned ahead.
    OutageId,
}
