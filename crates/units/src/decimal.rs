//! Numbers of 128 bits as decimal text, for `#[serde(with)]`: many readers of JSON lose digits beyond
//! 53 bits, and some formats have no such numbers.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de};

/// Writes `number` as decimal text.
///
/// # Errors
/// Where the format takes no text.
pub fn serialize<S: Serializer>(number: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

/// Reads a number from the text that [`serialize`] writes.
///
/// # Errors
/// Where there is no such text, or a number that would be written otherwise.
pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr + Display,
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    let number = text.parse::<T>().ok().filter(|number| number.to_string() == text);
    number.ok_or_else(|| {
        de::Error::custom(format_args!("{text:?} is not a whole number of 128 bits in decimal"))
    })
}
