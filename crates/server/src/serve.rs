//! A server from its options to its end: the store is opened, the log folded, the loop started, the socket
//! bound; and all of it taken down in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use leasehold_control::Input;
use leasehold_diagnostics::{Problem, Source};
use leasehold_lease::Terms;
use leasehold_ledger::SigningKey;
use leasehold_storage::{OpenMode, Store, StoreError, Volatile};
use leasehold_units::{Instant, PartyId};
use tokio::sync::watch;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::api::{self, App};
use crate::auth::oidc::Oidc;
use crate::auth::{self, Authenticator, BootstrapError};
use crate::clock::Clock;
use crate::command::{By, Command, begins_ahead};
use crate::engine::{self, Engine, Handle, LoadError, Loaded, Stopped};
use crate::limits::{Limiter, RateLimits, limit_principals, limit_strangers};
use crate::log::Fact;
use crate::metrics::Metrics;
use crate::net::{ListenError, ListenOptions, Listener};
use crate::plant::{Logs, NoPlant, Plant, SlurmStatus};
use crate::problem;

/// The longest that a request may wait for its answer to begin.
const DEADLINE: Duration = Duration::from_secs(30);

/// When the loop has stopped, answers that are on their way have so long.
const LAST_ANSWERS: Duration = Duration::from_millis(200);

/// The largest body, in bytes: a lease or a script.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What a server needs.
pub struct ServeOptions {
    /// The site file, where the database may be empty.
    pub site: Option<Source>,
    /// Leases that are signed at the first start, in order.
    pub leases: Vec<Source>,
    /// Whether their service may have begun before: all since then is billed at once.
    pub backdated: bool,
    /// The database: a path, or `postgres://…`; without, nothing is kept, and no log can be read.
    pub database: Option<String>,
    /// Where keys and the first tokens are kept.
    pub directory: PathBuf,
    /// Parties that get an admin's token beside the operator's, where they have none: for a demonstration.
    pub party_tokens: Vec<PartyId>,
    /// Seals documents.
    pub key: SigningKey,
    /// Where to listen.
    pub listen: ListenOptions,
    /// Issuers of tokens beside the server itself.
    pub issuers: Vec<Oidc>,
    /// What runs the jobs.
    pub plant: Box<dyn Plant>,
    /// Where what jobs wrote is read.
    pub logs: Option<Box<dyn Logs>>,
    /// How the cluster stands, if it has a scheduler of its own.
    pub cluster: Option<SlurmStatus>,
    /// The time of the site.
    pub clock: Clock,
    /// How often somebody may ask.
    pub rates: RateLimits,
}

/// Why a server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is no first token.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// Nothing is listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A lease that the site was to begin with.
    #[error("{0} cannot be signed: {1}")]
    Lease(String, String),
    /// The loop stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The plant knows nothing of what is stored.
    #[error(
        "an emulated cluster cannot go on from what another run left: name an empty database, or none"
    )]
    NotEmpty,
    /// The machine gives no threads or signals.
    #[error("the system refuses: {0}")]
    System(#[from] std::io::Error),
}

/// Serves until SIGTERM or SIGINT, or until the loop stops. `ready` hears the address once it is bound.
///
/// # Errors
/// See [`ServeError`].
pub fn serve(
    options: ServeOptions,
    ready: impl FnOnce(Option<std::net::SocketAddr>),
) -> Result<(), ServeError> {
    let store: Box<dyn Store> = match &options.database {
        Some(place) => lead(place)?,
        None => Box::new(Volatile::new()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let clock = options.clock.clone();
    let first = First {
        site: options.site,
        leases: options.leases,
        backdated: options.backdated,
        directory: options.directory,
        party_tokens: options.party_tokens,
    };
    let mut loaded = first.load(store, options.plant.as_ref(), &clock)?;
    if options.database.is_none() {
        loaded.snapshot_seq = engine::NO_SNAPSHOTS;
    }
    let (engine, handle) = Engine::new(loaded, options.plant, clock);
    let tokens = engine.tokens();
    let listener = runtime.block_on(Listener::bind(options.listen))?;
    let authenticator = Authenticator::new(tokens, options.issuers, Arc::new(|| Clock::Wall.now()));
    let app = Arc::new(App {
        handle: handle.clone(),
        key: options.key,
        logs: options.logs,
        cluster: options.cluster,
        metrics: Metrics::default(),
        clock: options.clock,
        wall: Clock::Wall,
        place: options.database,
        stopping: watch::Sender::new(false),
    });
    let stopping = app.stopping.clone();
    let router = router(app, authenticator, Limiter::new(options.rates));
    let address = listener.local_addr();
    let (over, ended) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("loop".into()).spawn(move || {
        let stopped = engine.run();
        let _ = over.send(());
        stopped
    })?;
    runtime.block_on(begun(&handle));
    ready(address);
    let served = runtime.block_on(async move {
        let stop = async {
            asked_to_stop().await;
            stopping.send_replace(true);
        };
        let served = listener.serve(router, stop);
        tokio::select! {
            served = served => Some(served),
            // Nobody can be served without the loop, and another server may lead already.
            () = async {
                ended.await.unwrap_or(());
                tokio::time::sleep_until(tokio::time::Instant::now() + LAST_ANSWERS).await;
            } => None,
        }
    });
    if let Some(served) = served.filter(|served| served.cut > 0) {
        tracing::warn!(connections = served.cut, "cut connections that were still busy");
    }
    handle.stop();
    let stopped = thread.join().map_err(|_| std::io::Error::other("the loop panicked"))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(stopped?)
}

/// Waits until the first instant is settled and what passed meanwhile is caught up with: nobody is answered before.
async fn begun(handle: &Handle) {
    let by = By { id: "server".into(), name: "server".into() };
    let first = handle.ask(by, None, [0; 32], false, Command::Note(Vec::new()));
    if first.await.is_err() {
        tracing::debug!("the loop stopped before it had begun");
    }
}

/// Opens the database to lead. While another server leads, this one waits and does not listen.
fn lead(place: &str) -> Result<Box<dyn Store>, StoreError> {
    match leasehold_storage::open(place, OpenMode::Lead { wait: false }) {
        Err(StoreError::LedByAnother { place: at }) => {
            tracing::info!(
                database = at,
                "another server leads; this one takes over when that ends"
            );
            leasehold_storage::open(place, OpenMode::Lead { wait: true })
        }
        opened => opened,
    }
}

/// What a first start begins with.
struct First {
    site: Option<Source>,
    leases: Vec<Source>,
    backdated: bool,
    directory: PathBuf,
    party_tokens: Vec<PartyId>,
}

impl First {
    /// What is stored, with first tokens if there were none.
    fn load(
        &self,
        store: Box<dyn Store>,
        plant: &dyn Plant,
        clock: &Clock,
    ) -> Result<Loaded, ServeError> {
        let is_new = store.head().seq == 0;
        if plant.begins_anew() && !is_new {
            return Err(ServeError::NotEmpty);
        }
        let mut loaded = engine::load(store, self.site.as_ref(), clock.now())?;
        if is_new {
            self.sign(&mut loaded, clock.now())?;
        }
        let wall = Clock::Wall.now();
        let mut facts = Vec::new();
        let tokens = loaded.core.registry().tokens();
        facts.extend(auth::bootstrap(&self.directory, tokens, wall)?.map(Fact::Token));
        for party in &self.party_tokens {
            let token = auth::bootstrap_party(&self.directory, party, tokens, wall)?;
            if let Some(token) = token {
                facts.push(Fact::PartyAdded { party: party.as_str().to_owned() });
                facts.push(Fact::Token(token));
            }
        }
        let now = clock.now().max(loaded.core.now());
        let Loaded { core, unsaved, .. } = &mut loaded;
        facts.into_iter().for_each(|fact| core.note(now, fact, unsaved));
        // What a site begins with is in the log as a whole or not at all.
        let begun = loaded.unsaved.take();
        if !begun.is_empty() {
            loaded.store.append(&begun)?;
        }
        Ok(loaded)
    }

    /// Signs the leases that a site begins with.
    fn sign(&self, loaded: &mut Loaded, now: Instant) -> Result<(), ServeError> {
        for source in &self.leases {
            let refused = |why: String| ServeError::Lease(source.name.clone(), why);
            let terms = Terms::parse(source).map_err(|problems| refused(count(&problems)))?;
            if !self.backdated {
                begins_ahead(&terms, now).map_err(|refusal| {
                    refused(format!("{}; {}", refusal.detail, refusal.hint.unwrap_or_default()))
                })?;
            }
            let is_amendment = loaded.core.state().contracts.find(&terms.id).is_some();
            let terms = Box::new(terms);
            let input = if is_amendment { Input::Amend(terms) } else { Input::Sign(terms) };
            let handled = loaded.core.handle(now, &input, &mut NoPlant, &mut loaded.unsaved);
            handled.map_err(|why| refused(why.to_string()))?;
        }
        Ok(())
    }
}

fn count(problems: &[Problem]) -> String {
    format!("{} problems; `leasehold check` lists them", problems.len())
}

/// All routes with what stands around them.
pub fn router(app: Arc<App>, authenticator: Authenticator, limiter: Limiter) -> Router {
    let (open, known) = (api::open_routes(), api::routes());
    let (known, described) =
        OpenApiRouter::with_openapi(api::description()).merge(known).split_for_parts();
    let (open, open_described) = open.split_for_parts();
    let mut described = described;
    described.merge(open_described);
    let components = described.components.get_or_insert_default();
    components
        .add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let known = known
        .layer(middleware::from_fn_with_state(limiter.clone(), limit_principals))
        .layer(middleware::from_fn_with_state(authenticator, auth::authenticate))
        .layer(middleware::from_fn_with_state(limiter, limit_strangers));
    let pages = crate::documentation::documentation(described);
    let all = open.merge(known).with_state(app).merge(pages);
    crate::limits::limit_body(all, BODY_BYTES_MAX)
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(DEADLINE, problem::deadline))
        .layer(middleware::from_fn(problem::catch_panic))
}

/// Ready when the system asks to stop.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => tracing::info!("asked to stop"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
    }
}
