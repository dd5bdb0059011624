//! The stored form of terms: the text that was signed, and nothing else. It is read again by the one
//! reader there is, so that what is stored can never say anything else than what was signed.

use leasehold_diagnostics::{Source, render};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Terms;

/// As the text that was signed.
impl Serialize for Terms {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Terms {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let source = Source::new("stored terms", String::deserialize(from)?);
        Self::parse(&source).map_err(|problems| {
            let told = render(&source, &problems, false);
            de::Error::custom(format_args!("stored terms do not read any more:\n{told}"))
        })
    }
}
