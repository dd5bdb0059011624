//! What a caller hears who asks for too much.

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use leasehold_units::PartyId;
use tokio::sync::Notify;
use tower::ServiceExt;

use super::*;
use crate::auth::{AuthRefusal, Role, Scope, Scopes};

const ONE: Rate = Rate { per_second: 1, burst: 1 };

fn tight() -> RateLimits {
    RateLimits { reads: ONE, writes: ONE, strangers: ONE, callers_max: 10 }
}

fn principal(name: &str) -> Principal {
    let party = PartyId::new("tenant").ok();
    let scopes = Scopes::from([Scope::Read]);
    Principal::new(name, Role::PartyUser, party, scopes, None).expect("fits")
}

fn asked(method: Method, principal: &Principal) -> Request {
    let request = Request::builder().method(method).uri("/").extension(principal.clone());
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn principals_are_counted_apart_and_reads_apart_from_commands() {
    let limiter = Limiter::new(tight());
    let router = Router::new()
        .route("/", get(|| async {}).post(|| async {}))
        .layer(from_fn_with_state(limiter, limit_principals));
    let (one, two) = (principal("token:1"), principal("token:2"));
    let mut statuses = Vec::new();
    for (method, who) in
        [(Method::GET, &one), (Method::GET, &one), (Method::POST, &one), (Method::GET, &two)]
    {
        let response = router.clone().oneshot(asked(method, who)).await.expect("answers");
        statuses.push(response.status().as_u16());
        assert_eq!(response.headers().contains_key(RETRY_AFTER), response.status() == 429);
    }
    assert_eq!(statuses, [200, 429, 200, 200]);
}

#[tokio::test]
async fn strangers_are_counted_by_network_and_good_tokens_pass() {
    let router = Router::new()
        .route("/open", get(|| async {}))
        .route("/good", get(|| async {}))
        .route("/bad", get(|| async { AuthRefusal::Invalid }))
        .layer(from_fn_with_state(Limiter::new(tight()), limit_strangers));
    let ask = async |path: &str, from: &str, token: bool| {
        let peer = Peer { address: format!("{from}:1").parse().ok(), tls: false };
        let mut request = Request::get(path).extension(peer);
        if token {
            request = request.header(AUTHORIZATION, "Bearer x");
        }
        let request = request.body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("answers").status().as_u16()
    };
    assert_eq!(ask("/open", "192.0.2.1", false).await, 200);
    assert_eq!(ask("/open", "192.0.2.1", false).await, 429);
    assert_eq!(ask("/bad", "192.0.2.1", true).await, 429);
    assert_eq!(ask("/good", "192.0.2.1", true).await, 200);
    assert_eq!(ask("/bad", "192.0.2.2", true).await, 401);
    assert_eq!(ask("/open", "[2001:db8::1]", false).await, 200);
    assert_eq!(ask("/open", "[2001:db8::2]", false).await, 429, "the same network");
    assert_eq!(ask("/open", "[2001:db8:0:1::1]", false).await, 200);
}

/// A body that never comes: whoever read it would wait for ever.
struct Never;

impl hyper::body::Body for Never {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn a_giant_body_is_refused_before_it_is_read() {
    let router = limit_body(Router::new().route("/", post(|| async {})), 10);
    let ask = async |bytes: usize| {
        let request = Request::post("/").header(CONTENT_LENGTH, bytes).body(Body::new(Never));
        router.clone().oneshot(request.expect("a request")).await.expect("answers").status()
    };
    assert_eq!(ask(11).await, 413);
    assert_eq!(ask(usize::MAX).await, 413);
    assert_eq!(ask(10).await, 200);
}

#[tokio::test]
async fn beyond_the_places_nobody_queues() {
    let gate = Arc::new(Notify::new());
    let inside = gate.clone();
    let slow = move || {
        let inside = inside.clone();
        async move { inside.notified().await }
    };
    let router = Router::new()
        .route("/", get(slow))
        .layer(from_fn_with_state(Places::new(1), limit_expensive));
    let ask = || router.clone().oneshot(Request::get("/").body(Body::empty()).expect("a request"));
    let mut first = Box::pin(ask());
    // One poll takes the place and waits at the gate.
    tokio::select! {
        biased;
        _ = &mut first => panic!("nothing has opened the gate"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(ask().await.expect("answers").status(), 503);
    gate.notify_one();
    assert_eq!(first.await.expect("answers").status(), 200);
    gate.notify_one();
    assert_eq!(ask().await.expect("answers").status(), 200);
}
