//! `serve`: the live control plane, and the agent that runs jobs of this machine.

use std::collections::BTreeSet;
use std::fs;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use leasehold_clusters::local::{self, AgentConfig, CgroupBase, Spawn, TurnoverCommand};
use leasehold_diagnostics::Source;
use leasehold_ledger::SigningKey;
use leasehold_server::auth::oidc::{Oidc, OidcConfig};
use leasehold_server::clock::Clock;
use leasehold_server::limits::RateLimits;
use leasehold_server::net::{Address, ConnectionLimits, ListenOptions, Tls, TlsFiles};
use leasehold_server::plant::{
    LocalLogs, LocalOptions, LocalPlant, Logs, Plant, SimulatedPlant, SlurmOptions, SlurmPlant,
    SlurmStatus,
};
use leasehold_server::serve::{ServeOptions, serve};
use leasehold_simulator::scenario::{Loaded as Scenario, read_source};
use leasehold_simulator::workload::WorkloadError;
use leasehold_units::PartyId;

use crate::arguments::{self, ClusterName, Common, LogFormat, Switch};
use crate::failure::Failure;
use crate::files::{self, FileError};
use crate::{input, keys, output};

use super::slurm;

/// Bytes of each output of a job that are kept.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// How long what a job wrote is kept after its end.
const LOG_KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a turnover command may take; its own deadline is mostly sooner.
const TURNOVER_SECONDS_MAX: u32 = 3600;

/// Where everything is kept, if nothing is said.
const DATA: &str = "leasehold-data";

/// The same for a demonstration: it never touches what a real site keeps.
const DEMO_DATA: &str = "leasehold-demo";

/// Serves until it is told to stop.
pub fn run(asked: &arguments::Serve, common: &Common) -> Result<(), Failure> {
    log_to_stderr(asked.log, common);
    let default = if asked.clock.is_some() { DEMO_DATA } else { DATA };
    let data = asked.data.clone().unwrap_or_else(|| default.into());
    make_private(&data)?;
    let options = match asked.clock {
        Some(rate) => demo(asked, &data, rate, common)?,
        None => live(asked, &data, common)?,
    };
    let token = data.join(leasehold_server::auth::OPERATOR_TOKEN_FILE);
    let scheme = if asked.tls_cert.is_some() { "https" } else { "http" };
    let ready = |address: Option<SocketAddr>| {
        let place = address.map_or_else(|| asked.listen.clone(), |at| format!("{scheme}://{at}"));
        output::narrate(common, &format!("serving on {place}; its API is described at /api/docs/"));
        output::narrate(common, &format!("the first operator's token is in {}", token.display()));
    };
    serve(options, ready).map_err(|error| Failure::impossible(error.to_string()))
}

/// A site whose jobs run on this machine.
fn live(asked: &arguments::Serve, data: &Path, common: &Common) -> Result<ServeOptions, Failure> {
    let (site, leases) = plant_files(asked)?;
    let stored = || data.join("leasehold.db").display().to_string();
    let database = asked.database.clone().unwrap_or_else(stored);
    let key = asked.key.clone().unwrap_or_else(|| data.join("landlord.key"));
    let Runs { plant, logs, cluster } = match asked.cluster {
        ClusterName::Local => on_this_machine(asked, data)?,
        ClusterName::Slurm => under_slurm(asked, common)?,
    };
    Ok(ServeOptions {
        site,
        leases,
        backdated: asked.backdated,
        database: Some(database),
        directory: data.into(),
        party_tokens: Vec::new(),
        key: keys::load_or_make(&key, common)?,
        listen: listen(asked)?,
        issuers: issuers(asked.oidc.as_deref())?,
        plant,
        logs,
        cluster,
        clock: Clock::Wall,
        rates: rates(asked.rate_limit),
    })
}

/// What runs the jobs of a live site, and how it is looked at.
struct Runs {
    plant: Box<dyn Plant>,
    logs: Option<Box<dyn Logs>>,
    cluster: Option<SlurmStatus>,
}

fn on_this_machine(asked: &arguments::Serve, data: &Path) -> Result<Runs, Failure> {
    // The agent outlives this process and its working directory.
    let agent = std::path::absolute(data.join("agent"))
        .map_err(|error| FileError::Unwritable { path: data.into(), error })?;
    let plant = LocalPlant::new(LocalOptions {
        directory: agent.clone(),
        spawn: Some(agent_process(&agent, asked)?),
        user_prefix: asked.job_user_prefix.clone(),
    });
    let logs = LocalLogs { directory: agent };
    Ok(Runs { plant: Box::new(plant), logs: Some(Box::new(logs)), cluster: None })
}

fn under_slurm(asked: &arguments::Serve, common: &Common) -> Result<Runs, Failure> {
    let site = match &asked.site {
        Some(place) => Some(input::leases_on(&input::site_and_leases(place).0, &[])?.0),
        None => None,
    };
    let settings = slurm::settings(asked.slurm.as_deref(), site.as_ref())?;
    let cluster = slurm::cluster(&settings);
    let (version, config) = cluster.greet().map_err(|error| slurm::refused(&error))?;
    let does = if asked.enforce { "it is held to the leases" } else { "it is only watched" };
    let (name, enforces) = (config.cluster.clone(), asked.enforce);
    output::narrate(common, &format!("Slurm {version} of the cluster {name} answers; {does}"));
    let plant = SlurmPlant::new(cluster, SlurmOptions { settings, config, enforces });
    let cluster = Some(plant.status());
    Ok(Runs { plant: Box::new(plant), logs: None, cluster })
}

/// A scenario that is played on a clock of its own.
fn demo(
    asked: &arguments::Serve,
    data: &Path,
    rate: u32,
    common: &Common,
) -> Result<ServeOptions, Failure> {
    let place = asked.site.as_deref().unwrap_or(Path::new("."));
    let file = if place.is_dir() { place.join("scenario.toml") } else { place.into() };
    files::must_be_file(&file)?;
    let loaded = Scenario::read(&file).map_err(|error| input::refused(&error))?;
    let parties = parties(&loaded);
    tell_of_demo(&loaded, asked, data, &parties, common);
    let key = match &asked.key {
        Some(path) => keys::load_or_make(path, common)?,
        None => SigningKey::of_simulation(loaded.scenario.seed),
    };
    let impossible = |error: WorkloadError| Failure::impossible(error.to_string());
    let script = loaded.setting(0).map_err(impossible)?.script();
    let from = loaded.interval().from;
    Ok(ServeOptions {
        plant: Box::new(SimulatedPlant::new(script).map_err(impossible)?),
        site: Some(loaded.site_file),
        leases: loaded.lease_files,
        backdated: true,
        database: asked.database.clone(),
        directory: data.into(),
        party_tokens: parties.into_iter().collect(),
        key,
        listen: listen(asked)?,
        issuers: issuers(asked.oidc.as_deref())?,
        logs: None,
        cluster: None,
        clock: Clock::fast(from, rate),
        rates: rates(asked.rate_limit),
    })
}

fn rates(limit: Switch) -> RateLimits {
    match limit {
        Switch::On => RateLimits::default(),
        Switch::Off => RateLimits::unlimited(),
    }
}

/// Everybody who takes part, now or later.
fn parties(loaded: &Scenario) -> BTreeSet<PartyId> {
    let tenants = loaded.leases.iter().map(|lease| lease.latest().tenant.clone());
    let later = loaded.later.values().map(|terms| terms.tenant.clone());
    tenants.chain(later).chain([loaded.site.landlord.clone()]).collect()
}

fn tell_of_demo(
    loaded: &Scenario,
    asked: &arguments::Serve,
    data: &Path,
    parties: &BTreeSet<PartyId>,
    common: &Common,
) {
    let narrate = |line: &str| output::narrate(common, line);
    let (from, until) = (loaded.scenario.from, loaded.scenario.until);
    narrate(&format!(
        "a demonstration: the scenario plays from {from}, its workloads until {until}"
    ));
    if asked.database.is_none() {
        narrate(
            "nothing is kept, and there is no audit log; name a file with --database to have one",
        );
    }
    if asked.key.is_none() {
        narrate("documents are sealed with the key of a simulation, which anybody can make");
    }
    for party in parties {
        let token = data.join(leasehold_server::auth::party_token_file(party));
        narrate(&format!("the token of {party}'s admin is in {}", token.display()));
    }
}

/// Runs the agent of this machine; it never returns of its own accord.
pub fn agent(asked: &arguments::Agent) -> Result<(), Failure> {
    let turnover = asked.turnover.as_deref().map(|command| TurnoverCommand {
        argv: command.split_whitespace().map(str::to_owned).collect(),
        timeout_seconds: TURNOVER_SECONDS_MAX,
    });
    let config = AgentConfig {
        directory: asked.directory.clone(),
        scratch: asked.scratch.clone(),
        log_bytes_max: LOG_BYTES_MAX,
        log_keep: LOG_KEEP,
        turnover,
        cgroup: CgroupBase::Delegated,
    };
    match local::agent_main(config) {
        Ok(never) => match never {},
        Err(error) => Err(Failure::impossible(error.to_string())),
    }
}

/// Watches over one run.
pub fn agent_run(asked: &arguments::AgentRun) -> Result<(), Failure> {
    local::run_main(&asked.directory).map_err(|error| Failure::impossible(error.to_string()))
}

/// Becomes the command of a run.
pub fn agent_launch(asked: &arguments::AgentLaunch) -> ! {
    local::launch_main(&asked.directory, asked.supervisor)
}

fn log_to_stderr(format: LogFormat, common: &Common) {
    let wanted = std::env::var("LEASEHOLD_LOG")
        .unwrap_or_else(|_| if common.quiet { "error".into() } else { "info".into() });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(wanted))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// Makes the data directory, for its owner alone.
pub fn make_private(directory: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(directory)
        .map_err(|error| FileError::Unwritable { path: directory.into(), error }.into())
}

/// The site and the leases that the first start begins with.
fn plant_files(asked: &arguments::Serve) -> Result<(Option<Source>, Vec<Source>), Failure> {
    let Some(place) = &asked.site else { return Ok((None, Vec::new())) };
    let (site, mut leases) = input::site_and_leases(place);
    leases.extend(asked.leases.iter().cloned());
    let read = |path: &PathBuf| {
        files::must_be_file(path)?;
        read_source(path).map_err(|error| input::refused(&error))
    };
    // Their problems are told as by `check`, all at once.
    input::leases_on(&site, &leases)?;
    let leases: Result<Vec<Source>, Failure> = leases.iter().map(read).collect();
    Ok((Some(read(&site)?), leases?))
}

fn listen(asked: &arguments::Serve) -> Result<ListenOptions, Failure> {
    let address = match asked.listen.strip_prefix("unix:") {
        Some(path) => Address::Unix(path.into()),
        None => Address::Tcp(asked.listen.parse().map_err(|_| {
            let message = format!("{:?} is no address with a port", asked.listen);
            Failure::impossible(message).with_hint("write it like 127.0.0.1:7070 or unix:PATH")
        })?),
    };
    let tls = match (&asked.tls_cert, &asked.tls_key) {
        (Some(certificate), Some(key)) => {
            let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
            let tls = Tls::load(files);
            Some(tls.map_err(|error| Failure::impossible(error.to_string()))?)
        }
        _ => None,
    };
    let (insecure_listen, limits) = (asked.insecure_listen, ConnectionLimits::default());
    Ok(ListenOptions { address, tls, insecure_listen, limits })
}

fn issuers(file: Option<&Path>) -> Result<Vec<Oidc>, Failure> {
    let Some(path) = file else { return Ok(Vec::new()) };
    let text = files::read(path)?;
    let wrong = |error: String| Failure::impossible(format!("{}: {error}", path.display()));
    let config: OidcConfig = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(vec![Oidc::new(config).map_err(|error| wrong(error.to_string()))?])
}

fn agent_process(directory: &Path, asked: &arguments::Serve) -> Result<Spawn, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::impossible(format!("cannot find this program: {error}")))?;
    let mut args = vec!["agent".to_owned(), directory.display().to_string()];
    if let Some(turnover) = &asked.turnover {
        args.extend(["--turnover".to_owned(), turnover.clone()]);
    }
    if let Some(scratch) = &asked.scratch {
        let scratch = std::path::absolute(scratch)
            .map_err(|error| FileError::Unwritable { path: scratch.clone(), error })?;
        args.extend(["--scratch".to_owned(), scratch.display().to_string()]);
    }
    Ok(Spawn { program, args })
}
