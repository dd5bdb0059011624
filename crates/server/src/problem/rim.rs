//! Answers for what no handler sees: unknown routes, other methods, panics, deadlines.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Problem;

/// The answer for a path that no route has. Give it to `Router::fallback`.
pub async fn not_found(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no_such_route",
        "No such route",
        "no route has this path",
        "The routes are listed in /api/v1/openapi.json.",
    )
    .instance(uri.path())
}

/// The answer for a method that a path does not have. Give it to
/// `Router::method_not_allowed_fallback`; the router adds the `Allow` header itself.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "The route has no such method",
        format!("this path does not answer to {method}"),
        "The Allow header names the methods of this path.",
    )
    .instance(uri.path())
}

/// A handler that panics answers 500 and says nothing of the inside; the connection and everybody
/// else's go on. The panic hook has printed the message to the server's own log.
pub async fn catch_panic(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let mut future = pin!(next.run(request));
    poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        poll.unwrap_or_else(|_| {
            tracing::error!(%method, "a handler panicked");
            Poll::Ready(Problem::internal().into_response())
        })
    })
    .await
}

/// A handler has so long to begin its answer; a stream that has begun may go on.
/// A command that was cut off may still be carried out, so the hint is to repeat it under its key.
pub async fn deadline(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "deadline_exceeded",
            "The answer took too long",
            format!("no answer within {} s", limit.as_secs()),
            "Ask for less at once. Repeat a command with the same Idempotency-Key: it is not \
             carried out twice.",
        )
        .retry_after(1)
        .into_response()
    })
}
