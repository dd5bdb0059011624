//! Where an issuer's keys come from: a file, an address, or its discovery document.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::config::{OidcConfig, OidcConfigError, secured};

/// The longest answer that is read, in bytes.
const BYTES_MAX: u64 = 256 * 1024;
/// For one answer, from the name look-up to the last byte.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Gives the JWK set of an issuer. Blocks; is called off the async threads.
pub trait KeySource: Send + Sync {
    /// The set as JSON, 256 KiB at most.
    ///
    /// # Errors
    /// If it cannot be had.
    fn fetch(&self) -> Result<Vec<u8>, FetchError>;
}

/// Why keys cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the issuer's keys from {place}: {reason}")]
pub struct FetchError {
    /// File or address.
    pub place: String,
    /// Why.
    pub reason: String,
}

/// The source that `config` names.
pub(super) fn source(config: &OidcConfig) -> Result<Arc<dyn KeySource>, OidcConfigError> {
    if let Some(path) = &config.jwks_file {
        return Ok(Arc::new(KeyFile(path.clone())));
    }
    let issuer = config.issuer.clone();
    Ok(Arc::new(Remote { issuer, jwks_url: config.jwks_url.clone(), agent: agent(config)? }))
}

struct KeyFile(PathBuf);

impl KeySource for KeyFile {
    fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        let fail = |error: std::io::Error| FetchError {
            place: self.0.display().to_string(),
            reason: error.to_string(),
        };
        let mut bytes = Vec::new();
        let file = File::open(&self.0).map_err(fail)?;
        file.take(BYTES_MAX).read_to_end(&mut bytes).map_err(fail)?;
        Ok(bytes)
    }
}

struct Remote {
    issuer: String,
    jwks_url: Option<String>,
    agent: ureq::Agent,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl KeySource for Remote {
    fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        match &self.jwks_url {
            Some(url) => self.get(url),
            None => self.get(&self.discover()?),
        }
    }
}

impl Remote {
    /// Where the issuer says that its keys are. The document must be its own (OpenID Connect
    /// Discovery, section 4.3), and the keys as well secured as the issuer.
    fn discover(&self) -> Result<String, FetchError> {
        let place =
            format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let bytes = self.get(&place)?;
        let fail = |reason: String| FetchError { place: place.clone(), reason };
        let found: Discovery =
            serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
        if found.issuer != self.issuer {
            return Err(fail(format!("the document is of the issuer {:?}", found.issuer)));
        }
        let downgraded =
            self.issuer.starts_with("https://") && !found.jwks_uri.starts_with("https://");
        if downgraded || secured("jwks_uri", &found.jwks_uri).is_err() {
            return Err(fail("its jwks_uri is not an https:// address".into()));
        }
        Ok(found.jwks_uri)
    }

    fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let fail = |reason: String| FetchError { place: url.into(), reason };
        let mut response = self.agent.get(url).call().map_err(|error| fail(error.to_string()))?;
        if response.status() != 200 {
            return Err(fail(format!("the answer has status {}", response.status())));
        }
        let reader = response.body_mut().with_config().limit(BYTES_MAX);
        reader.read_to_vec().map_err(|error| fail(error.to_string()))
    }
}

/// Follows no redirect: only the configured place is trusted.
fn agent(config: &OidcConfig) -> Result<ureq::Agent, OidcConfigError> {
    let roots = match &config.ca_file {
        None => RootCerts::WebPki,
        Some(path) => {
            let fail =
                |reason: String| OidcConfigError::Certificates { path: path.clone(), reason };
            let text = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
            let items: Vec<PemItem<'static>> = parse_pem(&text)
                .collect::<Result<_, _>>()
                .map_err(|error| fail(error.to_string()))?;
            let roots: Vec<_> = items
                .into_iter()
                .filter_map(|item| match item {
                    PemItem::Certificate(certificate) => Some(certificate),
                    _ => None,
                })
                .collect();
            if roots.is_empty() {
                return Err(fail("there is none in it".into()));
            }
            RootCerts::new_with_certs(&roots)
        }
    };
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(roots)
        .build();
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIME_MAX))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .tls_config(tls)
        .build();
    Ok(agent.into())
}
