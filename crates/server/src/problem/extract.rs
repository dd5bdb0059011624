//! Extractors that say in a problem what they could not read, and where.

use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::Problem;
use crate::net::BodyTooSlow;

/// A JSON body, read or written. Types decide with `deny_unknown_fields` that they refuse what they
/// do not know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

/// The parameters after `?`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

/// The parameters inside the path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path<T>(pub T);

/// The caller's own name of a command (`Idempotency-Key`): 1 to 128 visible ASCII characters.
/// Repeating a command under its key gives the first answer and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !says_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body is not declared as JSON",
                "the request has no `Content-Type: application/json`",
                "Send JSON and say so in the Content-Type header.",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unread)?;
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first.is_some_and(|byte| b"[\"-0123456789tfn".contains(byte)) {
            return Err(not_an_object());
        }
        if holds_nul(&bytes) {
            return Err(nul());
        }
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let pointer = pointer(error.path());
            bad_json(error.inner(), pointer)
        })?;
        reader.end().map_err(|error| bad_json(&error, "#".into()))?;
        Ok(Self(value))
    }
}

fn says_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Why a body did not arrive.
fn unread(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    if BodyTooSlow::caused(&rejection) {
        return Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "The body did not arrive in time",
            "the body of the request did not arrive in time",
            "Send the body at once; repeat a command with the same Idempotency-Key.",
        );
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "body_cut_off",
        "The body did not arrive whole",
        "the body of the request ended early",
        "Send the whole body; repeat a command with the same Idempotency-Key.",
    )
}

/// A body beyond the limit of its route.
pub(crate) fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "The body is too large",
        "the body is larger than this route takes",
        "Send less at once; the documentation names the limit of each route.",
    )
}

/// Whether a text of the JSON in `bytes` holds U+0000. There it can only be written as an escape: with an
/// odd number of backslashes before the `u`.
fn holds_nul(bytes: &[u8]) -> bool {
    let mut slashes = 0_usize;
    for (place, byte) in bytes.iter().enumerate() {
        if *byte == b'u' && slashes % 2 == 1 && bytes[place..].starts_with(b"u0000") {
            return true;
        }
        slashes = if *byte == b'\\' { slashes + 1 } else { 0 };
    }
    false
}

/// No text with U+0000 is taken: programs cut texts there, and PostgreSQL cannot keep them.
fn nul() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "text_has_nul",
        "A text holds the character U+0000",
        "#: a text holds the character U+0000",
        "Leave the character out.",
    )
    .field("#", "a text holds the character U+0000")
}

/// Derived readers would also take an array with the fields in order, which no schema shows.
fn not_an_object() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid_body",
        "The body is not what this route takes",
        "#: expected an object",
        "Compare the body with the schema of this route in /api/v1/openapi.json.",
    )
    .field("#", "expected an object")
}

fn bad_json(error: &serde_json::Error, pointer: String) -> Problem {
    use serde_json::error::Category;
    if error.classify() == Category::Data {
        return Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_body",
            "The body is not what this route takes",
            format!("{pointer}: {error}"),
            "Compare the body with the schema of this route in /api/v1/openapi.json.",
        )
        .field(pointer, error.to_string());
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "malformed_json",
        "The body is not JSON",
        error.to_string(),
        "Send one JSON value and nothing after it.",
    )
    .field(pointer, error.to_string())
}

/// RFC 6901 in a URI fragment, as RFC 9457 shows it.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut text = String::from("#");
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        text.push('/');
        text.push_str(&part);
    }
    text
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or("");
        let pairs = form_urlencoded::parse(query.as_bytes());
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader).map(Self).map_err(|error| {
            let name = pointer(error.path()).replacen("#/", "?", 1);
            let name = if name == "#" { "?".to_owned() } else { name };
            Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_query",
                "The query is not what this route takes",
                format!("{name}: {}", error.inner()),
                "Compare the parameters with those of this route in /api/v1/openapi.json.",
            )
            .field(name, error.inner().to_string())
        })
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(bad_path(rejection)),
        }
    }
}

fn bad_path(rejection: PathRejection) -> Problem {
    let PathRejection::FailedToDeserializePathParams(error) = rejection else {
        tracing::error!("a route reads path parameters that it does not have");
        return Problem::internal();
    };
    let kind = error.into_kind();
    let name = match &kind {
        ErrorKind::ParseErrorAtKey { key, .. }
        | ErrorKind::InvalidUtf8InPathParam { key }
        | ErrorKind::DeserializeError { key, .. } => format!("{{{key}}}"),
        ErrorKind::ParseErrorAtIndex { index, .. } => format!("{{{index}}}"),
        ErrorKind::WrongNumberOfParameters { .. } | ErrorKind::UnsupportedType { .. } => {
            tracing::error!(error = %kind, "a route cannot read its path parameters");
            return Problem::internal();
        }
        _ => "{}".into(),
    };
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid_path",
        "A part of the path is not what this route takes",
        kind.to_string(),
        "Names are 1 to 64 letters, digits, `-`, `_` and `.`; see the route in the documentation.",
    )
    .field(name, kind.to_string())
}

impl IdempotencyKey {
    /// The header that carries it.
    pub const HEADER: &'static str = "idempotency-key";
    /// Its length at most.
    pub const LENGTH_MAX: usize = 128;

    /// Checks and keeps `text`.
    pub fn new(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        (visible && (1..=Self::LENGTH_MAX).contains(&text.len())).then(|| Self(text.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl utoipa::IntoParams for IdempotencyKey {
    fn into_params(
        _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(Self::LENGTH_MAX))
            .pattern(Some("^[!-~]+$"));
        let about = "The caller's own name of the command: repeating it gives the first answer";
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(utoipa::openapi::Required::True)
            .description(Some(about))
            .schema(Some(text));
        vec![parameter.build()]
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(Self::HEADER).iter();
        let refuse = |code, detail: &str| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                code,
                "A command needs a key of its own",
                detail,
                "Send one `Idempotency-Key` header with 1 to 128 visible ASCII characters, new for \
                 each command and the same when it is repeated.",
            )
            .field("Idempotency-Key", detail)
        };
        let Some(value) = values.next() else {
            return Err(refuse("idempotency_key_missing", "the header is missing"));
        };
        if values.next().is_some() {
            return Err(refuse("idempotency_key_invalid", "the header is there more than once"));
        }
        let key = value.to_str().ok().and_then(Self::new);
        key.ok_or_else(|| refuse("idempotency_key_invalid", "the key has a wrong form or length"))
    }
}
