//! `check --against`: new leases and amendments tried against signed leases.

use std::path::PathBuf;

use leasehold_allocator::plan_against;
use leasehold_lease::Lease;
use leasehold_site::Site;

use crate::failure::Failure;
use crate::input;
use crate::output::{counted, grouped};

/// The name of each lease of `asked`, and how it fits beside those of `signed`, which count first
/// whatever their dates. A later version of a signed lease is tried in the place of that lease.
pub fn says(
    sites: &[Site],
    signed: &[PathBuf],
    asked: &[PathBuf],
) -> Result<Vec<(String, String)>, Failure> {
    let [site] = sites else {
        let message = "`--against` takes one site, to see whether it can carry all";
        return Err(
            Failure::impossible(message).with_hint("give the site's file before `--against`")
        );
    };
    if asked.is_empty() {
        let message = "no lease was given to be tried against the signed ones";
        return Err(Failure::impossible(message).with_hint("give its file before `--against`"));
    }
    let together: Vec<PathBuf> = signed.iter().chain(asked).cloned().collect();
    let together = input::leases(&together, Some(site))?;
    let signed = input::leases(signed, Some(site))?;
    let (signed, asked): (Vec<Lease>, Vec<Lease>) =
        together.into_iter().partition(|lease| signed.contains(lease));
    let plan = plan_against(site, &signed, &asked, &[]).map_err(input::oversold)?;
    let others = counted(signed.len(), "signed lease");
    let line = |(lease, plan): (&Lease, &leasehold_allocator::LeasePlan)| {
        let most = plan.steps.iter().map(|step| step.gpus.get()).max().unwrap_or(0);
        let (most, last) = (grouped(most), lease.last_day());
        let says = format!("fits beside {others}, at most {most} GPUs, last day of service {last}");
        (lease.latest().id.to_string(), says)
    };
    Ok(asked.iter().zip(&plan.leases[signed.len()..]).map(line).collect())
}
