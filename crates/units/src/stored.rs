//! The stored form of what is no plain number: names, zones, currencies, amounts and ratios.
//!
//! Each is a text or a list of texts that its own reader takes back, so that what cannot be is
//! refused here and never met later.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Currency, Money, Name, Ratio, Zone};

/// As its text.
impl Serialize for Name {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::new(&text).map_err(de::Error::custom)
    }
}

/// As its IANA name.
impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::named(&text).map_err(de::Error::custom)
    }
}

/// As its ISO 4217 code.
impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::from_code(&text).map_err(de::Error::custom)
    }
}

/// An amount: minor units as decimal text, and the currency.
#[derive(Serialize, Deserialize)]
struct StoredMoney {
    #[serde(with = "crate::decimal")]
    minor: i128,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        StoredMoney { minor: self.minor(), currency: self.currency() }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let StoredMoney { minor, currency } = StoredMoney::deserialize(from)?;
        Ok(Self::from_minor(minor, currency))
    }
}

/// As `n` or `n/d`, in lowest terms.
impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (above, below) = text.split_once('/').unwrap_or((&text, "1"));
        let terms = above.parse().ok().zip(below.parse().ok());
        let ratio = terms.and_then(|(above, below)| Self::checked_new(above, below));
        ratio.filter(|ratio| ratio.to_string() == text).ok_or_else(|| {
            de::Error::custom(format_args!("{text:?} is not a ratio such as 3/4 in lowest terms"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Day, GpuSeconds, Instant, LeaseId, Shape};

    fn check<T>(value: &T, json: &str)
    where
        T: Serialize + de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        assert_eq!(serde_json::to_string(value).expect("it can be written"), json);
        assert_eq!(serde_json::from_str::<T>(json).expect("it can be read"), *value);
    }

    fn refused<T: de::DeserializeOwned + std::fmt::Debug>(json: &str, why: &str) {
        let error = serde_json::from_str::<T>(json).expect_err("it cannot be").to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn what_is_stored_reads_back_exactly() {
        check(&LeaseId::new("l-1").expect("a name"), "\"l-1\"");
        check(&Zone::named("America/Chicago").expect("a zone"), "\"America/Chicago\"");
        check(&Instant::from_unix(1_772_863_200), "1772863200");
        check(&"2026-05-01".parse::<Day>().expect("a day"), "\"2026-05-01\"");
        check(&Shape::Rack, "\"rack\"");
        check(&Ratio::new(-3, 4), "\"-3/4\"");
        check(&GpuSeconds::new(u128::MAX), "\"340282366920938463463374607431768211455\"");
        let usd = Currency::from_code("USD").expect("a currency");
        let least = "{\"minor\":\"-170141183460469231731687303715884105728\",\"currency\":\"USD\"}";
        check(&Money::from_minor(i128::MIN, usd), least);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        refused::<LeaseId>("\"../l\"", "is not a name");
        refused::<Zone>("\"Moon/Base\"", "is not a time zone");
        refused::<Ratio>("\"2/4\"", "lowest terms");
        refused::<Ratio>("\"1/0\"", "lowest terms");
        refused::<GpuSeconds>("\"01\"", "128 bits");
        refused::<GpuSeconds>("12", "expected a string");
        refused::<Money>("{\"minor\":\"1\",\"currency\":\"XAU\"}", "is not a currency");
    }
}
