//! The API described by itself: its OpenAPI document and a page to browse it, which loads nothing
//! from anywhere else, and the headers that keep browsers from doing more than they are asked to.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::net::Peer;
use crate::problem::{FieldProblem, Problem};

/// Where the OpenAPI document is.
pub const DOCUMENT_PATH: &str = "/api/v1/openapi.json";
/// Where the page is.
pub const PAGE_PATH: &str = "/api/docs";

/// For answers that are data: a browser that is made to show one runs nothing in it.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// For the page: its own scripts and styles, and calls to this server alone. It draws its icons
/// from `data:` addresses.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Serves `openapi` at [`DOCUMENT_PATH`] and the page at [`PAGE_PATH`]. Neither needs a token:
/// they say what every release says and nothing of the site.
pub fn documentation(openapi: OpenApi) -> Router {
    // The page would send the document to a validator elsewhere; a typed token stays in its memory.
    // The bar on top only offers to load other documents, with styles that the policy refuses.
    let config =
        Config::default().validator_url("none").persist_authorization(false).use_base_layout();
    let mut document = serde_json::to_value(complete(openapi)).expect("it is made of plain values");
    bound(&mut document);
    let page =
        SwaggerUi::new(PAGE_PATH).external_url_unchecked(DOCUMENT_PATH, document).config(config);
    Router::from(page).layer(from_fn(page_headers))
}

/// Adds what routes name without defining it: the shape of a problem. [`documentation`] does that
/// itself; whoever walks the document elsewhere calls this first.
#[must_use]
pub fn complete(mut openapi: OpenApi) -> OpenApi {
    let mut schemas = vec![("Problem".to_owned(), Problem::schema())];
    <FieldProblem as ToSchema>::schemas(&mut schemas);
    schemas.push((FieldProblem::name().into_owned(), FieldProblem::schema()));
    openapi.components.get_or_insert_default().schemas.extend(schemas);
    openapi
}

/// Names the formats of integers without a sign as the registry of OpenAPI does, and says how large they may be:
/// few who read the document know these names.
fn bound(part: &mut Value) {
    let format = match part.get("format").and_then(Value::as_str) {
        Some("u-int8") => Some(("uint8", u64::from(u8::MAX))),
        Some("u-int16") => Some(("uint16", u64::from(u16::MAX))),
        Some("u-int32") => Some(("uint32", u64::from(u32::MAX))),
        Some("u-int64") => Some(("uint64", u64::MAX)),
        _ => None,
    };
    match part {
        Value::Object(members) => {
            if let Some((name, largest)) = format {
                members.insert("format".into(), name.into());
                members.entry("maximum").or_insert_with(|| largest.into());
            }
            members.values_mut().for_each(bound);
        }
        Value::Array(items) => items.iter_mut().for_each(bound),
        _ => {}
    }
}

async fn page_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    put(response.headers_mut(), CONTENT_SECURITY_POLICY, PAGE_POLICY);
    put(response.headers_mut(), CACHE_CONTROL, "no-cache");
    response
}

/// Middleware around everything: headers that are right for data, where a route did not set its
/// own. Answers are one caller's, so nobody on the way keeps them.
pub async fn security_headers(request: Request, next: Next) -> Response {
    let tls = request.extensions().get::<Peer>().is_some_and(|peer| peer.tls);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    put(headers, CONTENT_SECURITY_POLICY, DATA_POLICY);
    put(headers, CACHE_CONTROL, "no-store");
    put(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(headers, REFERRER_POLICY, "no-referrer");
    put(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    put(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if tls {
        put(headers, STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::header::CONTENT_TYPE;
    use axum::routing::get;
    use tower::ServiceExt;
    use utoipa::openapi::{InfoBuilder, OpenApiBuilder};

    fn router() -> Router {
        let info = InfoBuilder::new().title("Leasehold").version("1").build();
        documentation(OpenApiBuilder::new().info(info).build())
            .route("/data", get(|| async { "x" }))
            .layer(from_fn(security_headers))
    }

    /// Headers and text of the answer to `path`.
    async fn read(path: &str) -> (HeaderMap, String) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router().oneshot(request).await.expect("answers");
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers().clone();
        let bytes = to_bytes(response.into_body(), 1 << 23).await.expect("a body");
        (headers, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn the_document_is_served() {
        let (headers, text) = read(DOCUMENT_PATH).await;
        assert_eq!(headers[CONTENT_TYPE], "application/json");
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
        let schemas = &document["components"]["schemas"];
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap_or("");
            assert!(schemas[name].is_object(), "{name} is named and not defined");
        }
        assert!(schemas["Problem"]["properties"]["hint"].is_object());
    }

    #[tokio::test]
    async fn the_page_loads_nothing_from_elsewhere() {
        let (headers, page) = read("/api/docs/").await;
        assert_eq!(headers[CONTENT_SECURITY_POLICY], PAGE_POLICY);
        let mut loaded = 0;
        for attribute in ["src=\"", "href=\""] {
            for part in page.split(attribute).skip(1) {
                let place = part.split('"').next().unwrap_or("");
                assert!(!place.contains("//"), "{place} is elsewhere");
                let path = place.trim_start_matches("./");
                read(&format!("{PAGE_PATH}/{path}")).await;
                loaded += 1;
            }
        }
        assert!(loaded >= 5, "the page has scripts, styles and icons: {page}");
        let (_, script) = read("/api/docs/swagger-initializer.js").await;
        assert!(script.contains(DOCUMENT_PATH) && !script.contains("petstore"), "{script}");
        assert!(script.contains(r#""validatorUrl": "none""#), "{script}");
    }

    #[tokio::test]
    async fn data_is_kept_by_nobody_and_runs_nothing() {
        let (headers, _) = read("/data").await;
        assert_eq!(headers[CONTENT_SECURITY_POLICY], DATA_POLICY);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY), "only over TLS");
    }
}
