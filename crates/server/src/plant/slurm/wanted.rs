//! From holdings to what is wanted of Slurm.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_clusters::slurm::objects::{Ground, Lending, Wanted, WantedHolding, WantedParty};
use leasehold_clusters::slurm::read::SlurmConfig;
use leasehold_clusters::slurm::settings::Settings;
use leasehold_control::{Condition, Holding, LANDLORD, Node, State};
use leasehold_units::Seconds;

use super::names::Names;

/// What the state comes to in words of leases: every node of the site in exactly one holding.
pub fn wanted(state: &State, names: &Names, settings: &Settings, config: &SlurmConfig) -> Wanted {
    let mut nodes: BTreeMap<(usize, Ground), Vec<String>> = BTreeMap::new();
    let set_aside = state.substitutes.iter().filter(|(_, substitute)| !substitute.active);
    let set_aside: BTreeSet<u32> = set_aside.map(|(_, substitute)| substitute.node).collect();
    for (number, node) in (0..).zip(state.fleet.nodes()) {
        // Else Slurm starts there what waits next, as soon as who is there has left.
        let ground =
            if set_aside.contains(&number) { Ground::Reserve } else { ground(state, node) };
        let key = (state.fleet.pool_of(number), ground);
        nodes.entry(key).or_default().push(names.node(number).to_owned());
    }
    let holdings = nodes.into_iter().map(|((pool, ground), nodes)| {
        let lease = match &ground {
            Ground::Lease(id) => state.contracts.find(id),
            Ground::Own | Ground::Reserve => None,
        };
        let holder = lease.map_or(LANDLORD, |lease| {
            let entry = &state.contracts.leases[usize::from(lease)];
            entry.party
        });
        let gpus = nodes.len() as u64 * u64::from(state.fleet.pools[pool].gpus_per_node);
        WantedHolding {
            ground,
            pool: state.site.pools[pool].id.clone(),
            holder: state.parties[usize::from(holder)].id.clone(),
            nodes,
            gpus,
            lending: lease.and_then(|lease| lending(state, lease, pool)),
        }
    });
    Wanted {
        cluster: settings.cluster.clone().unwrap_or_else(|| config.cluster.clone()),
        landlord: state.site.landlord.clone(),
        holdings: holdings.collect(),
        parties: parties(state, settings),
        preemption: settings.preemption,
        kill_wait: config.kill_wait,
    }
}

/// On what ground a node is held. What takes no new work is nobody's to start on, whoever holds it.
fn ground(state: &State, node: &Node) -> Ground {
    let closed = node.draining
        || matches!(
            node.condition,
            Condition::Maintained | Condition::Curtailed | Condition::OutOfService
        );
    match state.fleet.partition(node.partition).role.holding {
        Holding::Lease(lease) if !closed => {
            Ground::Lease(state.contracts.leases[usize::from(lease)].terms().id.clone())
        }
        Holding::Own if !closed => Ground::Own,
        _ => Ground::Reserve,
    }
}

/// On what terms the landlord may borrow of a lease.
fn lending(state: &State, lease: u16, pool: usize) -> Option<Lending> {
    let entry = &state.contracts.leases[usize::from(lease)];
    let partition = state.fleet.partition(entry.partitions[pool]);
    partition.role.guest_vacate_seconds_max?;
    if state.lending != leasehold_control::Lending::Open {
        return None;
    }
    let turnover = Seconds::new(u64::from(state.fleet.pools[pool].turnover_seconds));
    Some(Lending { reclaim_bound: entry.reclaim_bound()?, turnover })
}

fn parties(state: &State, settings: &Settings) -> Vec<WantedParty> {
    let party = |id: &leasehold_units::PartyId| {
        let said = settings.parties.iter().find(|said| said.id == *id);
        WantedParty {
            id: id.clone(),
            accounts: said.map(|said| said.accounts.clone()).unwrap_or_default(),
            users: said.map(|said| said.users.clone()).unwrap_or_default(),
        }
    };
    state.parties.iter().map(|entry| party(&entry.id)).collect()
}
