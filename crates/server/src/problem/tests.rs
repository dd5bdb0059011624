//! What a caller gets back when something cannot be read.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, Response};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use serde::Deserialize;
use tower::ServiceExt;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    gpus: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: u32,
}

fn router() -> Router {
    let total = |Json(order): Json<Order>| async move {
        Json(order.steps.iter().map(|step| step.gpus).sum::<u32>())
    };
    Router::new()
        .route("/orders", post(total))
        .route("/page", get(|Query(page): Query<Page>| async move { page.limit.to_string() }))
        .route("/number/{count}", get(|Path(count): Path<u32>| async move { count.to_string() }))
        .route("/key", get(|key: IdempotencyKey| async move { key.as_str().to_owned() }))
        .route("/panic", get(|| async { panic!("secret of the inside") as &'static str }))
        .route("/never", get(std::future::pending::<&'static str>))
        .layer(DefaultBodyLimit::max(64))
        .layer(from_fn_with_state(Duration::from_millis(20), deadline))
        .layer(from_fn(catch_panic))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

async fn ask(request: Request<Body>) -> Response<Body> {
    router().oneshot(request).await.expect("the router answers")
}

fn json(body: &str) -> Request<Body> {
    let request = Request::post("/orders").header("content-type", "application/json");
    request.body(Body::from(body.to_owned())).expect("a request")
}

fn read(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

/// The status, code and pointers of the problem that `request` is answered with.
async fn refused(request: Request<Body>) -> (u16, String, Vec<String>) {
    let response = ask(request).await;
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], MEDIA_TYPE);
    let bytes = to_bytes(response.into_body(), 1 << 16).await.expect("a body");
    let body: Value = serde_json::from_slice(&bytes).expect("a problem is JSON");
    assert_eq!(body["status"], status);
    let code = body["code"].as_str().expect("a code").to_owned();
    assert_eq!(body["type"], format!("/problems/{code}"));
    for member in ["title", "detail", "hint"] {
        assert!(!body[member].as_str().expect("a text").is_empty(), "{code}: {member} is empty");
    }
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let pointers = errors.iter().map(|error| error["pointer"].as_str().unwrap_or("").to_owned());
    (status, code, pointers.collect())
}

async fn check(request: Request<Body>, status: u16, code: &str, pointers: &[&str]) {
    let (got_status, got_code, got_pointers) = refused(request).await;
    assert_eq!((got_status, got_code.as_str()), (status, code));
    assert_eq!(got_pointers, pointers);
}

#[tokio::test]
async fn a_body_is_refused_at_the_field_that_is_wrong() {
    assert_eq!(ask(json(r#"{"steps":[{"gpus":2},{"gpus":3}]}"#)).await.status(), 200);
    check(json(r#"{"steps":[{"gpus":2},{"gpus":"x"}]}"#), 422, "invalid_body", &["#/steps/1/gpus"])
        .await;
    check(json(r#"{"steps":[{"gpu":2}]}"#), 422, "invalid_body", &["#/steps/0/gpu"]).await;
    check(json(r#"{"steps":[]"#), 400, "malformed_json", &["#"]).await;
    check(json(r#"{"steps":[]} {}"#), 400, "malformed_json", &["#"]).await;
    check(json(&format!("{{\"steps\":[{}]}}", " ".repeat(80))), 413, "body_too_large", &[]).await;
    let plain = Request::post("/orders").body(Body::from("{}")).expect("a request");
    check(plain, 415, "unsupported_media_type", &[]).await;
    check(json("[[]]"), 422, "invalid_body", &["#"]).await;
}

#[tokio::test]
async fn parameters_are_refused_by_name() {
    check(read("/page?limit=x"), 400, "invalid_query", &["?limit"]).await;
    check(read("/page?limit=1&colour=red"), 400, "invalid_query", &["?colour"]).await;
    check(read("/page"), 400, "invalid_query", &["?"]).await;
    check(read("/number/many"), 400, "invalid_path", &["{}"]).await;
}

#[tokio::test]
async fn a_command_needs_one_key_of_visible_ascii() {
    let with = |values: &[&str]| {
        let request = values.iter().fold(Request::get("/key"), |request, value| {
            request.header(IdempotencyKey::HEADER, *value)
        });
        request.body(Body::empty()).expect("a request")
    };
    assert_eq!(ask(with(&["a1"])).await.status(), 200);
    assert_eq!(ask(with(&[&"k".repeat(128)])).await.status(), 200);
    let pointer = &["Idempotency-Key"];
    check(with(&[]), 400, "idempotency_key_missing", pointer).await;
    for wrong in [&["two words"][..], &[""], &[&"k".repeat(129)], &["a", "a"], &["ü"]] {
        check(with(wrong), 400, "idempotency_key_invalid", pointer).await;
    }
}

#[tokio::test]
async fn what_no_handler_sees_is_answered_too() {
    check(read("/nowhere"), 404, "no_such_route", &[]).await;
    check(read("/orders"), 405, "method_not_allowed", &[]).await;
    assert_eq!(ask(read("/orders")).await.headers()["allow"], "POST");
    check(read("/never"), 503, "deadline_exceeded", &[]).await;
}

#[tokio::test]
async fn a_panic_says_nothing_of_the_inside() {
    let response = ask(read("/panic")).await;
    assert_eq!(response.status(), 500);
    let bytes = to_bytes(response.into_body(), 1 << 16).await.expect("a body");
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    assert!(text.contains("internal_error") && !text.contains("secret of the inside"), "{text}");
}
