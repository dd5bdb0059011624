//! A whole server without a socket: a small site of an owner with two tenants, and tokens for everybody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use leasehold_control::Input;
use leasehold_diagnostics::Source;
use leasehold_fixtures::File;
use leasehold_lease::Terms;
use leasehold_ledger::SigningKey;
use leasehold_server::api::App;
use leasehold_server::auth::rights::Standing;
use leasehold_server::auth::{Authenticator, Role, Scope, Scopes, TokenRequest};
use leasehold_server::clock::Clock;
use leasehold_server::engine::{self, Engine, Handle, Stopped};
use leasehold_server::limits::{Limiter, Rate, RateLimits};
use leasehold_server::log::Fact;
use leasehold_server::metrics::Metrics;
use leasehold_server::plant::{Logs, NoPlant, RunName, Stream};
use leasehold_server::serve;
use leasehold_storage::OpenMode;
use leasehold_units::{Instant, PartyId};
use serde_json::Value;
use tower::ServiceExt as _;

/// When the site is opened and all is signed.
const OPENED: &str = "2026-02-20T12:00:00Z";
/// When the tests take place.
pub const NOW: &str = "2026-03-10T12:00:00Z";

fn site_file() -> File {
    leasehold_fixtures::site_file(1, 4, 4)
        .set("sku.id", "'h100'")
        .set("sku.gpu", "'H100'")
        .set("pool.id", "'a'")
        .set("pool.sku", "'h100'")
        .set("power.limit", "'1 MW'")
}

/// The terms of a rack whose idle nodes are for `idle_use`.
fn terms(tenant: &str, idle_use: &str) -> Terms {
    let file = leasehold_fixtures::lease_file(tenant)
        .set("id", format_args!("'lease-{tenant}'"))
        .set("signed", "2026-02-19")
        .set("term.start", "2026-03-01")
        .set("term.end", "2027-02-28")
        .set("capacity.amount", "'1 rack'")
        .set("capacity.isolation", "'node'")
        .set("service.idle_use", format_args!("'{idle_use}'"))
        .without_table("fee.usage");
    leasehold_fixtures::terms(&file)
}

/// Somebody with a token: `operator`, `finance`, `auditor`, or `admin@a`, `user@a`, `auditor@a` of a party.
pub type Who = &'static str;

pub const PEOPLE: [Who; 12] = [
    "operator",
    "finance",
    "auditor",
    "admin@a",
    "user@a",
    "auditor@a",
    "admin@b",
    "user@b",
    "auditor@b",
    "admin@owner",
    "user@owner",
    "auditor@owner",
];

/// Who stands for a column of the table, in party `a` where the column has one.
pub const fn of_party_a(standing: Standing) -> Who {
    match standing {
        Standing::Operator => "operator",
        Standing::Finance => "finance",
        Standing::PartyAdmin => "admin@a",
        Standing::PartyUser => "user@a",
        Standing::PartyAuditor => "auditor@a",
        Standing::SiteAuditor => "auditor",
    }
}

fn request_of(who: Who) -> TokenRequest {
    let (role, party) = who.split_once('@').unwrap_or((who, ""));
    let role = match role {
        "operator" => Role::Operator,
        "finance" => Role::Finance,
        "admin" => Role::PartyAdmin,
        "user" => Role::PartyUser,
        _ => Role::Auditor,
    };
    TokenRequest {
        name: who.into(),
        role,
        party: (!party.is_empty()).then(|| PartyId::new(party).expect("a name")),
        scopes: Scopes::from([Scope::Read, Scope::Write]),
        expires: None,
    }
}

/// A folder with a database in which all is signed and everybody has a token.
pub struct Base {
    dir: PathBuf,
    tokens: BTreeMap<Who, String>,
}

impl Base {
    /// Nothing that is leased is lent.
    pub fn new() -> Self {
        Self::with("none")
    }

    /// The landlord's jobs run on idle nodes of its tenants.
    pub fn lending() -> Self {
        Self::with("landlord")
    }

    fn with(idle_use: &str) -> Self {
        let dir = folder();
        let opened = Instant::from_rfc3339(OPENED).expect("an instant");
        let place = dir.join("site.db");
        let store = leasehold_storage::open(path(&place), OpenMode::Lead { wait: false });
        let site = Source::new("site.toml", site_file());
        let mut loaded =
            engine::load(store.expect("a store"), Some(&site), opened).expect("a site");
        let mut out = std::mem::take(&mut loaded.unsaved);
        for tenant in ["a", "b"] {
            let input = Input::Sign(Box::new(terms(tenant, idle_use)));
            loaded.core.handle(opened, &input, &mut NoPlant, &mut out).expect("signed");
        }
        loaded.core.settle(opened, &mut NoPlant, &mut out).expect("settled");
        let mut tokens = BTreeMap::new();
        for who in PEOPLE {
            let drawn = request_of(who).draw("server", opened).expect("random bytes");
            tokens.insert(who, drawn.secret.expose().to_owned());
            loaded.core.note(opened, Fact::Token(drawn.event), &mut out);
        }
        loaded.store.append(&out.take()).expect("stored");
        Self { dir, tokens }
    }

    /// A server over a copy.
    pub fn start(&self) -> Site {
        self.start_at(NOW)
    }

    /// The same on a machine whose clock shows `wall`, whatever time the site has.
    pub fn start_at(&self, wall: &str) -> Site {
        let wall = Instant::from_rfc3339(wall).expect("an instant");
        let dir = folder();
        for entry in std::fs::read_dir(&self.dir).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_name().to_string_lossy().ends_with(".db") {
                std::fs::copy(entry.path(), dir.join(entry.file_name())).expect("a copy");
            }
        }
        Site::start(dir, self.tokens.clone(), wall)
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A server.
pub struct Site {
    pub router: Router,
    pub handle: Handle,
    dir: PathBuf,
    tokens: BTreeMap<Who, String>,
    thread: Option<JoinHandle<Result<(), Stopped>>>,
    keys: AtomicU32,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Everything that can be compared: all but the date.
    pub fn bytes(&self) -> String {
        let mut headers: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "date")
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort();
        format!("{}\n{}\n\n{}", self.status, headers.join("\n"), self.text)
    }
}

/// What every job wrote.
struct SameLog;

impl Logs for SameLog {
    fn read(&self, run: &RunName, stream: Stream, _: u64, _: u64) -> std::io::Result<Vec<u8>> {
        Ok(format!("{stream:?} of {} {}\n", run.party, run.number).into_bytes())
    }
}

impl Site {
    /// A server whose site is at [`NOW`], on a machine whose clock shows `wall`.
    fn start(dir: PathBuf, tokens: BTreeMap<Who, String>, wall: Instant) -> Self {
        let place = path(&dir.join("site.db")).to_owned();
        let now = Instant::from_rfc3339(NOW).expect("an instant");
        let clock = Clock::held(now);
        let store = leasehold_storage::open(&place, OpenMode::Lead { wait: true }).expect("opens");
        let loaded = engine::load(store, None, now).expect("loads");
        let (engine, handle) = Engine::new(loaded, Box::new(NoPlant), clock.clone());
        let authenticator = Authenticator::new(engine.tokens(), vec![], Arc::new(move || wall));
        let app = Arc::new(App {
            handle: handle.clone(),
            key: SigningKey::from_seed(&[7; 32]),
            cluster: None,
            logs: Some(Box::new(SameLog)),
            metrics: Metrics::default(),
            clock,
            wall: Clock::held(wall),
            place: Some(place),
            stopping: tokio::sync::watch::Sender::new(false),
        });
        let rate = Rate { per_second: 1_000_000, burst: 1_000_000 };
        let rates = RateLimits { reads: rate, writes: rate, strangers: rate, callers_max: 1_000 };
        let router = serve::router(app, authenticator, Limiter::new(rates));
        let thread = std::thread::spawn(move || engine.run());
        Self { router, handle, dir, tokens, thread: Some(thread), keys: AtomicU32::new(0) }
    }

    pub fn token(&self, who: Who) -> &str {
        &self.tokens[who]
    }

    /// Everything, raw.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A request as it is usual, under a key of its own where it is a command.
    pub async fn ask(
        &self,
        who: Option<Who>,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Answer {
        let key = format!("k{}", self.keys.fetch_add(1, Ordering::Relaxed));
        self.send(self.request(who, method, path, body, &key)).await
    }

    pub fn request(
        &self,
        who: Option<Who>,
        method: &str,
        path: &str,
        body: Option<&str>,
        key: &str,
    ) -> Request<Body> {
        let mut request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
        if let Some(who) = who {
            request = request.header("authorization", format!("Bearer {}", self.token(who)));
        }
        if !method.eq_ignore_ascii_case("get") {
            request = request.header("idempotency-key", key);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        request
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_owned())))
            .expect("a request")
    }

    pub async fn get(&self, who: Who, path: &str) -> Answer {
        self.ask(Some(who), "get", path, None).await
    }

    pub async fn post(&self, who: Who, path: &str, body: &str) -> Answer {
        self.ask(Some(who), "post", path, Some(body)).await
    }

    /// Submits a job that must be taken.
    pub async fn submit(&self, who: Who, name: &str, gpus: u32) {
        let body = job(name, gpus);
        let answer = self.post(who, "/api/v1/jobs", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// What the API says of itself.
    pub async fn description(&self) -> Value {
        self.ask(None, "get", "/api/v1/openapi.json", None).await.json()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A job's description; everything in it begins with its name.
pub fn job(name: &str, gpus: u32) -> String {
    serde_json::json!({
        "name": format!("{name}-name"), "gpus": gpus, "time_limit_seconds": 3600,
        "command": [format!("{name}-command")], "environment": { "V": format!("{name}-value") },
        "account": format!("{name}-account"),
    })
    .to_string()
}

fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("leasehold-rim-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    dir
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
