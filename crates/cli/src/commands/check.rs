//! `check`: validates site, lease and scenario files together.

use std::path::PathBuf;

use leasehold_allocator::plan;
use leasehold_lease::Lease;
use leasehold_simulator::scenario::Loaded;
use leasehold_site::Site;
use serde::Serialize;

use super::against;
use crate::arguments::{self, Common};
use crate::failure::Failure;
use crate::input::{self, Kind};
use crate::output::{self, Align, Printable, Rows, grouped};

/// What was found in order. The JSON keys are a promise to other programs.
#[derive(Debug, Serialize)]
struct Checked {
    files: usize,
    checked: Vec<Line>,
}

/// One site, lease or scenario.
#[derive(Debug, Serialize)]
struct Line {
    kind: &'static str,
    id: String,
    says: String,
}

/// Checks and says what was checked.
pub fn run(asked: &arguments::Check, common: &Common) -> Result<(), Failure> {
    let mut by_kind: Vec<(Kind, PathBuf)> = Vec::new();
    for path in &asked.files {
        by_kind.push((input::kind(path)?, path.clone()));
    }
    let of = |kind: Kind| -> Vec<PathBuf> {
        let same = by_kind.iter().filter(|(other, _)| *other == kind);
        same.map(|(_, path)| path.clone()).collect()
    };
    let mut checked = Vec::new();
    let mut sites = Vec::new();
    for path in of(Kind::Site) {
        let site = input::site(&path)?;
        checked.push(site_line(&site));
        sites.push(site);
    }
    if asked.against.is_empty() {
        check_leases(&of(Kind::Lease), &sites, &mut checked)?;
    } else {
        let tried = against::says(&sites, &asked.against, &of(Kind::Lease))?;
        checked.extend(tried.into_iter().map(|(id, says)| Line { kind: "lease", id, says }));
    }
    for path in of(Kind::Scenario) {
        let loaded = Loaded::read(&path).map_err(|error| input::refused(&error))?;
        if sites.is_empty() {
            checked.push(site_line(&loaded.site));
            checked.extend(lease_lines(&loaded.site, &loaded.leases)?);
        }
        checked.push(Line {
            kind: "scenario",
            id: path.display().to_string(),
            says: format!("{} to {}", loaded.scenario.from, loaded.scenario.until),
        });
    }
    output::print(&Checked { files: asked.files.len() + asked.against.len(), checked }, common)
}

fn check_leases(paths: &[PathBuf], sites: &[Site], checked: &mut Vec<Line>) -> Result<(), Failure> {
    if paths.is_empty() {
        return Ok(());
    }
    match sites {
        [site] => {
            let leases = input::leases(paths, Some(site))?;
            checked.extend(lease_lines(site, &leases)?);
            Ok(())
        }
        [] => {
            for lease in input::leases(paths, None)? {
                let says = "well-formed; give its site too to see whether that can carry it";
                let id = lease.latest().id.to_string();
                checked.push(Line { kind: "lease", id, says: says.into() });
            }
            Ok(())
        }
        _ => {
            Err(Failure::impossible("leases are checked against one site, and several were given")
                .with_hint("check each site with its own leases"))
        }
    }
}

fn site_line(site: &Site) -> Line {
    let (gpus, nodes) = (grouped(site.gpus().get()), grouped(site.nodes().get()));
    Line { kind: "site", id: site.id.to_string(), says: format!("{gpus} GPUs in {nodes} nodes") }
}

/// One line a lease, once the site is known to carry all of them.
fn lease_lines(site: &Site, leases: &[Lease]) -> Result<Vec<Line>, Failure> {
    let plan = plan(site, leases).map_err(input::oversold)?;
    let lines = leases.iter().zip(&plan.leases).map(|(lease, plan)| {
        let most = plan.steps.iter().map(|step| step.gpus.get()).max().unwrap_or(0);
        let steps = output::counted(plan.steps.len(), "step");
        let says = format!(
            "{steps}, at most {} GPUs, last day of service {}",
            grouped(most),
            lease.last_day()
        );
        Line { kind: "lease", id: lease.latest().id.to_string(), says }
    });
    Ok(lines.collect())
}

impl Printable for Checked {
    fn table(&self) -> String {
        let mut rows =
            Rows::new(&[("ok", Align::Left), ("id", Align::Left), ("says", Align::Left)]);
        for line in &self.checked {
            rows.push(vec![line.kind.into(), line.id.clone(), line.says.clone()]);
        }
        format!("{}\nAll files are sound, and the site carries its leases.\n", rows.to_table())
    }

    fn csv(&self) -> String {
        let mut rows =
            Rows::new(&[("kind", Align::Left), ("id", Align::Left), ("says", Align::Left)]);
        for line in &self.checked {
            rows.push(vec![line.kind.into(), line.id.clone(), line.says.clone()]);
        }
        rows.to_csv()
    }
}
