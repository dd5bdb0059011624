//! `/events`: what happens, as it does, as server-sent events. Each reader's items are numbered by themselves.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_core::Stream;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, Shared};
use crate::auth::{Principal, Right, TokenId};
use crate::core::Core;
use crate::problem::{Problem, Query};
use crate::registry::{Feed, FeedItem, News};

/// A stream that has nothing to say says so this often.
const ALIVE: Duration = Duration::from_secs(15);

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// A reader that takes nothing for so long is let go; it goes on from where it was when it comes back.
const STALLED: Duration = Duration::from_secs(30);

/// Longer than any connection: what a token without an end is waited for.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Since {
    /// After this number; only what is new if nothing is said. The header `Last-Event-ID` counts first.
    after: Option<u64>,
    /// Whether to go on with what happens; without, the answer ends with what happened so far.
    #[serde(default = "yes")]
    #[param(default = true)]
    follow: bool,
}

const fn yes() -> bool {
    true
}

/// Follow what happens to one's party, or to the site. `reset` says that some was missed: read again.
#[utoipa::path(get, path = "/events", tag = "events", params(Since),
    responses((status = 200, content_type = "text/event-stream", body = String), Problem))]
async fn follow(
    axum::extract::State(app): Shared,
    who: Principal,
    headers: HeaderMap,
    Query(since): Query<Since>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let reader = match who.party() {
        Some(party) => {
            who.reach(Right::WatchParty)?;
            Some(party.to_string())
        }
        None => {
            who.reach(Right::WatchSite)?;
            None
        }
    };
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let last = {
        let core = app.handle.core().await;
        feed(&core, reader.as_deref()).map_or(0, Feed::last)
    };
    let after = header.or(since.after).unwrap_or(last);
    let stream = stream(app, who, reader, after, since.follow);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE)))
}

fn feed<'a>(core: &'a Core, reader: Option<&str>) -> Option<&'a Feed> {
    match reader {
        None => Some(core.registry().site_feed()),
        Some(party) => core.registry().party(party).map(|book| &book.feed),
    }
}

fn stream(
    app: Arc<App>,
    who: Principal,
    reader: Option<String>,
    after: u64,
    follow: bool,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    tokio::spawn(async move {
        let mut news = app.handle.news();
        let mut stopping = app.stopping.subscribe();
        let mut after = after;
        let over = who.expires().map_or(FOREVER, |at| app.wall.until(at));
        let over = tokio::time::Instant::now() + over.min(FOREVER);
        let over = tokio::time::sleep_until(over);
        tokio::pin!(over);
        let nothing = Feed::default();
        loop {
            let (items, last) = {
                let core = app.handle.core().await;
                if is_revoked(&core, &who) {
                    return;
                }
                let feed = feed(&core, reader.as_deref()).unwrap_or(&nothing);
                (feed.since(after).map(|items| items.cloned().collect::<Vec<_>>()), feed.last())
            };
            let events = items.map_or_else(
                || vec![Event::default().event("reset").id(last.to_string()).data("{}")],
                |items| items.iter().map(event).collect(),
            );
            after = last;
            for event in events {
                let sent = tokio::time::timeout(STALLED, sender.send(Ok(event)));
                if !matches!(sent.await, Ok(Ok(()))) {
                    return;
                }
            }
            if !follow {
                return;
            }
            tokio::select! {
                changed = news.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
                () = &mut over => return,
                _ = stopping.wait_for(|stops| *stops) => return,
            }
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

/// Whether the token of `who` was taken back since.
fn is_revoked(core: &Core, who: &Principal) -> bool {
    let id = who.id().strip_prefix("token:").and_then(TokenId::new);
    let token = id.and_then(|id| core.registry().tokens().get(&id));
    token.is_some_and(|(_, revoked)| revoked.is_some())
}

fn event(item: &FeedItem) -> Event {
    // Stored instants are numbers; those of the API are RFC 3339.
    let mut data = serde_json::to_value(item).expect("an item can be written");
    data["at"] = item.at.to_string().into();
    if let News::JobToldToLeave { deadline, .. } = &item.what {
        data["what"]["deadline"] = deadline.to_string().into();
    }
    Event::default().id(item.number.to_string()).data(data.to_string())
}
