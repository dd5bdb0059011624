//! How much anybody may ask for: requests a second, bytes of a body, expensive reads at once. What a
//! connection may cost is in `net`.

mod buckets;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::auth::Principal;
use crate::net::Peer;
use crate::problem::Problem;
use buckets::Buckets;

/// So many requests a second, and so many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second, at least 1.
    pub per_second: u32,
    /// Requests at once after a pause, at least 1.
    pub burst: u32,
}

/// Limits of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Of each principal, for GET and HEAD.
    pub reads: Rate,
    /// Of each principal, for all other methods.
    pub writes: Rate,
    /// Of each address from which nobody is named: an IPv4 address, or 64 bits of an IPv6 one.
    pub strangers: Rate,
    /// Callers that are told apart at once; those beyond share one bucket, so that many addresses
    /// cost no memory.
    pub callers_max: usize,
}

/// Who is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Caller {
    Reader(String),
    Writer(String),
    Stranger(IpAddr),
}

/// Counts requests. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Limiter {
    limits: RateLimits,
    buckets: Arc<Mutex<Buckets<Caller>>>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            reads: Rate { per_second: 2_000, burst: 4_000 },
            writes: Rate { per_second: 1_000, burst: 2_000 },
            strangers: Rate { per_second: 10, burst: 50 },
            callers_max: 100_000,
        }
    }
}

impl RateLimits {
    /// No limit that anybody reaches: for figures, and for a server that only its own user reaches.
    pub fn unlimited() -> Self {
        let all = Rate { per_second: 1_000_000_000, burst: u32::MAX };
        Self { reads: all, writes: all, strangers: all, ..Self::default() }
    }
}

impl Limiter {
    /// A limiter at which everybody begins with a full burst.
    pub fn new(limits: RateLimits) -> Self {
        let buckets = Arc::new(Mutex::new(Buckets::new(limits.callers_max)));
        Self { limits, buckets }
    }

    /// Counts a request of `caller` at `now`; if it is one too many, when the next may come.
    fn take(&self, caller: Caller, now: Instant) -> Result<(), Duration> {
        let rate = match caller {
            Caller::Reader(_) => self.limits.reads,
            Caller::Writer(_) => self.limits.writes,
            Caller::Stranger(_) => self.limits.strangers,
        };
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(caller, rate, now)
    }
}

/// Middleware behind `authenticate`: counts the requests of each principal.
pub async fn limit_principals(
    State(limiter): State<Limiter>,
    principal: Principal,
    request: Request,
    next: Next,
) -> Response {
    let who = principal.id().to_owned();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let caller = if reads { Caller::Reader(who) } else { Caller::Writer(who) };
    match limiter.take(caller, Instant::now()) {
        Ok(()) => next.run(request).await,
        Err(wait) => too_many(wait),
    }
}

/// Middleware before `authenticate`: counts requests that name nobody, and those whose token is
/// refused. Somebody with a good token is let through, also from behind an address where others
/// fail: they may share a proxy.
pub async fn limit_strangers(
    State(limiter): State<Limiter>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().and_then(|peer| peer.address);
    // Whoever may open the Unix socket is the server's own user.
    let Some(peer) = peer else { return next.run(request).await };
    let stranger = Caller::Stranger(network(peer.ip()));
    if !request.headers().contains_key(AUTHORIZATION) {
        return match limiter.take(stranger, Instant::now()) {
            Ok(()) => next.run(request).await,
            Err(wait) => too_many(wait),
        };
    }
    let response = next.run(request).await;
    if response.status() != StatusCode::UNAUTHORIZED {
        return response;
    }
    match limiter.take(stranger, Instant::now()) {
        Ok(()) => response,
        Err(wait) => too_many(wait),
    }
}

/// What one customer of a network provider gets: all of an IPv4 address, 64 bits of an IPv6 one.
fn network(address: IpAddr) -> IpAddr {
    const HOST: u128 = u64::MAX as u128;
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !HOST).into()),
    }
}

fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too many requests",
        "more requests came than this caller may make",
        "Wait as long as Retry-After says; ask for pages or follow the events instead of polling.",
    )
    .retry_after(seconds)
    .into_response()
}

/// Lets the routes of `router` take bodies of up to `bytes_max`. What is announced as larger is
/// refused before it is read. Give each group of routes one limit: of nested ones the smaller counts
/// for announced lengths.
pub fn limit_body<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    bytes_max: usize,
) -> Router<S> {
    router
        .layer(from_fn_with_state(bytes_max, refuse_giant))
        .layer(DefaultBodyLimit::max(bytes_max))
}

async fn refuse_giant(State(bytes_max): State<usize>, request: Request, next: Next) -> Response {
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| usize::try_from(bytes).is_ok_and(|b| b <= bytes_max)) {
        return next.run(request).await;
    }
    match announced {
        // Without a length, whoever reads the body counts.
        None => next.run(request).await,
        Some(_) => crate::problem::too_large()
            .with("bytes_max", u64::try_from(bytes_max).unwrap_or(u64::MAX))
            .into_response(),
    }
}

/// Places for expensive reads, such as whole exports and plans: so many at once, and nobody queues.
#[derive(Debug, Clone)]
pub struct Places(Arc<Semaphore>);

impl Places {
    /// `count` places.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }
}

/// Middleware: a request has a place until its answer begins, or is told to come again.
pub async fn limit_expensive(
    State(places): State<Places>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_place) = places.0.try_acquire() else {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "server_busy",
            "Too many expensive reads at once",
            "the server computes as many answers of this kind as it takes at once",
            "Try again in a moment, or ask for less.",
        )
        .retry_after(1)
        .into_response();
    };
    next.run(request).await
}

#[cfg(test)]
mod tests;
