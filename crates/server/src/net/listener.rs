//! Binding, accepting, stopping.

use std::fs;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::{self, Terms};
use super::tls::Tls;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An IP address and port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a Unix socket, mode 0600: whoever may open it is the server's own user.
    Unix(PathBuf),
}

/// Everything that a listener needs to know.
#[derive(Clone)]
pub struct ListenOptions {
    /// Where.
    pub address: Address,
    /// TLS, if any.
    pub tls: Option<Tls>,
    /// Whether a network address may be listened on without TLS.
    pub insecure_listen: bool,
    /// What connections may cost.
    pub limits: ConnectionLimits,
}

/// What connections may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at once; whoever comes after hears 503.
    pub connections_max: usize,
    /// For the TLS handshake, and for a whole head of a request to arrive, counted from the end of
    /// the answer before. So it ends idle connections and slow heads alike.
    pub idle: Duration,
    /// The head of a request in bytes, 8192 at least; beyond, 431.
    pub head_bytes_max: usize,
    /// For a whole body to arrive.
    pub body: Duration,
    /// After the stop, for requests in progress to end.
    pub drain: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            idle: Duration::from_secs(60),
            head_bytes_max: 32_768,
            body: Duration::from_secs(30),
            drain: Duration::from_secs(20),
        }
    }
}

/// Why nothing is listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Tokens and leases would cross the network in the clear.
    #[error(
        "{address} can be reached from the network and there is no TLS: tokens would be readable on the way; give a certificate and key, listen on 127.0.0.1 behind a proxy that has them, or allow it with --insecure-listen"
    )]
    Insecure {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error(
        "cannot listen on {address}: {source}; check that the address is this machine's and nobody else listens there"
    )]
    Bind {
        /// The address or path.
        address: String,
        /// Why.
        source: io::Error,
    },
}

/// A bound socket.
pub struct Listener {
    socket: Socket,
    options: ListenOptions,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

pub(super) enum Stream {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were still busy at the end of the drain and were cut.
    pub cut: usize,
}

impl Listener {
    /// Binds. Without TLS only loopback addresses and Unix sockets are, unless the options insist.
    ///
    /// # Errors
    /// If it would be insecure, or the system refuses.
    pub async fn bind(options: ListenOptions) -> Result<Self, ListenError> {
        let socket = match &options.address {
            Address::Tcp(address) => {
                let exposed = !address.ip().to_canonical().is_loopback();
                if exposed && options.tls.is_none() && !options.insecure_listen {
                    return Err(ListenError::Insecure { address: *address });
                }
                TcpListener::bind(address)
                    .await
                    .map(Socket::Tcp)
                    .map_err(|source| ListenError::Bind { address: address.to_string(), source })?
            }
            Address::Unix(path) => {
                let bound = bind_unix(path).await.map_err(|source| ListenError::Bind {
                    address: path.display().to_string(),
                    source,
                })?;
                Socket::Unix(bound, path.clone())
            }
        };
        Ok(Self { socket, options })
    }

    /// The address that was bound, with the port that was taken; none for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Serves `router` until `stop` is ready; then takes no more connections, tells those that are
    /// idle, waits for requests in progress as long as `drain` says, and cuts the rest.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) -> Stopped {
        let limits = self.options.limits;
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(limits.connections_max));
        let terms = Arc::new(Terms { router, tls: self.options.tls.clone(), limits });
        let mut tasks = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = tasks.join_next() => continue,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok(stream) => match room.clone().try_acquire_owned() {
                    Ok(place) => {
                        let (terms, watcher) = (terms.clone(), graceful.watcher());
                        tasks.spawn(async move {
                            connection::serve(stream, &terms, watcher).await;
                            drop(place);
                        });
                    }
                    Err(_) => connection::turn_away(&stream, terms.tls.is_some()),
                },
                Err(error) => after(&error).await,
            }
        }
        drop(self);
        let drained = timeout(limits.drain, graceful.shutdown()).await.is_ok();
        while tasks.try_join_next().is_some() {}
        let cut = if drained { 0 } else { tasks.len() };
        tasks.shutdown().await;
        Stopped { cut }
    }
}

/// A connection that its client gave up is nothing; without free descriptors it helps to wait until
/// some connection ends.
async fn after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "cannot accept a connection");
        sleep_until(Instant::now() + Duration::from_millis(100)).await;
    }
}

impl Socket {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // An answer is one small write: waiting for more to send would only delay it.
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream, address))
            }
            Self::Unix(listener, _) => listener.accept().await.map(|(io, _)| Stream::Unix(io)),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // What was left behind would be replaced at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

/// Binds beside `path` and moves the socket there once its mode is set, so that it is never open to
/// others. A socket that nobody answers on any more is replaced.
async fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if UnixStream::connect(path).await.is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let beside = path.with_extension("partial");
    if beside.exists() {
        fs::remove_file(&beside)?;
    }
    let listener = UnixListener::bind(&beside)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
    fs::rename(&beside, path)?;
    Ok(listener)
}
