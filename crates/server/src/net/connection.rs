//! One connection, from its first byte to its last.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::Peer;
use super::body::InTime;
use super::listener::{ConnectionLimits, Stream};
use super::tls::Tls;

/// What every connection of a listener shares.
pub(super) struct Terms {
    pub router: Router,
    pub tls: Option<Tls>,
    pub limits: ConnectionLimits,
}

/// A handshake takes a place that requests could have, and an honest one takes no time.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// The first byte of a TLS handshake record.
const HANDSHAKE: u8 = 22;

macro_rules! answer {
    ($status:literal, $body:literal) => {
        concat!(
            "HTTP/1.1 ",
            $status,
            "\r\ncontent-type: application/problem+json\r\nconnection: close\r\n",
            "retry-after: 5\r\n\r\n",
            $body
        )
        .as_bytes()
    };
}

const FULL: &[u8] = answer!(
    "503 Service Unavailable",
    r#"{"type":"/problems/too_many_connections","title":"Too many connections","status":503,"code":"too_many_connections","detail":"the server has as many connections as it takes","hint":"Close idle connections, use fewer, and try again later."}"#
);

const PLAIN: &[u8] = answer!(
    "400 Bad Request",
    r#"{"type":"/problems/tls_required","title":"TLS is required","status":400,"code":"tls_required","detail":"this port speaks HTTPS and the request came as plain HTTP","hint":"Use https:// in the address. If a token was sent, revoke it: it crossed the network in the clear."}"#
);

/// Serves the requests of one connection until it ends.
pub(super) async fn serve(stream: Stream, terms: &Terms, watcher: Watcher) {
    let peer = |address, tls| Peer { address, tls };
    match (stream, &terms.tls) {
        (Stream::Unix(io), _) => speak(io, peer(None, false), terms, watcher).await,
        (Stream::Tcp(io, from), None) => speak(io, peer(Some(from), false), terms, watcher).await,
        (Stream::Tcp(io, from), Some(tls)) => {
            if let Ok(Some(io)) =
                timeout(terms.limits.idle.min(HANDSHAKE_MAX), shake_hands(io, tls)).await
            {
                speak(io, peer(Some(from), true), terms, watcher).await;
            }
        }
    }
}

/// Tells whoever is one too many, without waiting: it must cost nothing.
pub(super) fn turn_away(stream: &Stream, tls: bool) {
    // A TLS client understands nothing before a handshake, and that is what there is no room for.
    if tls {
        return;
    }
    let _ = match stream {
        Stream::Tcp(io, _) => io.try_write(FULL),
        Stream::Unix(io) => io.try_write(FULL),
    };
}

/// The secured stream; none if there was no handshake.
async fn shake_hands(
    mut io: TcpStream,
    tls: &Tls,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let mut first = [0];
    if io.peek(&mut first).await.ok()? == 1 && first != [HANDSHAKE] {
        let _ = io.write_all(PLAIN).await;
        let _ = io.shutdown().await;
        return None;
    }
    match TlsAcceptor::from(tls.current()).accept(io).await {
        Ok(io) => Some(io),
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}

async fn speak<I>(io: I, peer: Peer, terms: &Terms, watcher: Watcher)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = terms.router.clone();
    let limit = terms.limits.body;
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| Body::new(InTime::new(body, limit)));
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(terms.limits.idle)
        .max_buf_size(terms.limits.head_bytes_max.max(8192))
        .serve_connection(TokioIo::new(io), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
