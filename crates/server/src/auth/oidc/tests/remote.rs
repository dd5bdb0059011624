//! Keys over real sockets and from a file.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::oneshot;

use super::*;
use crate::net::{Address, ConnectionLimits, ListenOptions, Listener};
use crate::testing::TempDir;

/// An issuer on the loopback interface: its address, and what ends it.
async fn issuer(keys: Vec<u8>, says: Option<&'static str>) -> (String, oneshot::Sender<()>) {
    let options = ListenOptions {
        address: Address::Tcp("127.0.0.1:0".parse().expect("an address")),
        tls: None,
        insecure_listen: false,
        limits: ConnectionLimits::default(),
    };
    let listener = Listener::bind(options).await.expect("binds");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let says = says.map_or_else(|| address.clone(), str::to_owned);
    let document = json!({"issuer": says, "jwks_uri": format!("{address}/keys")}).to_string();
    let elsewhere = (StatusCode::FOUND, [("location", "/keys")]);
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(|| async { document }))
        .route("/keys", get(|| async { keys }))
        .route("/moved", get(move || async move { elsewhere }))
        .route("/giant", get(|| async { "x".repeat(300 * 1024) }));
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(listener.serve(router, async {
        let _ = stopped.await;
    }));
    (address, stop)
}

async fn verdict(config: OidcConfig, key: &EncodingKey) -> Result<Principal, AuthRefusal> {
    let claims = changed("iss", json!(config.issuer));
    let token = encode(&header(Algorithm::ES256), &claims, key).expect("signs");
    Oidc::new(config).expect("trusted").verify(&token, Instant::from_unix(NOW)).await
}

#[tokio::test]
async fn keys_are_found_by_discovery_by_address_and_in_a_file() {
    let key = elliptic();
    let keys = set(&[jwk("k1", &key, Algorithm::ES256)]).expect("a set");
    let (address, _stop) = issuer(keys.clone(), None).await;
    let found = OidcConfig { issuer: address.clone(), ..config("") };
    assert!(verdict(found.clone(), &key).await.is_ok());
    let named = OidcConfig { jwks_url: Some(format!("{address}/keys")), ..config("") };
    assert!(verdict(named, &key).await.is_ok());
    let dir = TempDir::new();
    let path = dir.path().join("keys.json");
    std::fs::write(&path, keys).expect("writes");
    let filed = OidcConfig { jwks_file: Some(path), ..config("") };
    assert!(verdict(filed, &key).await.is_ok());
}

#[tokio::test]
async fn answers_that_prove_nothing_are_not_taken() {
    let key = elliptic();
    let keys = set(&[jwk("k1", &key, Algorithm::ES256)]).expect("a set");
    let (address, _stop) = issuer(keys.clone(), None).await;
    for path in ["moved", "giant", "nowhere"] {
        let named = OidcConfig { jwks_url: Some(format!("{address}/{path}")), ..config("") };
        assert_eq!(verdict(named, &key).await, Err(AuthRefusal::KeysUnavailable), "{path}");
    }
    let (other, _stop) = issuer(keys, Some("https://issuer.example")).await;
    let found = OidcConfig { issuer: other, ..config("") };
    assert_eq!(verdict(found, &key).await, Err(AuthRefusal::KeysUnavailable));
}
