//! TLS by rustls with ring: 1.2 at least, certificate and key from PEM files, read again on demand.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, version};

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the certificate of the server, then those of its issuers.
    pub certificate: PathBuf,
    /// PEM: the private key. Nobody but its owner and group may read it.
    pub key: PathBuf,
}

/// What new connections are secured with. Cheap to clone; all clones are renewed at once.
#[derive(Clone)]
pub struct Tls {
    files: TlsFiles,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("cannot read {what} from {path}: {reason}; expected PEM that the server's user can read", path = path.display())]
    Unreadable {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Anybody on the machine could take the key.
    #[error("everybody on this machine can read the key {path}; run chmod o-rwx on it, and replace it if others had access", path = path.display())]
    KeyExposed {
        /// The file.
        path: PathBuf,
    },
    /// The two do not go together, or are of a kind that is not supported.
    #[error(
        "certificate and key do not work together: {0}; expected the key that the certificate was made for"
    )]
    Mismatch(String),
}

impl Tls {
    /// Reads `files`.
    ///
    /// # Errors
    /// If they cannot be read or do not go together.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = Arc::new(RwLock::new(Arc::new(configure(&files)?)));
        Ok(Self { files, current })
    }

    /// Reads the files again, for connections from now on. What was there stays on an error.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(configure(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Reads the files again whenever the process gets SIGHUP, until this future is dropped.
    ///
    /// # Errors
    /// If the signal cannot be listened for.
    pub async fn reload_on_hangup(self) -> std::io::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        while hangups.recv().await.is_some() {
            match self.reload() {
                Ok(()) => tracing::info!("the certificate was read again"),
                Err(error) => tracing::error!(%error, "the certificate stays as it was"),
            }
        }
        Ok(())
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn configure(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let unreadable = |what, path: &Path, reason: String| TlsError::Unreadable {
        what,
        path: path.into(),
        reason,
    };
    let path = &files.certificate;
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable("a certificate", path, error.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable("a certificate", path, "there is none in it".into()));
    }
    refuse_exposed(&files.key)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unreadable("a private key", &files.key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| TlsError::Mismatch(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn refuse_exposed(key: &Path) -> Result<(), TlsError> {
    use std::os::unix::fs::PermissionsExt;
    // What cannot be asked cannot be read either, and that is said by the reader.
    let mode = std::fs::metadata(key).map_or(0, |data| data.permissions().mode());
    if mode & 0o007 == 0 { Ok(()) } else { Err(TlsError::KeyExposed { path: key.into() }) }
}
