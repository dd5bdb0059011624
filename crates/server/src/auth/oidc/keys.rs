//! The issuer's keys, kept for a while and fetched again when an unknown one is named.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::fetch::{FetchError, KeySource};

/// Keys are fetched again after this, so that one that the issuer took back is soon gone.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// While the issuer does not answer, what was fetched counts for this long.
const STALE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// However many unknown keys are named, the issuer is asked this often at most.
const PAUSE: Duration = Duration::from_secs(10);
/// Keys of one set that are looked at.
const KEYS_MAX: usize = 100;
/// Digits of the base64 of a modulus of 2048 bits.
const MODULUS_DIGITS_MIN: usize = 342;

/// A key and what it may be used with.
pub(super) struct Key {
    pub decoding: DecodingKey,
    /// The one algorithm that the issuer uses it with, if it says so.
    pub algorithm: Option<Algorithm>,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has none of that name.
    Unknown,
    /// The issuer cannot be asked.
    Unavailable,
}

/// All keys of one issuer.
pub(super) struct Keys {
    source: Arc<dyn KeySource>,
    known: RwLock<Known>,
    /// When the issuer was last asked. Held while it is, so that one asks and the others wait.
    asked: Mutex<Option<Instant>>,
}

#[derive(Default, Clone)]
struct Known {
    keys: Arc<BTreeMap<String, Arc<Key>>>,
    fetched: Option<Instant>,
    failed: bool,
}

impl Known {
    fn is_younger(&self, age: Duration, now: Instant) -> bool {
        self.fetched.is_some_and(|fetched| now.saturating_duration_since(fetched) < age)
    }
}

impl Keys {
    pub(super) fn new(source: Arc<dyn KeySource>) -> Self {
        Self { source, known: RwLock::default(), asked: Mutex::new(None) }
    }

    /// The key `name`.
    pub(super) async fn find(&self, name: &str, now: Instant) -> Result<Arc<Key>, NoKey> {
        let known = self.known();
        let found = known.keys.get(name).filter(|_| known.is_younger(STALE_MAX, now));
        match found {
            Some(key) if known.is_younger(FRESH, now) => return Ok(key.clone()),
            // Somebody is asking already: a key that still counts need not wait for that.
            Some(key) if self.asked.try_lock().is_err() => return Ok(key.clone()),
            _ => self.refresh(now).await,
        }
        let known = self.known();
        match known.keys.get(name) {
            Some(key) if known.is_younger(STALE_MAX, now) => Ok(key.clone()),
            None if !known.failed && known.is_younger(STALE_MAX, now) => Err(NoKey::Unknown),
            _ => Err(NoKey::Unavailable),
        }
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the issuer, unless that was done a moment ago.
    async fn refresh(&self, now: Instant) {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|asked| now.saturating_duration_since(asked) < PAUSE) {
            return;
        }
        *asked = Some(now);
        let source = self.source.clone();
        let fetched = tokio::task::spawn_blocking(move || source.fetch().and_then(|b| read(&b)));
        let fetched = fetched.await.unwrap_or_else(|_| {
            Err(FetchError { place: "the source".into(), reason: "it panicked".into() })
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(keys) => {
                *known = Known { keys: Arc::new(keys), fetched: Some(now), failed: false };
            }
            Err(error) => {
                tracing::warn!(%error, "the keys of an issuer stay as they were");
                known.failed = true;
            }
        }
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The keys of a set that can verify signatures. What is meant for something else, or is not
/// understood, is left out, as RFC 7517 says; so are shared secrets and short moduli.
fn read(bytes: &[u8]) -> Result<BTreeMap<String, Arc<Key>>, FetchError> {
    let set: Set = serde_json::from_slice(bytes).map_err(|error| FetchError {
        place: "the set that came".into(),
        reason: format!("it is not a JWK set: {error}"),
    })?;
    let mut keys = BTreeMap::new();
    for value in set.keys.into_iter().take(KEYS_MAX) {
        let usable = serde_json::from_value::<Jwk>(value).ok().and_then(|jwk| usable(&jwk));
        if let Some((name, key)) = usable {
            keys.entry(name).or_insert_with(|| Arc::new(key));
        }
    }
    Ok(keys)
}

fn usable(jwk: &Jwk) -> Option<(String, Key)> {
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
    let strong = match &jwk.algorithm {
        AlgorithmParameters::RSA(key) => key.n.trim_end_matches('=').len() >= MODULUS_DIGITS_MIN,
        AlgorithmParameters::EllipticCurve(_) | AlgorithmParameters::OctetKeyPair(_) => true,
        _ => false,
    };
    if !signs || !strong {
        return None;
    }
    let name = common.key_id.clone()?;
    let algorithm = match common.key_algorithm {
        None => None,
        Some(algorithm) => Some(Algorithm::try_from(algorithm).ok()?),
    };
    Some((name, Key { decoding: DecodingKey::from_jwk(jwk).ok()?, algorithm }))
}
