//! How names and instants are written in stored events: plain texts, instants as RFC 3339 in UTC.

/// An instant as RFC 3339 text.
pub mod instant {
    use leasehold_units::Instant;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &Instant, writer: S) -> Result<S::Ok, S::Error> {
        writer.collect_str(at)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Instant, D::Error> {
        let text = String::deserialize(reader)?;
        Instant::from_rfc3339(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not an instant in RFC 3339")))
    }
}

/// An instant or none.
pub mod instant_option {
    use leasehold_units::Instant;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &Option<Instant>, writer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => writer.collect_str(at),
            None => writer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Instant>, D::Error> {
        let Some(text) = Option::<String>::deserialize(reader)? else { return Ok(None) };
        let at = Instant::from_rfc3339(&text);
        at.map(Some)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not an instant in RFC 3339")))
    }
}

/// A party's name.
pub mod party {
    use leasehold_units::PartyId;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(party: &PartyId, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(party.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<PartyId, D::Error> {
        PartyId::new(&String::deserialize(reader)?).map_err(D::Error::custom)
    }
}

/// A party's name or none.
pub mod party_option {
    use leasehold_units::PartyId;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(party: &Option<PartyId>, to: S) -> Result<S::Ok, S::Error> {
        match party {
            Some(party) => to.serialize_some(party.as_str()),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<PartyId>, D::Error> {
        let Some(text) = Option::<String>::deserialize(reader)? else { return Ok(None) };
        PartyId::new(&text).map(Some).map_err(D::Error::custom)
    }
}
