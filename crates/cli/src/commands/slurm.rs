//! `slurm`: what leases come to on a Slurm cluster, and how it stands.

use std::path::Path;

use leasehold_clusters::slurm::SlurmError;
use leasehold_clusters::slurm::calls;
use leasehold_clusters::slurm::cluster::Cluster;
use leasehold_clusters::slurm::command::SystemSlurm;
use leasehold_clusters::slurm::difference::Difference;
use leasehold_clusters::slurm::settings::Settings;
use leasehold_control::Control;
use leasehold_diagnostics::Source;
use leasehold_server::clock::Clock;
use leasehold_server::plant::{Names, wanted};
use leasehold_simulator::scenario::LoadError;
use leasehold_site::Site;
use leasehold_units::Seconds;
use serde::Serialize;

use crate::arguments::{self, Common, Slurm};
use crate::failure::Failure;
use crate::files;
use crate::input;
use crate::live::columns::{Column, number, text};
use crate::live::{self, Ask, print};
use crate::output::{self, Printable};

/// A command of Slurm that takes longer is killed.
const COMMAND_LIMIT: Seconds = Seconds::new(60);

const STATUS: [Column; 6] = [
    text("cluster", "cluster"),
    text("leases", "leases"),
    text("seen", "seen"),
    number("different", "differences"),
    number("not booked", "troubles"),
    number("told to leave", "told_to_leave"),
];

/// Does what was asked.
pub fn run(asked: &Slurm, common: &Common) -> Result<(), Failure> {
    match asked {
        Slurm::Plan(asked) => plan(asked, common),
        Slurm::Status(watch) => {
            let client = live::client(common)?;
            print::show(&client, &Ask::get("/cluster"), &STATUS, live_details, *watch, common)
        }
    }
}

/// What of a live cluster's status does not fit a row.
fn live_details(answer: &serde_json::Value) -> String {
    let texts = |member: &str| -> Vec<String> {
        let lines = answer[member].as_array().into_iter().flatten();
        lines.filter_map(|line| line.as_str().map(str::to_owned)).collect()
    };
    let mut details: Vec<String> = ["unseen", "unheld"]
        .into_iter()
        .filter_map(|member| answer[member].as_str())
        .map(|why| format!("error: {why}"))
        .collect();
    details.extend(texts("concerns").into_iter().map(|text| format!("concern: {text}")));
    details.extend(texts("difference"));
    let drifts = answer["drifts"].as_array().into_iter().flatten();
    details.extend(drifts.map(|drift| {
        let of = |member: &str| drift[member].as_str().unwrap_or_default().to_owned();
        let mended = drift["mended"].as_str();
        let mended = mended.map_or("not set back yet".into(), |at| format!("set back by {at}"));
        format!(
            "changed by hand, found {}: {}: {}; {mended}",
            of("found"),
            of("object"),
            of("what")
        )
    }));
    let troubles = answer["not_booked"].as_array().into_iter().flatten();
    details.extend(troubles.map(|trouble| {
        let of = |member: &str| trouble[member].as_str().unwrap_or_default().to_owned();
        format!("job {} is not booked: {}", of("job"), of("why"))
    }));
    let otherwise = answer["booked_otherwise"].as_array().into_iter().flatten();
    details.extend(otherwise.map(|run| {
        let of = |member: &str| run[member].as_str().unwrap_or_default().to_owned();
        let seconds = |member: &str| run[member].as_u64().unwrap_or_default();
        let (recorded, booked) = (seconds("recorded_gpu_seconds"), seconds("booked_gpu_seconds"));
        let (job, since, why) = (of("job"), of("since"), of("why"));
        format!(
            "job {job} from {since} on: {recorded} GPU-seconds on record, {booked} booked: {why}"
        )
    }));
    details.iter().map(|line| format!("{line}\n")).collect()
}

/// What leases come to, and how that differs from what is there.
#[derive(Debug, Serialize)]
struct Plan {
    cluster: String,
    version: String,
    /// What of the configuration does not go with leases or is good to know, and what Slurm cannot give.
    concerns: Vec<String>,
    is_as_wanted: bool,
    difference: Difference,
    #[serde(skip)]
    lines: Vec<String>,
    commands: Vec<String>,
    #[serde(skip)]
    shows_commands: bool,
}

impl Printable for Plan {
    fn table(&self) -> String {
        let concern = |text: &String| match self.shows_commands {
            true => format!("# {text}\n"),
            false => format!("concern: {text}\n"),
        };
        let mut table: String = self.concerns.iter().map(concern).collect();
        let lines = if self.shows_commands { &self.commands } else { &self.lines };
        table.extend(lines.iter().map(|line| format!("{line}\n")));
        if self.is_as_wanted && !self.shows_commands {
            table.push_str("nothing is to be done\n");
        }
        table
    }

    fn csv(&self) -> String {
        self.table()
    }
}

fn plan(asked: &arguments::SlurmPlan, common: &Common) -> Result<(), Failure> {
    let (file, mut leases) = input::site_and_leases(&asked.site);
    leases.extend(asked.leases.iter().cloned());
    let (site, leases) = input::leases_on(&file, &leases)?;
    let settings = settings(asked.slurm.as_deref(), Some(&site))?;
    let cluster = cluster(&settings);
    let (version, config) = cluster.greet().map_err(|error| refused(&error))?;
    if asked.remove {
        let name = settings.cluster.as_ref().unwrap_or(&config.cluster);
        let removal = cluster.removal(name).map_err(|error| refused(&error))?;
        return output::print(&Removal::of(&removal), common);
    }
    let now = Clock::Wall.now();
    let names =
        Names::new(&settings, &site).map_err(|error| Failure::impossible(error.to_string()))?;
    let mut control = Control::new(site, leases, now).map_err(input::oversold)?;
    control
        .settle(now, &mut |_, _, _| {})
        .map_err(|violation| Failure::impossible(violation.to_string()))?;
    let wanted = wanted(control.state(), &names, &settings, &config);
    let standing = cluster
        .compare(&wanted, None, now)
        .map_err(|error| Failure::impossible(error.to_string()).with_hint(error.advice()))?;
    let has = |node: &str| names.number(node).is_some();
    let concerns = config.concerns(settings.preemption, &has).into_iter();
    let plan = Plan {
        cluster: config.cluster,
        version: version.to_string(),
        concerns: concerns.chain(standing.notes()).collect(),
        is_as_wanted: standing.is_as_wanted(),
        difference: standing.difference().clone(),
        lines: standing.lines(),
        commands: standing.commands(),
        shows_commands: asked.commands,
    };
    output::print(&plan, common)
}

/// What takes away all that Leasehold made.
#[derive(Debug, Serialize)]
struct Removal {
    commands: Vec<String>,
    waiting: Vec<String>,
}

impl Removal {
    fn of(removal: &calls::Removal) -> Self {
        let commands = removal.calls.iter().map(ToString::to_string).collect();
        Self { commands, waiting: removal.waiting.clone() }
    }
}

impl Printable for Removal {
    fn table(&self) -> String {
        let waits = self.waiting.iter().map(|text| format!("# waits: {text}\n"));
        waits.chain(self.commands.iter().map(|line| format!("{line}\n"))).collect()
    }

    fn csv(&self) -> String {
        self.table()
    }
}

/// What slurm.toml says of a site, if there is one.
pub fn settings(file: Option<&Path>, site: Option<&Site>) -> Result<Settings, Failure> {
    let Some((path, site)) = file.zip(site) else { return Ok(Settings::default()) };
    let source = Source::new(path.display().to_string(), files::read(path)?);
    Settings::parse(&source, site)
        .map_err(|problems| input::refused(&LoadError::Problems(vec![(source, problems)])))
}

/// The cluster that this machine's commands speak with.
pub fn cluster(settings: &Settings) -> Cluster {
    let binaries = settings.binaries.clone();
    Cluster::new(Box::new(SystemSlurm { binaries, conf: None, limit: COMMAND_LIMIT }))
}

/// What went wrong with Slurm, and what to do.
pub fn refused(error: &SlurmError) -> Failure {
    Failure::impossible(error.to_string()).with_hint(error.advice())
}
