//! Sockets: where the server listens, who may connect and how long they may take, TLS, and how the
//! server stops. What a request means is decided elsewhere.

mod body;
mod connection;
mod listener;
mod tls;

pub use body::BodyTooSlow;
pub use listener::{Address, ConnectionLimits, ListenError, ListenOptions, Listener, Stopped};
pub use tls::{Tls, TlsError, TlsFiles};

use std::net::SocketAddr;

/// Who is at the other end, as an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Its address; none on a Unix socket.
    pub address: Option<SocketAddr>,
    /// Whether TLS protects the connection.
    pub tls: bool,
}

#[cfg(test)]
mod tests;
