//! The seal of a document: Ed25519 (RFC 8032) over its canonical bytes.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};

use super::Sealed;
use super::wire::{ReadError, canonical, hex, unhex};
use crate::Invoice;

/// What a landlord seals with. Never printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// What anybody checks a landlord's seals with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key.
    #[error("not a private Ed25519 key: expected PKCS #8 in PEM (BEGIN PRIVATE KEY)")]
    Private,
    /// Not a public key.
    #[error("not a public Ed25519 key: expected SPKI in PEM (BEGIN PUBLIC KEY)")]
    Public,
}

/// Why a text is not a document that a landlord sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another key sealed it.
    #[error("the document was sealed with the key {found}, not with {expected}")]
    OtherKey {
        /// Whose seal it has.
        found: PublicKey,
        /// Whose it should have.
        expected: PublicKey,
    },
    /// The seal is not of this document.
    #[error("the seal does not fit the document: one of them was altered")]
    Broken,
}

impl SigningKey {
    /// The key with the secret `seed`, which must be drawn from a source that nobody can guess.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The key of a simulated landlord, the same for the same `seed` of a run. Anybody can make it,
    /// so its seal shows whether a document was altered and not who issued it.
    pub fn of_simulation(seed: u64) -> Self {
        Self::from_seed(&Sha256::digest(format!("leasehold simulation {seed}")).into())
    }

    /// Reads PKCS #8 in PEM.
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(text);
        key.map(Self).map_err(|_| KeyError::Private)
    }

    /// The secret, as PKCS #8 in PEM: for the file that keeps it and nothing else.
    pub fn to_secret_pem(&self) -> String {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).expect("a key can be written");
        pem.as_str().to_owned()
    }

    /// What its seals are checked with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Seals `invoice`.
    pub fn seal(&self, invoice: &Invoice) -> Sealed {
        let signature = self.0.sign(&canonical(invoice)).to_bytes();
        Sealed { invoice: invoice.clone(), key: self.public(), signature }
    }
}

impl PublicKey {
    /// Reads SPKI in PEM.
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_public_key_pem(text);
        key.map(|key| Self(key.to_bytes())).map_err(|_| KeyError::Public)
    }

    /// The key as SPKI in PEM.
    pub fn to_pem(&self) -> String {
        let key = self.point().expect("a public key is a point of the curve");
        key.to_public_key_pem(LineEnding::LF).expect("a key can be written")
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let key = Self(unhex(text)?);
        key.point().map(|_| key)
    }

    fn point(&self) -> Option<ed25519_dalek::VerifyingKey> {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0).ok()
    }
}

impl Sealed {
    /// Reads a document that `key` sealed.
    ///
    /// # Errors
    /// Where it is not, byte for byte, what was sealed.
    pub fn open(text: &str, key: &PublicKey) -> Result<Self, SealError> {
        let sealed = Self::from_json(text)?;
        if sealed.key != *key {
            return Err(SealError::OtherKey { found: sealed.key, expected: *key });
        }
        let signature = Signature::from_bytes(&sealed.signature);
        let point = key.point().ok_or(SealError::Broken)?;
        let fits = point.verify_strict(&canonical(&sealed.invoice), &signature);
        fits.map(|()| sealed).map_err(|_| SealError::Broken)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret of {}", self.public())
    }
}

impl fmt::Display for PublicKey {
    /// Its 32 bytes in hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
