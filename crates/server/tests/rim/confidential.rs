//! Two runs that differ only in what one party does: no byte of anybody else's answers differs.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use leasehold_server::auth::rights::ROUTES;

use crate::support::{Base, PEOPLE, Site, Who};

/// What `party` does in the run in which it does much.
async fn busy(site: &Site, party: &str) {
    let [admin, user]: [Who; 2] = match party {
        "a" => ["admin@a", "user@a"],
        "b" => ["admin@b", "user@b"],
        _ => ["admin@owner", "user@owner"],
    };
    for number in 0..7 {
        site.submit(admin, &format!("secret{number}"), 8).await;
        site.submit(user, "secret", 3).await;
    }
    site.ask(Some(admin), "delete", "/api/v1/jobs/1", None).await;
    site.ask(Some(user), "delete", "/api/v1/jobs/2", None).await;
    let refused = site.post(
        admin,
        "/api/v1/jobs",
        r#"{"gpus":0,"time_limit_seconds":5,"command":["secret"]}"#,
    );
    assert!(refused.await.status.is_client_error());
    let token = r#"{"name":"secret","role":"party_user","scopes":["jobs"]}"#;
    assert_eq!(site.post(admin, "/api/v1/tokens", token).await.status, 201);
    for route in ROUTES.iter().filter(|route| route.method == "get" && !route.path.contains('{')) {
        if !route.path.ends_with("/events") {
            site.get(admin, route.path).await;
        }
    }
}

/// What everybody else does in both runs.
async fn script(site: &Site, but: &str) {
    for who in ["admin@a", "user@a", "admin@b", "user@b", "admin@owner", "user@owner"] {
        if !who.ends_with(&format!("@{but}")) {
            site.submit(who, "plain", 8).await;
            site.ask(Some(who), "delete", "/api/v1/jobs/1", None).await;
        }
    }
}

/// All that `who` can read, each answer whole. Of a stream what is there at once.
async fn all_answers(site: &Site, who: Who) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for route in ROUTES.iter().filter(|route| route.method == "get") {
        let fill = |path: &str| {
            [
                "1",
                "2",
                "3",
                "lease-a",
                "lease-b",
                "a-01-01-1",
                "a-01-02-1",
                "a-01-03-1",
                "owner-2026-000001",
                "owner-2026-000002",
            ]
            .map(|value| {
                let path = path.replace("{file}", "record.jsonl");
                let open = path.find('{').expect("a part");
                let close = path.find('}').expect("a part");
                format!("{}{value}{}", &path[..open], &path[close + 1..])
            })
        };
        if route.path.contains('{') {
            paths.extend(fill(route.path));
        } else if !route.path.ends_with("/events") {
            paths.push(route.path.to_owned());
        }
    }
    let mut answers = Vec::new();
    for path in paths {
        answers.push((path.clone(), site.get(who, &path).await.bytes()));
    }
    answers.push(("events".into(), events(site, who).await));
    answers
}

/// The stream from its beginning up to the `reset` or the last event that the session's own feed has: read
/// until nothing more is ready.
async fn events(site: &Site, who: Who) -> String {
    use tower::ServiceExt as _;
    let request = Request::builder()
        .uri("/api/v1/events?after=0")
        .header("authorization", format!("Bearer {}", site.token(who)))
        .body(Body::empty())
        .expect("a request");
    let response = site.router.clone().oneshot(request).await.expect("an answer");
    let mut text = format!("{}", response.status());
    let mut body = response.into_body();
    let pause = std::time::Duration::from_millis(300);
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(pause, body.frame()).await {
        text.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[][..], |data| data)));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_anybodys_answers_changes_with_what_another_party_does() {
    let base = Base::new();
    let mut leaks = Vec::new();
    for party in ["a", "b", "owner"] {
        let (quiet, loud) = (base.start(), base.start());
        script(&quiet, party).await;
        busy(&loud, party).await;
        script(&loud, party).await;
        leaks.extend(differences(&quiet, &loud, party).await);
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// Whose nodes are lent learns of it only by asking for them: then it waits, at most its reclaim bound.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_asks_for_nothing_does_not_learn_that_its_nodes_are_lent() {
    let base = Base::lending();
    let (quiet, loud) = (base.start(), base.start());
    busy(&loud, "owner").await;
    let nodes = loud.get("operator", "/api/v1/nodes").await.json();
    let lent =
        nodes["nodes"].as_array().expect("nodes").iter().filter(|node| node["gpus_borrowed"] != 0);
    assert!(lent.count() > 0, "{nodes}");
    // Both loops have let happen what was due.
    quiet.get("finance", "/api/v1/leases").await;
    loud.get("finance", "/api/v1/leases").await;
    let leaks = differences(&quiet, &loud, "owner").await;
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// What the others of `party` read in the one run and not in the other.
async fn differences(quiet: &Site, loud: &Site, party: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut compared = 0;
    for who in PEOPLE.into_iter().filter(|who| who.contains('@')) {
        if who.ends_with(&format!("@{party}")) {
            continue;
        }
        let (one, other) = (all_answers(quiet, who).await, all_answers(loud, who).await);
        for ((path, one), (_, other)) in one.into_iter().zip(other) {
            compared += usize::from(one.starts_with("200"));
            if one != other {
                found.push(format!("{who} at {path}, by {party}:\n{one}\n---\n{other}\n"));
            }
        }
    }
    assert!(compared > 30, "only {compared} answers show anything");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_run_the_site_see_no_name_no_user_and_no_command() {
    let site = Base::new().start();
    for party in ["a", "b", "owner"] {
        busy(&site, party).await;
    }
    for who in ["operator", "finance", "auditor"] {
        for (path, answer) in all_answers(&site, who).await {
            assert!(!answer.contains("secret"), "{who} at {path}: {answer}");
        }
        let answer = site.get(who, "/api/v1/audit?limit=1000").await;
        assert!(!answer.text.contains("secret"), "{who}: {}", answer.text);
    }
}
