//! Requests that nobody sends by mistake.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use leasehold_server::auth::rights::ROUTES;
use proptest::prelude::*;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::{Answer, Base, PEOPLE, Site};

/// What every refusal is: a problem with a code and a hint; and never the server's own fault.
fn assert_sound(answer: &Answer, about: &str) {
    assert!(!answer.status.is_server_error(), "{about}: {}", answer.bytes());
    if answer.status.is_client_error() {
        let problem = answer.json();
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{about}");
        assert!(problem["code"].is_string() && problem["hint"].is_string(), "{about}: {problem}");
    }
}

fn fill(path: &str, with: &str) -> String {
    let mut filled = path.to_owned();
    while let (Some(open), Some(close)) = (filled.find('{'), filled.find('}')) {
        filled.replace_range(open..=close, with);
    }
    filled
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "-1",
            "1e400",
            "9999-12-31T23:59:59Z",
            "0000-01-01",
            "-9999-01-01T00:00:00Z",
            "2026-03-12T00:00:00Z",
            "99999999999999999999.99",
            "\u{0}",
            "../../etc/passwd",
            "tenant",
            "landlord",
            "admin",
            "operator",
            "read",
            "node",
            "a",
            "0.000000001",
            "id = \"x\"\n[term]",
        ])
        .prop_map(Value::from),
        prop::sample::select(vec![0_u64, 1, 8, 255, 65_536, 4_294_967_295, u64::MAX])
            .prop_map(Value::from),
    ]
}

/// Bodies with the fields of `schema`, well or badly filled, some left out and some too many.
fn body(fields: Vec<String>) -> impl Strategy<Value = Value> {
    let value = leaf().prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z_=\u{0}]{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let name = prop_oneof![9 => prop::sample::select(fields), 1 => "[a-z]{1,8}"];
    prop::collection::vec((name, value), 0..9)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// The fields of each route's body, by the description.
fn fields(description: &Value, method: &str, path: &str) -> Option<Vec<String>> {
    let body = &description["paths"][path][method]["requestBody"];
    let reference = body["content"]["application/json"]["schema"]["$ref"].as_str()?;
    let schema = &description["components"]["schemas"][reference.rsplit('/').next()?];
    Some(schema["properties"].as_object()?.keys().cloned().collect())
}

#[test]
fn no_body_is_the_servers_fault() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let site = Base::new().start();
    let description = runtime.block_on(site.description());
    let routes: Vec<(&str, &str, Vec<String>)> = ROUTES
        .iter()
        .filter_map(|route| {
            let fields = fields(&description, route.method, route.path)?;
            Some((route.method, route.path, fields))
        })
        .collect();
    assert!(routes.len() >= 12, "{routes:?}");
    for (method, path, fields) in routes {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) };
        proptest!(config, |(body in body(fields), lease in prop::sample::select(vec!["lease-a", "a-01-04", "owner-2026-000001", "x"]))| {
            let (path, body) = (fill(path, lease), body.to_string());
            for who in ["operator", "finance", "admin@a"] {
                let answer = runtime.block_on(site.ask(Some(who), method, &path, Some(&body)));
                assert_sound(&answer, &format!("{method} {path} {body}"));
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_query_or_header_is_the_servers_fault() {
    let site = Base::new().start();
    site.submit("admin@a", "x", 8).await;
    let names = [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "a%00b",
        "%ff",
        "-1",
        "0",
        "1",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "a-01-04-1%2F",
        "%20",
        "a%0d%0ab",
        "x%3Fdry_run=true",
        "%F0%9F%92%A9",
        "tok_zzzz",
        "owner-2026-000001",
        "NaN",
    ];
    let queries = [
        "",
        "?",
        "?limit=0",
        "?limit=4294967296",
        "?limit=-1",
        "?before=18446744073709551615",
        "?after=18446744073709551615",
        "?after=9223372036854775807",
        "?offset=18446744073709551615",
        "?start=0",
        "?start=4294967295",
        "?stream=..%2f..%2fetc%2fpasswd",
        "?stream=stdout&stream=stderr",
        "?party=%00",
        "?tenant=..",
        "?month=2026-13",
        "?month=%2B999-01",
        "?from=0000-00-00",
        "?a=b",
        "?from=9999-12-31",
        "?until=-9999-01-01",
        "?month=9999-12",
        "?month=0000-01",
        "?%ff=%ff",
    ];
    for route in
        ROUTES.iter().filter(|route| !route.path.ends_with("/events") || route.method != "get")
    {
        let each = if route.path.contains('{') { &names[..] } else { &["1"] };
        for name in each {
            for query in if route.method == "get" { &queries[..] } else { &queries[..3] } {
                for who in ["operator", "admin@a"] {
                    let path = format!("{}{query}", fill(route.path, name));
                    let Ok(_) = path.parse::<axum::http::Uri>() else { continue };
                    let answer = site.ask(Some(who), route.method, &path, None).await;
                    assert_sound(&answer, &format!("{} {path} as {who}", route.method));
                    assert!(!answer.text.contains("root:"), "{path}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_trick_are_refused() {
    let site = Base::new().start();
    let token = format!("Bearer {}", site.token("operator"));
    let cases: [(&[(&str, &str)], u16); 6] = [
        (&[("authorization", "TOKEN"), ("authorization", "TOKEN")], 401),
        (&[("authorization", "TOKEN"), ("idempotency-key", "a"), ("idempotency-key", "b")], 400),
        (&[("authorization", "TOKEN"), ("idempotency-key", "a b")], 400),
        (&[("authorization", "TOKEN")], 400),
        (
            &[("authorization", "TOKEN"), ("idempotency-key", "a"), ("content-type", "text/plain")],
            415,
        ),
        (
            &[
                ("authorization", "TOKEN"),
                ("x-forwarded-for", "1.1.1.1"),
                ("idempotency-key", "a"),
                ("content-type", "application/json"),
                ("x-http-method-override", "DELETE"),
            ],
            200,
        ),
    ];
    for (headers, expected) in cases {
        let mut request = Request::builder().method("POST").uri("/api/v1/parties");
        for (name, value) in headers {
            request = request.header(*name, value.replace("TOKEN", &token));
        }
        let answer =
            site.send(request.body(Body::from(r#"{"party":"new"}"#)).expect("a request")).await;
        assert_eq!(answer.status, expected, "{headers:?}: {}", answer.text);
    }
}

/// PostgreSQL keeps no U+0000: such a text must never reach the loop, where it would fail a whole group.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_nul_is_refused_at_the_rim() {
    let site = Base::new().start();
    let bodies = [
        (
            "admin@a",
            "/api/v1/jobs",
            r#"{"gpus":1,"time_limit_seconds":9,"command":["x"],"directory":"a\u0000"}"#,
        ),
        (
            "admin@a",
            "/api/v1/jobs",
            r#"{"gpus":1,"time_limit_seconds":9,"command":["x"],"environment":{"a\u0000":"b"}}"#,
        ),
        ("admin@a", "/api/v1/jobs", r#"{"gpus":1,"time_limit_seconds":9,"script":"x\\\u0000"}"#),
        ("operator", "/api/v1/leases", r#"{"terms":"\u0000"}"#),
        (
            "operator",
            "/api/v1/nodes/a-01-04-1/drain",
            r#"{"what":"\u0000","until":"2026-03-12T00:00:00Z"}"#,
        ),
        ("finance", "/api/v1/invoices/owner-2026-000001/credit", r#"{"reason":"\u0000"}"#),
        (
            "finance",
            "/api/v1/invoices/owner-2026-000001/payments",
            r#"{"id":"\u0000","day":"2026-03-09","amount":"1.00"}"#,
        ),
        ("operator", "/api/v1/parties", r#"{"party":"\u0000"}"#),
        ("admin@a", "/api/v1/tokens", r#"{"name":"\u0000","role":"auditor","scopes":["read"]}"#),
    ];
    for (who, path, body) in bodies {
        let answer = site.post(who, path, body).await;
        assert_eq!(answer.json()["code"], "text_has_nul", "{path}: {}", answer.text);
        assert_eq!(answer.status, 422);
    }
    let escaped = r#"{"gpus":1,"time_limit_seconds":9,"command":["printf \\u0000"]}"#;
    assert_eq!(
        site.post("admin@a", "/api/v1/jobs", escaped).await.status,
        201,
        "a backslash is no NUL"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn giant_bodies_are_refused() {
    let site = Base::new().start();
    let giant = format!(r#"{{"terms":"{}"}}"#, "x".repeat(2 << 20));
    let answer = site.post("operator", "/api/v1/leases", &giant).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    let deep = format!(r#"{{"command":{}"#, "[".repeat(100_000));
    assert_sound(&site.post("admin@a", "/api/v1/jobs", &deep).await, "deep");
}

/// A stream is over as soon as its token is taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    use http_body_util::BodyExt as _;
    let site = Arc::new(Base::new().start());
    let streams = PEOPLE.into_iter().filter(|who| who.ends_with("@a"));
    let mut bodies = Vec::new();
    for who in streams {
        let request = site.request(Some(who), "get", "/api/v1/events", None, "");
        let response = site.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), 200);
        bodies.push((who, response.into_body()));
    }
    let answer = site.ask(Some("operator"), "delete", "/api/v1/parties/a/tokens", None).await;
    assert_eq!(answer.json()["revoked"], 3, "{}", answer.text);
    for (who, body) in bodies {
        let ended = tokio::time::timeout(Duration::from_secs(10), body.collect()).await;
        assert!(ended.is_ok(), "the stream of {who} goes on");
    }
    let answer = site.get("admin@a", "/api/v1/events").await;
    assert_eq!(answer.status, 401);
}

/// Whoever reads nothing holds up nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_holds_up_nobody() {
    let site: Site = Base::new().start();
    let request = site.request(Some("admin@a"), "get", "/api/v1/events?after=0", None, "");
    let idle = site.router.clone().oneshot(request).await.expect("an answer");
    for _ in 0..100 {
        site.submit("admin@a", "x", 8).await;
    }
    assert_eq!(site.get("admin@a", "/api/v1/jobs").await.status, 200);
    drop(idle);
}
