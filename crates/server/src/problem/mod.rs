//! Refusals on the wire: RFC 9457 problems, the extractors that answer with them, and the answers
//! for what no handler sees (unknown routes, panics, deadlines). No rule is decided here.

mod extract;
mod rim;

pub(crate) use extract::too_large;
pub use extract::{IdempotencyKey, Json, Path, Query};
pub use rim::{catch_panic, deadline, method_not_allowed, not_found};

use std::collections::BTreeMap;

use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal, ready to be sent. Boxed, so that a `Result` with it stays small.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: ProblemBody,
}

/// What a refusal says (RFC 9457). `code` is stable and meant for programs; the rest is for people.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Relative URI of the kind of problem: `/problems/` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words, the same for every problem of this code.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// Stable name of the refusal in snake case.
    pub code: String,
    /// What was wrong this time.
    pub detail: String,
    /// What to do instead.
    pub hint: String,
    /// The request or thing that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Each field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldProblem>,
    /// Further members that this code has.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where: `#/a/0/b` (JSON pointer as a URI fragment) in the body, `?name` in the query,
    /// `{name}` in the path, or the name of a header.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

impl Problem {
    /// A problem of the kind `code`, which is snake case and never changes its meaning.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        debug_assert!(
            code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
            "{code:?} is not in snake case"
        );
        let body = ProblemBody {
            kind: format!("/problems/{code}"),
            title: title.into(),
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into(),
            hint: hint.into(),
            instance: None,
            errors: Vec::new(),
            extra: Map::new(),
        };
        Self(Box::new(Inner { status, headers: Vec::new(), body }))
    }

    /// A command that was refused by what rules it: `code` is the name of what must hold, words joined by
    /// hyphens there and by underscores here.
    pub fn refused(
        status: StatusCode,
        code: &str,
        detail: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        let mut problem = Self::new(
            status,
            "refused",
            "The command was refused",
            detail,
            hint.unwrap_or_else(|| "Change what is asked for; nothing happened.".into()),
        );
        let code = code.replace('-', "_");
        problem.0.body.kind = format!("/problems/{code}");
        problem.0.body.title = code.replace('_', " ");
        problem.0.body.code = code;
        problem
    }

    /// A fault of the server: what went wrong is for its log, not for the caller.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "The server failed",
            "the server could not finish this request",
            "Repeat a command with the same Idempotency-Key: it is not carried out twice. \
             If it fails again, tell the operator when it happened.",
        )
    }

    /// What is asked for does not exist, or belongs to a party whose data the caller may not see:
    /// the answer is the same, so that it tells nothing.
    pub fn no_such(thing: &'static str, name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Nothing of this name",
            format!("there is no {thing} named {name:?} that this token may see"),
            "Check the name; the list route shows what there is.",
        )
    }

    /// Says which request or thing is meant.
    #[must_use]
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.0.body.instance = Some(instance.into());
        self
    }

    /// Adds a field that is wrong.
    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let field = FieldProblem { pointer: pointer.into(), detail: detail.into() };
        self.0.body.errors.push(field);
        self
    }

    /// Adds a member that problems of this code have. Standard members are not overwritten.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        const STANDARD: [&str; 8] =
            ["type", "title", "status", "code", "detail", "hint", "instance", "errors"];
        assert!(!STANDARD.contains(&member), "{member:?} is a standard member of a problem");
        self.0.body.extra.insert(member.into(), value.into());
        self
    }

    /// Says after how many seconds it is worth trying again, at least one.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.headers.push((RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        self
    }

    /// Says how to authenticate (RFC 6750): `error` is one of its error codes.
    #[must_use]
    pub fn challenge(mut self, error: Option<&'static str>) -> Self {
        let value = match error {
            None => HeaderValue::from_static("Bearer realm=\"leasehold\""),
            Some(error) => {
                let text = format!("Bearer realm=\"leasehold\", error=\"{error}\"");
                HeaderValue::from_str(&text).expect("error codes of RFC 6750 are ASCII")
            }
        };
        self.0.headers.push((WWW_AUTHENTICATE, value));
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable name.
    pub fn code(&self) -> &str {
        &self.0.body.code
    }

    /// Everything that it says.
    pub fn body(&self) -> &ProblemBody {
        &self.0.body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Inner { status, headers, body } = *self.0;
        let bytes = serde_json::to_vec(&body).expect("a problem has only JSON in it");
        let mut response = (status, bytes).into_response();
        let answer = response.headers_mut();
        answer.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        answer.extend(headers);
        response
    }
}

impl IntoResponses for Problem {
    /// Every route may answer with a problem, whatever the status.
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let schema = utoipa::openapi::schema::Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new()
            .description("Refused or failed; `code` says why and `hint` what to do instead")
            .content(MEDIA_TYPE, content)
            .build();
        BTreeMap::from([("default".to_owned(), RefOr::T(response))])
    }
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<utoipa::openapi::Schema> {
        ProblemBody::schema()
    }
}

impl ToSchema for Problem {
    fn name() -> std::borrow::Cow<'static, str> {
        "Problem".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<utoipa::openapi::Schema>)>) {
        ProblemBody::schemas(schemas);
    }
}

#[cfg(test)]
mod tests;
