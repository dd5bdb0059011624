//! What an issuer's tokens must have, each taken away once.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use leasehold_units::PartyId;
use serde_json::json;
use tokio_rustls::rustls::pki_types::PrivatePkcs1KeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::*;
use crate::auth::Role;

const NOW: i64 = 1_782_000_000;
const ISSUER: &str = "https://issuer.example";

/// What a source answers, one after the other; the last one again and again.
struct Script(Mutex<(VecDeque<Answer>, u32)>);

type Answer = Result<Vec<u8>, FetchError>;

impl KeySource for Script {
    fn fetch(&self) -> Answer {
        let mut script = self.0.lock().expect("no panic inside");
        script.1 += 1;
        let answers = &mut script.0;
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
            .expect("an answer")
    }
}

impl Script {
    fn of(answers: Vec<Answer>) -> Arc<Self> {
        Arc::new(Self(Mutex::new((answers.into(), 0))))
    }

    fn fetches(&self) -> u32 {
        self.0.lock().expect("no panic inside").1
    }
}

fn down() -> Answer {
    Err(FetchError { place: ISSUER.into(), reason: "nobody answers".into() })
}

fn elliptic() -> EncodingKey {
    let pair = rcgen::KeyPair::generate().expect("a key");
    EncodingKey::from_ec_der(&pair.serialize_der())
}

fn rsa() -> EncodingKey {
    let key = PrivatePkcs1KeyDer::from_pem_slice(include_bytes!("test_rsa_key.pem"));
    EncodingKey::from_rsa_der(key.expect("a key").secret_pkcs1_der())
}

fn jwk(name: &str, key: &EncodingKey, algorithm: Algorithm) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).expect("a public key");
    jwk.common.key_id = Some(name.into());
    serde_json::to_value(jwk).expect("JSON")
}

fn set(keys: &[Value]) -> Answer {
    Ok(json!({ "keys": keys }).to_string().into_bytes())
}

fn config(extra: &str) -> OidcConfig {
    let text = format!(
        r#"
        issuer = "{ISSUER}"
        audience = "leasehold"
        {extra}
        [[roles]]
        group = "site-operators"
        role = "operator"
        [[roles]]
        group = "tenant-users"
        role = "party_user"
        party = "tenant"
        scopes = ["read", "jobs"]
        "#
    );
    toml::from_str(&text).expect("a configuration")
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "leasehold", "sub": "u-1", "exp": NOW + 300, "iat": NOW,
        "groups": ["something", "tenant-users"],
    })
}

fn header(algorithm: Algorithm) -> Header {
    Header { kid: Some("k1".into()), ..Header::new(algorithm) }
}

fn oidc(source: Arc<dyn KeySource>) -> Oidc {
    Oidc::with_source(config(""), source)
}

async fn verdict(claims: &Value) -> Result<Principal, AuthRefusal> {
    let key = elliptic();
    let oidc = oidc(Script::of(vec![set(&[jwk("k1", &key, Algorithm::ES256)])]));
    let token = encode(&header(Algorithm::ES256), claims, &key).expect("signs");
    assert_eq!(oidc.issued(&token), claims["iss"] == ISSUER);
    oidc.verify(&token, Instant::from_unix(NOW)).await
}

/// The claims with `name` set to `value`, or taken away if that is null.
fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let all = claims.as_object_mut().expect("an object");
    if value.is_null() {
        all.remove(name)
    } else {
        all.insert(name.into(), value)
    };
    claims
}

#[tokio::test]
async fn a_good_token_names_a_principal() {
    let who = verdict(&claims()).await.expect("let in");
    assert_eq!(who.id(), "oidc:https://issuer.example:u-1");
    assert_eq!(who.role(), Role::PartyUser);
    assert_eq!(who.party(), PartyId::new("tenant").ok().as_ref());
    assert_eq!(who.expires(), Some(Instant::from_unix(NOW + 300)));
    assert_eq!(who.scopes().len(), 2);
}

#[tokio::test]
async fn rsa_keys_verify_too() {
    let key = rsa();
    let oidc = oidc(Script::of(vec![set(&[jwk("k1", &key, Algorithm::RS256)])]));
    let token = encode(&header(Algorithm::RS256), &claims(), &key).expect("signs");
    assert!(oidc.verify(&token, Instant::from_unix(NOW)).await.is_ok());
    let other = encode(&header(Algorithm::RS512), &claims(), &key).expect("signs");
    let refused = oidc.verify(&other, Instant::from_unix(NOW)).await;
    assert_eq!(refused, Err(AuthRefusal::Invalid), "the key is for RS256");
}

#[tokio::test]
async fn each_claim_counts() {
    let refused = async |name, value| verdict(&changed(name, value)).await.expect_err("refused");
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("iss", json!([ISSUER, "https://other.example"])),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!(["another"])),
        ("aud", Value::Null),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("exp", json!(1e300)),
        ("nbf", json!(NOW + 61)),
        ("iat", json!(NOW + 61)),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!("a\nb")),
        ("sub", json!("s".repeat(256))),
    ] {
        assert_eq!(refused(name, value.clone()).await, AuthRefusal::Invalid, "{name} = {value}");
    }
    for (name, value) in [
        ("groups", Value::Null),
        ("groups", json!([])),
        ("groups", json!({"tenant-users": true})),
        ("groups", json!(["Tenant-Users"])),
    ] {
        assert_eq!(refused(name, value.clone()).await, AuthRefusal::NoRole, "{name} = {value}");
    }
    assert_eq!(refused("exp", json!(NOW - 60)).await, AuthRefusal::Expired);
}

#[tokio::test]
async fn clocks_may_differ_by_the_skew() {
    for (name, value) in [
        ("exp", json!(NOW - 59)),
        ("exp", json!(1_782_000_100.75)),
        ("nbf", json!(NOW + 60)),
        ("aud", json!(["another", "leasehold"])),
        ("groups", json!("tenant-users")),
    ] {
        let who = verdict(&changed(name, value.clone())).await;
        assert!(who.is_ok(), "{name} = {value}: {who:?}");
    }
    let both = verdict(&changed("groups", json!(["tenant-users", "site-operators"]))).await;
    assert_eq!(both.map(|who| who.role()), Ok(Role::Operator), "the first row counts");
}

#[tokio::test]
async fn the_header_decides_nothing() {
    let key = elliptic();
    let public = jwk("k1", &key, Algorithm::ES256);
    let source = Script::of(vec![set(std::slice::from_ref(&public))]);
    let oidc = oidc(source);
    let now = Instant::from_unix(NOW);
    let good = encode(&header(Algorithm::ES256), &claims(), &key).expect("signs");
    assert!(oidc.verify(&good, now).await.is_ok());
    let payload = good.split('.').nth(1).expect("three parts");

    // {"alg":"none","kid":"k1"} and no signature; with one that was meant for another header.
    let none = "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ";
    let signature = good.rsplit('.').next().expect("three parts");
    let mut forged = vec![format!("{none}.{payload}."), format!("{none}.{payload}.{signature}")];

    // The public key taken for a shared secret.
    for secret in [public.to_string(), public["x"].to_string(), public["n"].to_string()] {
        let shared = EncodingKey::from_secret(secret.as_bytes());
        forged.push(encode(&header(Algorithm::HS256), &claims(), &shared).expect("signs"));
    }
    let unnamed = Header::new(Algorithm::ES256);
    forged.push(encode(&unnamed, &claims(), &key).expect("signs"));
    let mine = Header { jwk: serde_json::from_value(public).ok(), ..header(Algorithm::ES256) };
    forged.push(encode(&mine, &claims(), &elliptic()).expect("signs"));
    let critical = Header { crit: Some(vec!["b64".into()]), ..header(Algorithm::ES256) };
    forged.push(encode(&critical, &claims(), &key).expect("signs"));
    forged.push(encode(&header(Algorithm::ES256), &claims(), &elliptic()).expect("signs"));
    forged.push(good[..good.len() - 4].to_owned());
    forged.extend(["", ".", "..", "a.b", "a.b.c", &good[1..]].map(str::to_owned));
    for token in forged {
        assert_eq!(oidc.verify(&token, now).await, Err(AuthRefusal::Invalid), "{token}");
    }
}

#[tokio::test]
async fn weak_shared_and_encryption_keys_are_left_out() {
    let key = elliptic();
    let good = jwk("k1", &key, Algorithm::ES256);
    let mut encrypts = good.clone();
    encrypts["use"] = json!("enc");
    let mut short = jwk("k1", &rsa(), Algorithm::RS256);
    short["n"] = json!(short["n"].as_str().expect("digits")[..300]);
    let shared = json!({"kty": "oct", "kid": "k1", "k": "c2VjcmV0"});
    let mut nameless = good.clone();
    nameless.as_object_mut().expect("an object").remove("kid");
    let odd = json!({"kty": "future", "kid": "k1"});
    let token = encode(&header(Algorithm::ES256), &claims(), &key).expect("signs");
    for bad in [encrypts, short, shared, nameless, odd] {
        let alone = oidc(Script::of(vec![set(std::slice::from_ref(&bad))]));
        let refused = alone.verify(&token, Instant::from_unix(NOW)).await;
        assert_eq!(refused, Err(AuthRefusal::Invalid), "{bad}");
        let beside = oidc(Script::of(vec![set(&[bad.clone(), good.clone()])]));
        let taken = beside.verify(&token, Instant::from_unix(NOW)).await;
        assert!(taken.is_ok(), "{bad}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_in_a_while() {
    let key = elliptic();
    let old = set(&[jwk("k1", &key, Algorithm::ES256)]);
    let new = set(&[jwk("k2", &key, Algorithm::ES256)]);
    let source = Script::of(vec![old, new]);
    let keys = Keys::new(source.clone());
    let start = Moment::now();
    assert!(keys.find("k1", start).await.is_ok());
    for _ in 0..100 {
        assert_eq!(keys.find("k2", start).await.err(), Some(NoKey::Unknown));
    }
    assert_eq!(source.fetches(), 1);
    let later = start + Duration::from_secs(10);
    assert!(keys.find("k2", later).await.is_ok(), "the issuer has changed its keys");
    assert_eq!(keys.find("k1", later).await.err(), Some(NoKey::Unknown), "and taken one back");
    assert_eq!(source.fetches(), 2);
}

#[tokio::test]
async fn known_keys_outlive_an_issuer_that_does_not_answer_and_not_for_ever() {
    let key = elliptic();
    let source = Script::of(vec![down(), set(&[jwk("k1", &key, Algorithm::ES256)]), down()]);
    let keys = Keys::new(source.clone());
    let start = Moment::now();
    assert_eq!(keys.find("k1", start).await.err(), Some(NoKey::Unavailable));
    let at = |seconds| start + Duration::from_secs(seconds);
    assert!(keys.find("k1", at(20)).await.is_ok());
    assert!(keys.find("k1", at(3600)).await.is_ok(), "the issuer is down");
    assert_eq!(source.fetches(), 3);
    assert_eq!(keys.find("k2", at(3600)).await.err(), Some(NoKey::Unavailable));
    assert_eq!(keys.find("k1", at(13 * 3600)).await.err(), Some(NoKey::Unavailable));
}

#[tokio::test]
async fn what_is_no_key_set_is_an_issuer_that_does_not_answer() {
    for text in ["", "[]", "{}", "{\"keys\":1}"] {
        let keys = Keys::new(Script::of(vec![Ok(text.into())]));
        assert_eq!(keys.find("k1", Moment::now()).await.err(), Some(NoKey::Unavailable), "{text}");
    }
}

#[test]
fn a_configuration_that_trusts_too_much_is_refused() {
    let refused = |config: OidcConfig| config.check().expect_err("refused").to_string();
    assert!(config("").check().is_ok());
    for url in ["http://issuer.example", "ftp://x", "https://", "http://localhost.example", ""] {
        let config = OidcConfig { issuer: url.into(), ..config("") };
        assert!(refused(config).contains("https://"), "{url}");
    }
    for url in ["http://127.0.0.1:8080/x", "http://localhost", "http://[::1]:1"] {
        assert!(OidcConfig { issuer: url.into(), ..config("") }.check().is_ok(), "{url}");
    }
    assert!(refused(config("algorithms = [\"HS256\"]")).contains("shared secret"));
    assert!(refused(config("algorithms = []")).contains("algorithms is empty"));
    assert!(refused(config("clock_skew_seconds = 301")).contains("300 at most"));
    let both = "jwks_url = \"https://issuer.example/k\"\njwks_file = \"keys.json\"";
    assert!(refused(config(both)).contains("name one"));
    let mut rows = config("");
    rows.roles[0].party = PartyId::new("tenant").ok();
    assert!(refused(rows).contains("belongs to the site"));
    let unknown = toml::from_str::<OidcConfig>("issuer = \"x\"\nverify = false");
    assert!(unknown.is_err_and(|error| error.to_string().contains("unknown field")));
}

#[test]
fn groups_may_lie_deeper() {
    let claims = json!({"realm_access": {"roles": ["a"]}, "x/y": ["no"], "a": {"b": {"c": "d"}}});
    let claims = claims.as_object().expect("an object");
    let at = |claim: &str| config(&format!("groups_claim = {claim:?}")).groups(claims).join(",");
    assert_eq!(at("/realm_access/roles"), "a");
    assert_eq!(at("/a/b/c"), "d");
    assert_eq!([at("/realm_access"), at("realm_access/roles"), at("/none/x")], ["", "", ""]);
}

mod remote;
