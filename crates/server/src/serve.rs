//! A server from its options to its end: the store is opened, the log folded, the loop started, the socket
//! bound; and all of it taken down in order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use leasehold_control::Input;
use leasehold_diagnostics::{Problem, Source};
use leasehold_lease::Terms;
use leasehold_ledger::SigningKey;
use leasehold_storage::{OpenMode, Store, StoreError};
use leasehold_units::Instant;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::api::{self, App};
use crate::auth::oidc::Oidc;
use crate::auth::{self, Authenticator, BootstrapError};
use crate::clock::Clock;
use crate::engine::{self, Engine, Handle, LoadError, Loaded, Stopped};
use crate::limits::{Limiter, RateLimits, limit_principals, limit_strangers};
use crate::log::Fact;
use crate::metrics::Metrics;
use crate::net::{ListenError, ListenOptions, Listener};
use crate::plant::{Logs, NoPlant, Plant};
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
    /// The database: a path, or `postgres://…`.
    pub database: String,
    /// Where keys and the first token are kept.
    pub directory: PathBuf,
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
    let store = lead(&options.database)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (engine, handle) = start(
        store,
        &options.site,
        &options.leases,
        &options.directory,
        options.plant,
        &options.clock,
    )?;
    let tokens = engine.tokens();
    let listener = runtime.block_on(Listener::bind(options.listen))?;
    let wall: auth::authenticate::Clock = Arc::new(|| Clock::Wall.now());
    let authenticator = Authenticator::new(tokens, options.issuers, wall);
    let app = Arc::new(App {
        handle: handle.clone(),
        key: options.key,
        logs: options.logs,
        metrics: Metrics::default(),
        clock: options.clock,
        place: options.database,
    });
    let router = router(app, authenticator, Limiter::new(options.rates));
    let address = listener.local_addr();
    let (over, ended) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("loop".into()).spawn(move || {
        let stopped = engine.run();
        let _ = over.send(());
        stopped
    })?;
    ready(address);
    let served = runtime.block_on(async move {
        let served = listener.serve(router, asked_to_stop());
        tokio::select! {
            served = served => Some(served),
            // Nobody can be served without the loop, and another server may lead already.
            () = async { ended.await.unwrap_or(()); tokio::time::sleep(LAST_ANSWERS).await } => None,
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

/// The loop over what is stored, with a first token if there was none.
fn start(
    store: Box<dyn Store>,
    site: &Option<Source>,
    leases: &[Source],
    directory: &Path,
    plant: Box<dyn Plant>,
    clock: &Clock,
) -> Result<(Engine, Handle), ServeError> {
    let is_new = store.head().seq == 0;
    let mut loaded = engine::load(store, site.as_ref(), clock.now())?;
    if is_new {
        sign(&mut loaded, leases, clock.now())?;
    }
    let first = auth::bootstrap(directory, loaded.core.registry().tokens(), Clock::Wall.now())?;
    if let Some(event) = first {
        let now = clock.now().max(loaded.core.state().now);
        loaded.core.note(now, Fact::Token(event), &mut loaded.unsaved);
    }
    let begun = loaded.unsaved.take();
    if !begun.is_empty() {
        loaded.store.append(&begun)?;
    }
    Ok(Engine::new(loaded, plant, clock.clone()))
}

/// Signs the leases that a site begins with.
fn sign(loaded: &mut Loaded, leases: &[Source], now: Instant) -> Result<(), ServeError> {
    for source in leases {
        let terms = Terms::parse(source)
            .map_err(|problems| ServeError::Lease(source.name.clone(), count(&problems)))?;
        let input = Input::Sign(Box::new(terms));
        loaded
            .core
            .handle(now, &input, &mut NoPlant, &mut loaded.unsaved)
            .map_err(|refused| ServeError::Lease(source.name.clone(), refused.to_string()))?;
    }
    Ok(())
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
