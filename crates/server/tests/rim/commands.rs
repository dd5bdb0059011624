//! Commands that are repeated, tried out or out of date; lists that are read page by page.

use axum::http::Request;
use serde_json::Value;

use crate::support::{Answer, Base, Site, Who, job};

async fn send(site: &Site, who: Who, key: &str, path: &str, body: &str) -> Answer {
    site.send(site.request(Some(who), "post", path, Some(body), key)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_has_the_first_answer() {
    let site = Base::new().start();
    let first = send(&site, "admin@a", "k", "/api/v1/jobs", &job("x", 8)).await;
    assert_eq!(first.status, 201);
    let again = send(&site, "admin@a", "k", "/api/v1/jobs", &job("x", 8)).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = send(&site, "admin@a", "k", "/api/v1/jobs", &job("y", 8)).await;
    assert_eq!(
        (other.status.as_u16(), &other.json()["code"]),
        (422, &Value::from("command_id_is_new"))
    );
    let anothers = send(&site, "admin@b", "k", "/api/v1/jobs", &job("x", 8)).await;
    assert!(
        !anothers.headers.contains_key("idempotency-replayed"),
        "keys are each principal's own"
    );
    let refused = send(&site, "admin@a", "r", "/api/v1/jobs", &job("x", 10_000)).await;
    let again = send(&site, "admin@a", "r", "/api/v1/jobs", &job("x", 10_000)).await;
    assert!(refused.status.is_client_error(), "{}", refused.text);
    assert_eq!((again.status, again.text), (refused.status, refused.text));
}

/// One key for two commands with the same body: the second one is not taken for the first.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_on_another_route_is_another_command() {
    let site = Base::new().start();
    let notice = send(&site, "admin@a", "k", "/api/v1/leases/lease-a/notice", "{}").await;
    assert_eq!(notice.status, 200, "{}", notice.text);
    let other = send(&site, "admin@a", "k", "/api/v1/leases/lease-a/withdrawal", "{}").await;
    assert_eq!(other.status, 422, "{}", other.text);
}

/// Repeated before the first answer is there, in one group or in two: carried out once, and the loop goes on.
#[tokio::test(flavor = "multi_thread")]
async fn commands_repeated_at_once_are_carried_out_once() {
    let site = Base::new().start();
    for round in 0..10 {
        let key = format!("k{round}");
        let body = job("x", 8);
        let tries = (0..16).map(|_| send(&site, "admin@a", &key, "/api/v1/jobs", &body));
        let answers = all(tries).await;
        let replayed = |answer: &&Answer| answer.headers.contains_key("idempotency-replayed");
        assert_eq!(answers.iter().filter(replayed).count(), 15);
        assert!(
            answers.iter().all(|answer| answer.text == answers[0].text && answer.status == 201)
        );
    }
    let jobs = site.get("admin@a", "/api/v1/jobs?limit=1000").await.json();
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(10));
}

/// A secret is shown once, and it is the one that counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_however_often_it_is_asked_for() {
    let site = Base::new().start();
    let body = r#"{"name":"n","role":"auditor","scopes":["read"]}"#;
    let tries = (0..16).map(|_| send(&site, "admin@a", "k", "/api/v1/tokens", body));
    let answers = all(tries).await;
    let secrets: Vec<String> = answers
        .iter()
        .filter_map(|answer| Some(answer.json()["token"].as_str()?.to_owned()))
        .collect();
    assert_eq!(secrets.len(), 1, "{answers:?}");
    let request = Request::builder()
        .uri("/api/v1/session")
        .header("authorization", format!("Bearer {}", secrets[0]))
        .body(axum::body::Body::empty());
    assert_eq!(site.send(request.expect("a request")).await.status, 200);
}

/// A demonstration plays in a time of its own; whoever looks at it lives by the clock on the wall, and so do tokens.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_by_the_clock_of_the_machine_whatever_time_the_site_has() {
    for (wall, soon) in [
        ("2024-05-01T00:00:00Z", "2024-05-01T12:00:00Z"),
        ("2031-05-01T00:00:00Z", "2031-05-01T12:00:00Z"),
    ] {
        let site = Base::new().start_at(wall);
        let asked = |expires: &str| {
            format!(r#"{{"name":"n","role":"auditor","scopes":["read"],"expires":"{expires}"}}"#)
        };
        let over = send(&site, "admin@a", "over", "/api/v1/tokens", &asked(wall)).await;
        assert_eq!(over.status, 422, "{}", over.text);
        assert!(over.text.contains(wall), "the present that counts is said: {}", over.text);
        let made = send(&site, "admin@a", "made", "/api/v1/tokens", &asked(soon)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = made.json();
        let request = Request::builder()
            .uri("/api/v1/session")
            .header("authorization", format!("Bearer {}", made["token"].as_str().expect("text")))
            .body(axum::body::Body::empty());
        assert_eq!(site.send(request.expect("a request")).await.status, 200, "at {wall}");
        let revoked = format!("/api/v1/tokens/{}", made["id"].as_str().expect("text"));
        site.ask(Some("admin@a"), "delete", &revoked, None).await;
        let listed = site.get("admin@a", "/api/v1/tokens").await.json();
        let listed = listed["tokens"].as_array().expect("a list").iter();
        let one = listed.clone().find(|one| one["id"] == made["id"]).expect("it is listed");
        assert_eq!((&one["created"], &one["revoked"]), (&Value::from(wall), &Value::from(wall)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_and_uses_up_no_key() {
    let site = Base::new().start();
    // What was due before has happened once a command is answered.
    site.submit("admin@b", "x", 8).await;
    let head = site.get("auditor", "/api/v1/audit/verify").await.text;
    let tries: [(Who, &str, String); 5] = [
        ("admin@a", "/api/v1/jobs", job("x", 8)),
        ("operator", "/api/v1/nodes/a-01-04-1/down", "{}".into()),
        ("operator", "/api/v1/parties", r#"{"party":"new"}"#.into()),
        ("admin@a", "/api/v1/leases/lease-a/notice", "{}".into()),
        (
            "operator",
            "/api/v1/power/events",
            r#"{"limit_watts":0,"cause":"test","until":"2026-03-12T00:00:00Z"}"#.into(),
        ),
    ];
    for (who, path, body) in tries {
        let answer = send(&site, who, "k", &format!("{path}?dry_run=true"), &body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        assert_eq!(site.get("auditor", "/api/v1/audit/verify").await.text, head, "{path}");
    }
    let body = job("x", 8);
    let tries = (0..16).map(|number| {
        let path = if number == 8 { "/api/v1/jobs" } else { "/api/v1/jobs?dry_run=true" };
        send(&site, "user@a", "k", path, &body)
    });
    let answers = all(tries).await;
    assert_eq!(answers[8].status, 201, "{}", answers[8].text);
    let jobs = site.get("user@a", "/api/v1/jobs").await.json();
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_of_another_version_than_the_latest_is_refused() {
    let site = Base::new().start();
    let shown = site.get("operator", "/api/v1/leases/lease-a").await;
    assert_eq!(shown.headers["etag"], "\"1\"");
    let terms = shown.json()["terms"].clone();
    for (tag, expected) in [("\"7\"", 412), ("7", 412), ("W/\"1\"", 412), ("*", 412)] {
        let body = serde_json::json!({ "terms": terms }).to_string();
        let mut request = site.request(
            Some("operator"),
            "post",
            "/api/v1/leases/lease-a/amendments",
            Some(&body),
            tag,
        );
        request.headers_mut().insert("if-match", tag.parse().expect("a header"));
        let answer = site.send(request).await;
        assert_eq!(answer.status, expected, "{tag}: {}", answer.text);
    }
}

/// All pages together are the whole list, in its order, without loss or repetition.
#[tokio::test(flavor = "multi_thread")]
async fn pages_together_are_the_whole() {
    let site = Base::new().start();
    for number in 1..=7 {
        site.submit("admin@a", "x", 8).await;
        site.ask(Some("admin@a"), "delete", &format!("/api/v1/jobs/{number}"), None).await;
    }
    for _ in 0..7 {
        site.get("finance", "/api/v1/usage").await;
    }
    // Nothing ends them here, so that they are not over.
    for _ in 0..9 {
        site.submit("admin@b", "x", 8).await;
    }
    let lists: [(Who, &str, &str, &str); 6] = [
        ("admin@a", "/api/v1/jobs?state=ended", "jobs", "before"),
        ("admin@b", "/api/v1/jobs?state=live", "jobs", "after"),
        ("admin@a", "/api/v1/access?", "reads", "before"),
        ("operator", "/api/v1/nodes?", "nodes", "after"),
        ("operator", "/api/v1/audit?", "records", "after"),
        ("admin@a", "/api/v1/invoices?", "documents", "before"),
    ];
    for (who, path, list, cursor) in lists {
        let whole = site.get(who, &format!("{path}&limit=1000")).await.json()[list].clone();
        let whole = whole.as_array().expect("a list").clone();
        for limit in [1, 2, 3, 7] {
            let (mut pages, mut next) = (Vec::new(), String::new());
            loop {
                let page = site.get(who, &format!("{path}&limit={limit}{next}")).await.json();
                pages.extend(page[list].as_array().expect("a list").clone());
                let more = page.get("next").filter(|next| !next.is_null());
                let more = more.or(page.get("next_live").filter(|next| !next.is_null()));
                let Some(more) = more else { break };
                let more = more.as_str().map_or_else(|| more.to_string(), str::to_owned);
                next = format!("&{cursor}={more}");
                assert!(pages.len() <= whole.len(), "{path} does not end");
            }
            assert_eq!(pages, whole, "{path} by {limit}");
        }
        assert!(!whole.is_empty(), "{path}");
    }
}

/// All at once, in the order of the answers asked for.
async fn all(tries: impl Iterator<Item = impl Future<Output = Answer>>) -> Vec<Answer> {
    let mut waiting: Vec<_> = tries.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (one, answer) in &mut waiting {
            if answer.is_none() {
                match one.as_mut().poll(context) {
                    std::task::Poll::Ready(ready) => *answer = Some(ready),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    waiting.into_iter().map(|(_, answer)| answer.expect("all are ready")).collect()
}
