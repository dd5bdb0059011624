//! What a site's nodes and parties are called in Slurm.

use std::collections::BTreeMap;

use leasehold_clusters::slurm::settings::Settings;
use leasehold_control::{Party, State};
use leasehold_site::Site;

/// What a site's nodes and parties are called in Slurm.
#[derive(Debug, Clone)]
pub struct Names {
    /// By the site's number.
    nodes: Vec<String>,
    numbers: BTreeMap<String, u32>,
    /// Parties by their accounts, where that is said.
    accounts: BTreeMap<String, String>,
}

/// Why names do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// A pool that the site does not have.
    #[error("slurm.toml names a pool {0}, which the site does not have")]
    UnknownPool(String),
    /// More or fewer names than nodes.
    #[error("slurm.toml names {named} nodes for pool {pool}, which has {nodes}")]
    Count {
        /// The pool.
        pool: String,
        /// Names.
        named: usize,
        /// Nodes.
        nodes: u32,
    },
    /// A name twice.
    #[error("slurm.toml names the node {0} twice")]
    Twice(String),
}

impl Names {
    /// The names that `settings` give to `site`: where they say nothing, its own.
    ///
    /// # Errors
    /// Where they are not of this site.
    pub fn new(settings: &Settings, site: &Site) -> Result<Self, NamesError> {
        let count = site.pools.last().map_or(0, |pool| pool.node_range().end);
        let mut nodes: Vec<String> = (0..count).map(|number| site.node_name(number)).collect();
        for named in &settings.pools {
            let pool = site.pools.iter().find(|pool| pool.id == named.id);
            let pool = pool.ok_or_else(|| NamesError::UnknownPool(named.id.to_string()))?;
            if named.nodes.len() != pool.nodes() as usize {
                let (pool, nodes) = (pool.id.to_string(), pool.nodes());
                return Err(NamesError::Count { pool, named: named.nodes.len(), nodes });
            }
            let range = pool.node_range();
            nodes[range.start as usize..range.end as usize].clone_from_slice(&named.nodes);
        }
        let mut numbers = BTreeMap::new();
        for (number, name) in (0..).zip(&nodes) {
            if numbers.insert(name.clone(), number).is_some() {
                return Err(NamesError::Twice(name.clone()));
            }
        }
        let said = settings.parties.iter().flat_map(|party| {
            party.accounts.iter().map(|account| (account.to_lowercase(), party.id.to_string()))
        });
        Ok(Self { accounts: said.collect(), nodes, numbers })
    }

    /// Slurm's name of a node.
    pub fn node(&self, number: u32) -> &str {
        &self.nodes[number as usize]
    }

    /// The site's number of a node of Slurm, if it is one of its own.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The party whose jobs an account has: the one that slurm.toml says, else the one of that name, unless slurm.toml
    /// names other accounts for it.
    pub fn party(&self, account: &str, state: &State) -> Option<Party> {
        let said = self.accounts.get(account).map(String::as_str);
        let is_it = |id: &str| match said {
            Some(said) => id == said,
            None => {
                id.eq_ignore_ascii_case(account) && !self.accounts.values().any(|named| named == id)
            }
        };
        let place = state.parties.iter().position(|party| is_it(party.id.as_str()))?;
        Party::try_from(place).ok()
    }
}
