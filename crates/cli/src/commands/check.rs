//! `check`: validates site, lease and scenario files together.

use leasehold_allocator::{
    LeasePlan, Shortfall, expected_shortfalls, plan, plan_against, remedy_on,
};
use leasehold_lease::Lease;
use leasehold_site::Site;
use leasehold_units::{Day, Money};
use serde::Serialize;

use crate::arguments::{self, Common};
use crate::failure::Failure;
use crate::input::{self, Inputs};
use crate::output::{self, Align, Printable, Rows, counted, grouped, money};
use crate::wire;

/// What was found in order. The JSON keys are a promise to other programs.
#[derive(Debug, Serialize)]
struct Checked {
    files: usize,
    checked: Vec<Line>,
}

/// One site, lease or scenario.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Site {
        id: String,
        gpus: u64,
        nodes: u64,
    },
    Lease {
        id: String,
        tenant: String,
        versions: usize,
        #[serde(serialize_with = "wire::day")]
        last_day: Day,
        currency: &'static str,
        #[serde(serialize_with = "wire::money")]
        total: Money,
        /// Where a late pool will leave it short.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        short: Vec<Short>,
        /// Known only where a site says what the terms buy.
        #[serde(flatten)]
        carried: Option<Carried>,
    },
    Scenario {
        file: String,
        #[serde(serialize_with = "wire::day")]
        from: Day,
        #[serde(serialize_with = "wire::day")]
        until: Day,
    },
}

/// Days on which a late pool leaves less than is granted, both included.
#[derive(Debug, Serialize)]
struct Short {
    #[serde(serialize_with = "wire::day")]
    from: Day,
    #[serde(serialize_with = "wire::day")]
    until: Day,
    gpus_granted: u64,
    gpus_delivered: u64,
    #[serde(serialize_with = "wire::day")]
    grace_until: Day,
    remedy: &'static str,
}

/// What the site carries of a lease.
#[derive(Debug, Serialize)]
struct Carried {
    steps: usize,
    gpus_max: u64,
    /// Signed leases that it was tried against.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<usize>,
}

impl Carried {
    fn of(plan: &LeasePlan) -> Self {
        let gpus_max = plan.steps.iter().map(|step| step.gpus.get()).max().unwrap_or(0);
        Self { steps: plan.steps.len(), gpus_max, beside: None }
    }
}

/// Checks and says what was checked.
pub fn run(asked: &arguments::Check, common: &Common) -> Result<(), Failure> {
    if !asked.against.is_empty() {
        let files = asked.files.len() + asked.against.len() + asked.hold.len();
        return output::print(&Checked { files, checked: tried(asked)? }, common);
    }
    let inputs = input::all(&asked.files)?;
    let checked = lines(&inputs).map_err(input::oversold)?;
    output::print(&Checked { files: asked.files.len(), checked }, common)
}

/// New leases and amendments, tried against signed leases, which count first whatever their dates. A
/// later version of a signed lease is tried in the place of that lease.
fn tried(asked: &arguments::Check) -> Result<Vec<Line>, Failure> {
    let held = input::lasting(&asked.hold, asked.as_of);
    let signed: Vec<_> = asked.against.iter().cloned().chain(held).collect();
    let tried = input::tried(&asked.files, &signed)?;
    let plan = plan_against(&tried.site, &tried.signed, &tried.asked, &[]);
    let plan = plan.map_err(input::oversold)?;
    let plans = &plan.leases[tried.signed.len()..];
    let lines = tried.asked.iter().zip(plans).map(|(lease, plan)| {
        let carried = Carried { beside: Some(tried.signed.len()), ..Carried::of(plan) };
        let short = expected_shortfalls(&tried.site, lease, plan);
        lease_line(lease, Some(carried), &short)
    });
    Ok(std::iter::once(site_line(&tried.site)).chain(lines).collect())
}

/// Sites, then leases, then scenarios; what a scenario brings along and was not given is told
/// ahead of it.
fn lines(inputs: &Inputs) -> Result<Vec<Line>, Vec<leasehold_allocator::Refusal>> {
    let mut lines: Vec<Line> = inputs.sites.iter().map(site_line).collect();
    match inputs.site() {
        Some(site) => lines.extend(lease_lines(site, &inputs.leases)?),
        None => lines.extend(inputs.leases.iter().map(|lease| lease_line(lease, None, &[]))),
    }
    for (path, loaded) in &inputs.scenarios {
        let brought = lease_lines(&loaded.site, &loaded.leases)?;
        for line in std::iter::once(site_line(&loaded.site)).chain(brought) {
            if !lines.iter().any(|told| told.named() == line.named()) {
                lines.push(line);
            }
        }
        let (from, until) = (loaded.scenario.from, loaded.scenario.until);
        lines.push(Line::Scenario { file: path.display().to_string(), from, until });
    }
    Ok(lines)
}

fn site_line(site: &Site) -> Line {
    Line::Site { id: site.id.to_string(), gpus: site.gpus().get(), nodes: site.nodes().get() }
}

fn lease_lines(
    site: &Site,
    leases: &[Lease],
) -> Result<Vec<Line>, Vec<leasehold_allocator::Refusal>> {
    let plan = plan(site, leases)?;
    let lines = leases.iter().zip(&plan.leases).map(|(lease, plan)| {
        lease_line(lease, Some(Carried::of(plan)), &expected_shortfalls(site, lease, plan))
    });
    Ok(lines.collect())
}

fn lease_line(lease: &Lease, carried: Option<Carried>, short: &[Shortfall]) -> Line {
    let total = lease.fixed_between(lease.first_day(), lease.last_day());
    Line::Lease {
        id: lease.latest().id.to_string(),
        tenant: lease.latest().tenant.to_string(),
        versions: lease.versions.len(),
        last_day: lease.last_day(),
        currency: total.currency().code(),
        total,
        short: short.iter().map(|short| Short::of(lease, short)).collect(),
        carried,
    }
}

impl Short {
    fn of(lease: &Lease, short: &Shortfall) -> Self {
        let days = short.days;
        let remedy = remedy_on(lease, days.from).expect("days are short where delivery is agreed");
        Self {
            from: days.from,
            until: days.until,
            gpus_granted: days.granted.get(),
            gpus_delivered: days.delivered.get(),
            grace_until: short.grace_until,
            remedy: remedy.key(),
        }
    }

    fn says(&self) -> String {
        let (delivered, granted) = (grouped(self.gpus_delivered), grouped(self.gpus_granted));
        let (from, until, remedy) = (self.from, self.until, self.remedy);
        let counts = if self.grace_until < from {
            format!("past the grace: {remedy}")
        } else {
            format!("grace through {}, then {remedy}", self.grace_until)
        };
        format!("short from {from} to {until}, {delivered} of {granted} GPUs ({counts})")
    }
}

impl Line {
    /// What it is, and its name.
    fn named(&self) -> (&'static str, &str) {
        match self {
            Self::Site { id, .. } => ("site", id),
            Self::Lease { id, .. } => ("lease", id),
            Self::Scenario { file, .. } => ("scenario", file),
        }
    }

    fn says(&self) -> String {
        match self {
            Self::Site { gpus, nodes, .. } => {
                format!("{} GPUs in {} nodes", grouped(gpus), grouped(nodes))
            }
            Self::Lease { last_day, currency, total, carried, .. } => {
                let carried = carried.as_ref().map_or_else(String::new, |carried| {
                    let steps = counted(carried.steps, "step");
                    let beside = carried.beside.map_or_else(String::new, |signed| {
                        format!("fits beside {}, ", counted(signed, "signed lease"))
                    });
                    format!("{beside}{steps}, at most {} GPUs, ", grouped(carried.gpus_max))
                });
                let total = money(*total);
                format!("{carried}last day of service {last_day}, fixed fees {currency} {total}")
            }
            Self::Scenario { from, until, .. } => format!("{from} to {until}"),
        }
    }

    /// Where late pools leave it short, one line each.
    fn shortfalls(&self) -> Vec<String> {
        match self {
            Self::Lease { short, .. } => short.iter().map(Short::says).collect(),
            Self::Site { .. } | Self::Scenario { .. } => Vec::new(),
        }
    }
}

impl Checked {
    fn rows(&self) -> Rows {
        let mut rows =
            Rows::new(&[("ok", Align::Left), ("id", Align::Left), ("says", Align::Left)]);
        for line in &self.checked {
            let (kind, name) = line.named();
            rows.push(vec![kind.into(), name.into(), line.says()]);
            // What a lease is short of stands below it.
            let below = |told: String| vec![String::new(), String::new(), told];
            line.shortfalls().into_iter().for_each(|told| rows.push(below(told)));
        }
        rows
    }

    /// One row for each thing, and for each of its shortfalls.
    fn csv_rows(&self) -> Rows {
        let mut rows =
            Rows::new(&[("kind", Align::Left), ("id", Align::Left), ("says", Align::Left)]);
        for line in &self.checked {
            let (kind, name) = line.named();
            for told in std::iter::once(line.says()).chain(line.shortfalls()) {
                rows.push(vec![kind.into(), name.into(), told]);
            }
        }
        rows
    }

    /// No more than what was checked.
    fn verdict(&self) -> &'static str {
        let mut leases = self.checked.iter().filter_map(|line| match line {
            Line::Lease { carried, .. } => Some(carried.is_some()),
            Line::Site { .. } | Line::Scenario { .. } => None,
        });
        match leases.next() {
            None => "All files are sound.",
            Some(true) if leases.all(|carried| carried) => {
                "All files are sound, and the site carries its leases."
            }
            Some(_) => {
                "All files are sound; whether a site carries the leases shows when it is given too."
            }
        }
    }
}

impl Printable for Checked {
    fn table(&self) -> String {
        format!("{}\n{}\n", self.rows().to_table(), self.verdict())
    }

    fn csv(&self) -> String {
        self.csv_rows().to_csv()
    }
}
