//! Real sockets on the loopback interface, and what happens on them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Extension};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::testing::TempDir;

/// Nothing on one machine takes this long: a test that runs into it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    address: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Stopped>,
    entered: Arc<Notify>,
    go_on: Arc<Notify>,
}

fn limits() -> ConnectionLimits {
    ConnectionLimits { idle: PATIENCE * 10, body: PATIENCE * 10, ..ConnectionLimits::default() }
}

fn on(address: &str) -> ListenOptions {
    let address = Address::Tcp(address.parse().expect("an address"));
    ListenOptions { address, tls: None, insecure_listen: false, limits: limits() }
}

fn loopback(limits: ConnectionLimits) -> ListenOptions {
    ListenOptions { limits, ..on("127.0.0.1:0") }
}

async fn serve(options: ListenOptions) -> Served {
    let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, gate) = (entered.clone(), go_on.clone());
    let slow = move || {
        let (inside, gate) = (inside.clone(), gate.clone());
        async move {
            inside.notify_one();
            gate.notified().await;
            "finished"
        }
    };
    let router = Router::new()
        .route("/", get(|Extension(peer): Extension<Peer>| async move { peer.tls.to_string() }))
        .route("/slow", get(slow))
        .route("/body", post(|crate::problem::Json::<Value>(_)| async { Json(true) }))
        .layer(DefaultBodyLimit::max(1000));
    let listener = Listener::bind(options).await.expect("binds");
    let address = listener.local_addr();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(listener.serve(router, async {
        let _ = stopped.await;
    }));
    Served { address, stop, task, entered, go_on }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address.expect("an address")).await.expect("connects")
    }

    async fn end(self) -> Stopped {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.task).await.expect("stops in time").expect("does not panic")
    }
}

/// Sends `request` and reads until the other side closes.
async fn exchange(mut io: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    io.write_all(request.as_bytes()).await.expect("sends");
    to_end(&mut io).await
}

async fn to_end(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, io.read_to_end(&mut answer)).await;
    let _ = read.expect("the other side closes");
    String::from_utf8_lossy(&answer).into_owned()
}

const READ: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn without_tls_only_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
        let error = Listener::bind(on(address)).await.err().expect("refused");
        assert!(error.to_string().contains("--insecure-listen"), "{error}");
    }
    for address in ["127.0.0.1:0", "[::ffff:127.0.0.1]:0"] {
        assert!(!matches!(Listener::bind(on(address)).await, Err(ListenError::Insecure { .. })));
    }
    let insisted = ListenOptions { insecure_listen: true, ..on("0.0.0.0:0") };
    assert!(Listener::bind(insisted).await.is_ok());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let served = serve(loopback(limits())).await;
    let again = on(&served.address.expect("an address").to_string());
    let error = Listener::bind(again).await.err().expect("taken");
    assert!(error.to_string().contains("nobody else listens"), "{error}");
    served.end().await;
}

#[tokio::test]
async fn a_slow_head_is_cut() {
    let short = ConnectionLimits { idle: Duration::from_millis(100), ..limits() };
    let served = serve(loopback(short)).await;
    // Sent before the server can look, so that its clock has nothing to wait for.
    let sent = async |text: &str| {
        use std::io::Write;
        let address = served.address.expect("an address");
        let mut io = std::net::TcpStream::connect(address).expect("connects");
        io.write_all(text.as_bytes()).expect("sends");
        io.set_nonblocking(true).expect("is a socket");
        to_end(&mut TcpStream::from_std(io).expect("is a socket")).await
    };
    let half = sent("GET / HTTP/1.1\r\nhost: ").await;
    let silent = sent("").await;
    let kept = sent("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(!half.contains("200 OK") && silent.is_empty(), "{half}{silent}");
    assert!(kept.contains("200 OK"), "{kept}");
    served.end().await;
}

#[tokio::test]
async fn a_slow_body_is_refused() {
    let short = ConnectionLimits { body: Duration::from_millis(100), ..limits() };
    let served = serve(loopback(short)).await;
    let head = "POST /body HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 9\r\n\r\n{";
    let answer = exchange(served.connect().await, head).await;
    assert!(answer.contains("408") && answer.contains("body_too_slow"), "{answer}");
    served.end().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let small = ConnectionLimits { head_bytes_max: 8192, ..limits() };
    let served = serve(loopback(small)).await;
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat(8200));
    let answer = exchange(served.connect().await, &head).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    served.end().await;
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away_and_a_freed_place_is_given() {
    let one = ConnectionLimits { connections_max: 1, ..limits() };
    let served = serve(loopback(one)).await;
    let mut first = served.connect().await;
    first
        .write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .expect("ok");
    timeout(PATIENCE, served.entered.notified()).await.expect("it is inside");
    let second = to_end(&mut served.connect().await).await;
    assert!(second.starts_with("HTTP/1.1 503") && second.contains("too_many_connections"));
    let body = second.split_once("\r\n\r\n").expect("a body").1;
    assert_eq!(serde_json::from_str::<Value>(body).expect("JSON")["status"], 503);
    served.go_on.notify_one();
    assert!(to_end(&mut first).await.ends_with("finished"));
    let again = async {
        while !exchange(served.connect().await, READ).await.contains("200 OK") {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("the place is free again");
    served.end().await;
}

#[tokio::test]
async fn stopping_waits_for_a_request_in_progress() {
    let served = serve(loopback(limits())).await;
    let mut idle = served.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sends");
    let mut answer = String::new();
    while !answer.ends_with("false") {
        let byte = timeout(PATIENCE, idle.read_u8()).await.expect("answers").expect("is open");
        answer.push(byte.into());
    }
    let mut busy = served.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sends");
    timeout(PATIENCE, served.entered.notified()).await.expect("it is inside");
    let go_on = served.go_on.clone();
    let end = tokio::spawn(served.end());
    assert_eq!(to_end(&mut idle).await, "", "idle connections are closed at once");
    assert!(!end.is_finished(), "the busy one is waited for");
    go_on.notify_one();
    assert!(to_end(&mut busy).await.ends_with("finished"));
    assert_eq!(end.await.expect("ends"), Stopped { cut: 0 });
}

#[tokio::test]
async fn stopping_cuts_what_takes_too_long() {
    let served = serve(loopback(ConnectionLimits { drain: Duration::ZERO, ..limits() })).await;
    let mut busy = served.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sends");
    timeout(PATIENCE, served.entered.notified()).await.expect("it is inside");
    assert_eq!(served.end().await, Stopped { cut: 1 });
    assert_eq!(to_end(&mut busy).await, "");
}

#[tokio::test]
async fn a_unix_socket_is_its_users_alone_and_goes_with_the_server() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new();
    let path = dir.path().join("api.sock");
    let options = ListenOptions { address: Address::Unix(path.clone()), ..loopback(limits()) };
    let served = serve(options.clone()).await;
    let mode = std::fs::metadata(&path).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(Listener::bind(options).await, Err(ListenError::Bind { .. })), "in use");
    let answer = exchange(UnixStream::connect(&path).await.expect("connects"), READ).await;
    assert!(answer.ends_with("false"), "{answer}");
    served.end().await;
    assert!(!path.exists());
}

/// Writes a new self-signed certificate for `localhost` and its key.
fn certify(dir: &Path) -> (TlsFiles, RootCertStore) {
    use std::os::unix::fs::PermissionsExt;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("makes one");
    let files = TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).expect("writes");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("writes");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&files.key, private).expect("sets the mode");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    (files, roots)
}

/// Asks over TLS, trusting `roots`.
async fn secured(served: &Served, roots: RootCertStore) -> Result<String, std::io::Error> {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let io = TlsConnector::from(Arc::new(config)).connect(name, served.connect().await).await?;
    Ok(exchange(io, READ).await)
}

#[tokio::test]
async fn tls_is_spoken_and_plain_http_is_told_so() {
    let dir = TempDir::new();
    let (files, roots) = certify(dir.path());
    let tls = Tls::load(files).expect("loads");
    let served = serve(ListenOptions { tls: Some(tls.clone()), ..on("0.0.0.0:0") }).await;
    let address = format!("127.0.0.1:{}", served.address.expect("an address").port());
    let served = Served { address: address.parse().ok(), ..served };
    let answer = secured(&served, roots.clone()).await.expect("a handshake");
    assert!(answer.ends_with("true"), "{answer}");
    let plain = exchange(served.connect().await, READ).await;
    assert!(plain.starts_with("HTTP/1.1 400") && plain.contains("tls_required"), "{plain}");

    let (_, renewed) = certify(dir.path());
    tls.reload().expect("reads again");
    assert!(secured(&served, roots).await.is_err(), "the old certificate is gone");
    assert!(secured(&served, renewed.clone()).await.is_ok());
    std::fs::write(dir.path().join("cert.pem"), "nonsense").expect("writes");
    assert!(tls.reload().is_err());
    assert!(secured(&served, renewed).await.is_ok(), "what was there stays on an error");
    served.end().await;
}

#[tokio::test]
async fn keys_that_others_read_or_that_do_not_fit_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (one, two) = (TempDir::new(), TempDir::new());
    let ((files, _), (other, _)) = (certify(one.path()), certify(two.path()));
    let mixed = TlsFiles { key: other.key.clone(), ..files.clone() };
    assert!(matches!(Tls::load(mixed), Err(TlsError::Mismatch(_))));
    let missing = TlsFiles { key: one.path().join("none"), ..files.clone() };
    assert!(matches!(Tls::load(missing), Err(TlsError::Unreadable { .. })));
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&files.key, open).expect("sets the mode");
    assert!(matches!(Tls::load(files), Err(TlsError::KeyExposed { .. })));
}
