//! A SHA-256 of what is still being written, stored where it stands.

use serde::{Deserialize, Deserializer, Serializer, de};
use sha2::Sha256;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

/// Writes the state of `sha256` in hexadecimal digits.
pub fn serialize<S: Serializer>(sha256: &Sha256, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&super::hex(&sha256.serialize()))
}

/// Reads what [`serialize`] writes.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sha256, D::Error> {
    let text = String::deserialize(from)?;
    let bytes: Option<[u8; STATE_BYTES]> = super::unhex(&text);
    let state = bytes.and_then(|bytes| SerializedState::<Sha256>::try_from(bytes.as_slice()).ok());
    let sha256 = state.and_then(|state| Sha256::deserialize(&state).ok());
    sha256.ok_or_else(|| de::Error::custom(format_args!("{text:?} is no state of a SHA-256")))
}

/// Eight words, the length, and a block that is not full.
const STATE_BYTES: usize = size_of::<SerializedState<Sha256>>();
