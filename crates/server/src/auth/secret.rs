//! Secrets that are drawn here and shown once.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A text that must not reach a log, an argument or an environment. It shows itself only where
/// [`Secret::expose`] is called.
#[derive(Clone)]
pub struct Secret(String);

/// The operating system gave no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes: {0}; no token can be made")]
pub struct RandomError(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, to be handed to its owner once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `COUNT` random bytes as lower-case hexadecimal digits.
pub(super) fn random_hex<const COUNT: usize>() -> Result<String, RandomError> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|error| RandomError(error.to_string()))?;
    Ok(hex(&bytes))
}

/// SHA-256 of `text` as lower-case hexadecimal digits.
///
/// A slow hash with salt is for secrets that people choose, which can be guessed one by one. The
/// secrets of tokens are 256 random bits: nobody finds one by trying, however fast, and no two are
/// alike. A fast hash costs a request nothing.
pub(super) fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Compares in a time that does not tell how much is alike.
pub(super) fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a text succeeds");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Secret::new("lh_abc")), "Secret(…)");
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex("abc"), expected);
    }

    #[test]
    fn draws_differ_and_have_their_length() {
        let draw = || random_hex::<32>().expect("random bytes");
        let (one, two) = (draw(), draw());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
    }
}
