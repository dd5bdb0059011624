//! The layers as a server puts them: headers, panics, strangers, who, how often, and then a route.

use std::sync::{Arc, RwLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use leasehold_units::{Instant, PartyId};
use tower::ServiceExt;

use super::*;
use crate::documentation::security_headers;
use crate::limits::{Limiter, RateLimits, limit_principals, limit_strangers};
use crate::problem::{Problem, catch_panic};

const NOW: Instant = Instant::from_unix(1_782_000_000);

/// An invoice of `tenant`, for whoever may see it; says what would be logged.
async fn invoice(principal: Principal, headers: HeaderMap) -> Result<String, Problem> {
    let tenant = PartyId::new("tenant").expect("a name");
    let reach = principal.reach(Right::ReadInvoices)?;
    if !reach.covers_party(&tenant) {
        return Err(Problem::no_such("invoice", "INV-1"));
    }
    assert!(!headers.contains_key("authorization"), "no route sees the token");
    let logged = ReadLogged::of(&principal, Right::ReadInvoices, &tenant, "invoice INV-1", NOW);
    Ok(format!("logged: {}", logged.is_some()))
}

fn router(book: TokenBook) -> Router {
    let authenticator = Authenticator::new(Arc::new(RwLock::new(book)), vec![], Arc::new(|| NOW));
    let limiter = Limiter::new(RateLimits::default());
    Router::new()
        .route("/invoice", get(invoice))
        .layer(from_fn_with_state(limiter.clone(), limit_principals))
        .layer(from_fn_with_state(authenticator, authenticate))
        .layer(from_fn_with_state(limiter, limit_strangers))
        .layer(from_fn(catch_panic))
        .layer(from_fn(security_headers))
}

fn token(book: &mut TokenBook, role: Role, party: Option<&str>, scope: Scope) -> Secret {
    let party = party.map(|name| PartyId::new(name).expect("a name"));
    let scopes = Scopes::from([scope]);
    let name = "test".to_owned();
    let request = tokens::TokenRequest { name, role, party, scopes, expires: None };
    let new = request.draw("server", NOW).expect("random bytes");
    book.apply(&new.event);
    new.secret
}

#[tokio::test]
async fn a_route_answers_each_caller_as_its_rights_say() {
    let mut book = TokenBook::default();
    let mut of = |role, party, scope| token(&mut book, role, party, scope);
    let callers = [
        (of(Role::Finance, None, Scope::Read), 200, "logged: true"),
        (of(Role::Operator, None, Scope::Read), 200, "logged: true"),
        (of(Role::Auditor, None, Scope::Read), 200, "logged: true"),
        (of(Role::PartyAdmin, Some("tenant"), Scope::Read), 200, "logged: false"),
        (of(Role::Auditor, Some("tenant"), Scope::Read), 200, "logged: false"),
        (of(Role::PartyAdmin, Some("rival"), Scope::Read), 404, "not_found"),
        (of(Role::Auditor, Some("rival"), Scope::Read), 404, "not_found"),
        (of(Role::PartyUser, Some("tenant"), Scope::Read), 403, "right_refused"),
        (of(Role::PartyAdmin, Some("tenant"), Scope::Jobs), 403, "scope_too_narrow"),
        (Secret::new("lh_00"), 401, "token_invalid"),
    ];
    let router = router(book);
    for (secret, status, says) in callers {
        let header = format!("Bearer {}", secret.expose());
        let request = Request::get("/invoice").header("authorization", header);
        let request = request.body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("answers");
        assert_eq!(response.status().as_u16(), status, "{says}");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let challenged = response.headers().contains_key("www-authenticate");
        assert_eq!(challenged, status == 401 || says == "scope_too_narrow");
        let bytes = to_bytes(response.into_body(), 1 << 16).await.expect("a body");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(says), "{text}");
    }
    let request = Request::get("/invoice").body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("answers");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
