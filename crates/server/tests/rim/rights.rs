//! Every route in every standing does what the table says.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use leasehold_server::auth::rights::{ROUTES, Route, Standing, Verdict};

use crate::support::{Base, Site, Who, job, of_party_a};

/// A site where each party has jobs: number 1 of its admin, number 2 of its user.
async fn site() -> Site {
    let site = Base::new().start();
    for party in [["admin@a", "user@a"], ["admin@b", "user@b"], ["admin@owner", "user@owner"]] {
        for who in party {
            site.submit(who, "x", 8).await;
        }
    }
    site
}

/// The first document of `tenant`.
async fn document(site: &Site, tenant: &str) -> String {
    let list = site.get("finance", &format!("/api/v1/invoices?tenant={tenant}")).await.json();
    list["documents"][0]["document"].as_str().expect("a document").to_owned()
}

/// The route filled in for a thing of `party`, tried out only where that is possible, and a body for it.
async fn filled(site: &Site, route: &Route, party: &str) -> (String, Option<String>) {
    let document = document(site, party).await;
    let other = if route.path.contains("/tokens/{id}") { "tok_0123456789abcdef" } else { "x" };
    let mut path = route
        .path
        .replace("{document}", &document)
        .replace("{dispute}", "d1")
        .replace("{number}", "2")
        .replace("{lease}", &format!("lease-{party}"))
        .replace("{nodes}", "a-01-04-1")
        .replace("{file}", "record.jsonl")
        .replace("{party}", party)
        .replace("{id}", other);
    if path.ends_with("/{node}") {
        path = path.replace("{node}", &held_node(site, party).await);
    }
    let tried = !route.path.contains("/tokens") || route.path.contains("{party}");
    if route.method != "get" && tried {
        path.push_str("?dry_run=true");
    }
    if path.ends_with("/access") {
        path.push_str(&format!("?party={party}"));
    }
    let body = match route.path.rsplit('/').next().expect("a path") {
        _ if route.method != "post" => None,
        "jobs" => Some(job("x", 8)),
        "leases" | "amendments" => Some(r#"{"terms":"id = 1"}"#.to_owned()),
        "payments" => Some(r#"{"id":"p","day":"2026-03-09","amount":"1.00"}"#.to_owned()),
        "disputes" => Some(r#"{"id":"d1","amount":"1.00"}"#.to_owned()),
        "resolution" => Some(r#"{"favour":"tenant"}"#.to_owned()),
        "credit" => Some(r#"{"reason":"wrong"}"#.to_owned()),
        "drain" => Some(r#"{"until":"2026-03-12T00:00:00Z"}"#.to_owned()),
        "parties" => Some(r#"{"party":"new"}"#.to_owned()),
        "events" => Some(
            r#"{"limit_watts":900000,"cause":"test","until":"2026-03-12T00:00:00Z"}"#.to_owned(),
        ),
        "tokens" => Some(r#"{"name":"n","role":"auditor","scopes":["read"]}"#.to_owned()),
        "termination" | "resume" => None,
        _ => Some("{}".to_owned()),
    };
    (path, body)
}

async fn held_node(site: &Site, party: &str) -> String {
    let nodes = site.get("operator", "/api/v1/nodes").await.json();
    let nodes = nodes["nodes"].as_array().expect("nodes").clone();
    let held = nodes.iter().find(|node| node["holding"] == format!("lease-{party}"));
    held.expect("a node is held")["node"].as_str().expect("a name").to_owned()
}

/// The answer's status; of a stream only its beginning is awaited.
async fn status(
    site: &Site,
    who: Option<Who>,
    route: &Route,
    path: &str,
    body: Option<&str>,
) -> StatusCode {
    use tower::ServiceExt as _;
    let key = format!("{who:?}{path}{}", route.method).replace(|c: char| !c.is_ascii_graphic(), "");
    let key: String = key.chars().take(128).collect();
    let request = site.request(who, route.method, path, body, &key);
    site.router.clone().oneshot(request).await.expect("an answer").status()
}

#[test]
fn the_page_lists_every_route() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rights.md");
    let kept = std::fs::read_to_string(path).expect("the page");
    assert_eq!(kept, leasehold_server::auth::rights::page());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_description_has_a_row() {
    let site = Base::new().start();
    let description = site.description().await;
    let mut described = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            described.insert(format!("{method} {path}"));
        }
    }
    let rows: BTreeSet<String> =
        ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(rows, described, "src/auth/rights/routes.rs has a row for each route");
    assert_eq!(rows.len(), ROUTES.len(), "no route is there twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_is_as_the_table_says() {
    let site = site().await;
    let mut wrong = Vec::new();
    for route in ROUTES {
        let (own, body) = filled(&site, route, "a").await;
        for standing in Standing::ALL {
            let who = of_party_a(standing);
            let status = status(&site, Some(who), route, &own, body.as_deref()).await;
            let refused = matches!(status.as_u16(), 401 | 403);
            let right = match route.verdict(standing) {
                Verdict::Refused => status == 403,
                _ => !refused && !status.is_server_error(),
            };
            if !right {
                let (method, verdict) = (route.method, route.verdict(standing).as_str());
                wrong.push(format!("{method} {own} as {who}: {status}, the table says {verdict}"));
            }
        }
        let nobody = status(&site, None, route, &own, body.as_deref()).await;
        let open = route.verdict(Standing::PartyUser) == Verdict::Allowed && nobody == 200;
        if nobody != 401 && (!open || route.path.starts_with("/api")) {
            wrong.push(format!("{} {own} as nobody: {nobody}", route.method));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is another party's is as unknown as what does not exist: same status, same words but the name.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_is_as_if_it_did_not_exist() {
    let site = site().await;
    for route in ROUTES.iter().filter(|route| {
        ["{document}", "{lease}", "{node}", "{party}"].iter().any(|name| route.path.contains(name))
    }) {
        let (theirs, body) = filled(&site, route, "b").await;
        for who in ["admin@a", "user@a", "auditor@a", "admin@owner"] {
            let answer = site.ask(Some(who), route.method, &theirs, body.as_deref()).await;
            let hidden = matches!(answer.status.as_u16(), 403 | 404);
            assert!(hidden, "{} {theirs} as {who}: {}", route.method, answer.bytes());
        }
    }
    let theirs = document(&site, "b").await;
    let known = site.get("admin@a", &format!("/api/v1/invoices/{theirs}")).await;
    let unknown = site.get("admin@a", "/api/v1/invoices/nothing").await;
    assert_eq!(
        (known.status, known.text.replace(&theirs, "nothing")),
        (unknown.status, unknown.text)
    );
    for path in ["/api/v1/leases", "/api/v1/invoices", "/api/v1/usage"] {
        let answer = site.get("admin@a", &format!("{path}?tenant=b")).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
}

/// Whoever works for a party sees the jobs of the others, not what they run.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_runs_is_its_makers_and_its_admins() {
    let site = site().await;
    let command = |answer: serde_json::Value| answer["command"].as_array().expect("a list").len();
    assert_eq!(command(site.get("user@a", "/api/v1/jobs/2").await.json()), 1);
    assert_eq!(command(site.get("user@a", "/api/v1/jobs/1").await.json()), 0);
    assert_eq!(command(site.get("admin@a", "/api/v1/jobs/2").await.json()), 1);
    assert_eq!(site.get("user@a", "/api/v1/jobs/1/log").await.status, 404);
    assert_eq!(site.get("user@a", "/api/v1/jobs/2/log").await.status, 200);
}

/// Whoever reads a party's data from outside is on the party's list by the time that the answer is there.
#[tokio::test(flavor = "multi_thread")]
async fn every_read_from_outside_is_logged_for_the_party() {
    let site = site().await;
    for route in ROUTES.iter().filter(|route| route.method == "get") {
        for standing in [Standing::Operator, Standing::Finance, Standing::SiteAuditor] {
            let Some(right) = route.takes.right(standing) else { continue };
            if !right.reads_party_data() || right.verdict(standing) == Verdict::Refused {
                continue;
            }
            let (path, _) = filled(&site, route, "a").await;
            let before = site.get("admin@a", "/api/v1/access").await.json();
            let who = of_party_a(standing);
            assert_eq!(site.get(who, &path).await.status, 200, "{path}");
            let after = site.get("auditor@a", "/api/v1/access").await.json();
            let number =
                |list: &serde_json::Value| list["reads"][0]["number"].as_u64().unwrap_or(0);
            assert_eq!(number(&after), number(&before) + 1, "{path} as {who} is not logged");
            let what = after["reads"][0]["what"].as_str().unwrap_or_default();
            assert!(what.starts_with(right.as_str()), "{what}");
        }
    }
}
