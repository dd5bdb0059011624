//! The file `slurm.toml`: how a site's names and Slurm's go together.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use leasehold_diagnostics::{Document, Field, Problem, Source, Table, did_you_mean};
use leasehold_site::Site;
use leasehold_units::{PartyId, PoolId, Seconds};

use super::{command, hostlist};

/// What slurm.toml says. An empty file is a valid one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Slurm's name of the cluster; absent: whichever answers.
    pub cluster: Option<String>,
    /// Directory of Slurm's commands; absent: wherever PATH finds them.
    pub binaries: Option<PathBuf>,
    /// Names of nodes that differ from the site's.
    pub pools: Vec<PoolNodes>,
    /// What is said of parties.
    pub parties: Vec<PartyNames>,
    /// Who pushes the landlord's jobs out.
    pub preemption: Preemption,
    /// How often Slurm is asked.
    pub poll: Seconds,
}

/// Slurm's names of a pool's nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolNodes {
    /// The pool.
    pub id: PoolId,
    /// One name a node, in the order of the site's node numbers.
    pub nodes: Vec<String>,
}

/// Slurm's names of a party's accounts and users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyNames {
    /// The party.
    pub id: PartyId,
    /// Accounts that exist, are the party's, and are used but never changed. Empty: one is made that is named as the party.
    pub accounts: Vec<String>,
    /// Users who may use the account that is made.
    pub users: Vec<String>,
}

/// Who makes borrowers leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preemption {
    /// Leasehold chooses whom and tells Slurm to put exactly those back.
    Leasehold,
    /// Slurm's own, by QOS.
    Slurm,
}

/// How often Slurm is asked where the file is silent.
const POLL: Seconds = Seconds::new(1);

/// Least and most seconds between two polls: more often is of no use, and less often makes a reclaim late.
const POLL_RANGE: std::ops::RangeInclusive<u64> = 1..=300;

const NAME: &str =
    "a name of letters, digits, `-`, `_` and `.`, in small letters as Slurm keeps it";

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster: None,
            binaries: None,
            pools: Vec::new(),
            parties: Vec::new(),
            preemption: Preemption::Leasehold,
            poll: POLL,
        }
    }
}

impl Settings {
    /// Reads slurm.toml for `site`.
    ///
    /// # Errors
    /// All its problems.
    pub fn parse(source: &Source, site: &Site) -> Result<Self, Vec<Problem>> {
        let document = Document::parse(source);
        let settings = read(&document.root(), site);
        let problems = document.into_problems();
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// Slurm's name of each node, in the order of the site's node numbers.
    pub fn node_names(&self, site: &Site) -> Vec<String> {
        let of_pool =
            |pool: &leasehold_site::Pool| match self.pools.iter().find(|p| p.id == pool.id) {
                Some(named) => named.nodes.clone(),
                None => pool.node_range().map(|node| site.node_name(node)).collect(),
            };
        site.pools.iter().flat_map(of_pool).collect()
    }

    /// What is said of a party, if anything is.
    pub fn party(&self, id: &PartyId) -> Option<&PartyNames> {
        self.parties.iter().find(|party| party.id == *id)
    }
}

fn read(root: &Table<'_>, site: &Site) -> Settings {
    let cluster = root.text("cluster", "not-a-slurm-name", NAME, slurm_name);
    let binaries = root.string("binaries");
    let preemption = root.choice(
        "preemption",
        &[("leasehold", Preemption::Leasehold), ("slurm", Preemption::Slurm)],
    );
    let poll = read_poll(root);
    let mut taken = Taken::default();
    let pools = root.tables("pool");
    let pools: Vec<PoolNodes> =
        pools.iter().filter_map(|table| read_pool(table, site, &mut taken)).collect();
    let parties = root.tables("party");
    let parties: Vec<PartyNames> =
        parties.iter().filter_map(|table| read_party(table, &mut taken)).collect();
    root.finish();
    Settings {
        cluster: cluster.map(|field| field.value),
        binaries: binaries.map(|field| field.value.into()),
        pools,
        parties,
        preemption: preemption.map_or(Preemption::Leasehold, |field| field.value),
        poll,
    }
}

/// Names that were given so far, each to one only.
#[derive(Default)]
struct Taken(BTreeSet<(&'static str, String)>);

impl Taken {
    /// Takes `name`, and reports it if it was taken before; whether it was not.
    fn take(
        &mut self,
        table: &Table<'_>,
        kind: &'static str,
        name: &str,
        span: &Range<usize>,
    ) -> bool {
        let first = self.0.insert((kind, name.to_owned()));
        if !first {
            let message = format!("{kind} {name} is named before");
            let expected = format!("each {kind} once");
            table.report("named-twice", span.clone(), message, &expected);
        }
        first
    }
}

fn read_poll(root: &Table<'_>) -> Seconds {
    let Some(poll) = root.seconds("poll") else { return POLL };
    if !POLL_RANGE.contains(&poll.value.get()) {
        let message = format!("`poll` is {}", poll.value);
        root.report("poll-range", poll.span, message, "a length from \"1 s\" to \"5 min\"");
    }
    poll.value
}

fn read_pool(table: &Table<'_>, site: &Site, taken: &mut Taken) -> Option<PoolNodes> {
    let ids: Vec<&str> = site.pools.iter().map(|pool| pool.id.as_str()).collect();
    let expected = "a pool of the site file";
    let id = table.text_or_help("id", "unknown-pool", expected, |text| {
        let pool = site.pools.iter().find(|pool| pool.id.as_str() == text);
        pool.ok_or_else(|| did_you_mean(text, ids.iter().copied()))
    });
    let pool = table.required("id", id, expected);
    let expected = "a list of hosts such as \"gpu[001-064]\"";
    let nodes = table.text_or_help("nodes", "not-a-host-list", expected, |text| {
        hostlist::expand(text).map_err(|error| Some(error.to_string()))
    });
    let nodes = table.required("nodes", nodes, expected);
    table.finish();
    let (id, nodes) = (pool?, nodes?);
    let pool = id.value;
    taken.take(table, "pool", pool.id.as_str(), &id.span);
    // The first one says enough: the list is mended as a whole.
    nodes.value.iter().all(|node| taken.take(table, "node", node, &nodes.span));
    let (named, count) = (nodes.value.len(), pool.nodes() as usize);
    if named != count {
        let message = format!("`nodes` names {named} hosts");
        let expected = format!("{count}, as many as pool {} has nodes", pool.id);
        table.report("as-many-hosts-as-nodes", nodes.span, message, &expected);
    }
    Some(PoolNodes { id: pool.id.clone(), nodes: nodes.value })
}

fn read_party(table: &Table<'_>, taken: &mut Taken) -> Option<PartyNames> {
    let id = table.required("id", table.name("id", PartyId::new), "the party's name");
    let accounts = names(table, "accounts");
    let users = names(table, "users");
    if let (false, Some(users)) = (accounts.is_empty(), users.first()) {
        let message = "`users` are named beside `accounts`".to_owned();
        let expected = "one of the two: accounts that exist have their users already";
        table.report("users-or-accounts", users.span.clone(), message, expected);
    }
    table.finish();
    let id = id?;
    taken.take(table, "party", id.value.as_str(), &id.span);
    for name in &accounts {
        taken.take(table, "account", &name.value, &name.span);
    }
    let plain = |fields: Vec<Field<String>>| fields.into_iter().map(|field| field.value).collect();
    Some(PartyNames { id: id.value, accounts: plain(accounts), users: plain(users) })
}

/// A list of names that Slurm takes; others are reported and left out.
fn names(table: &Table<'_>, key: &'static str) -> Vec<Field<String>> {
    let mut names = table.strings(key).unwrap_or_default();
    names.retain(|name| {
        let fine = slurm_name(&name.value).is_some();
        if !fine {
            let message = format!("`{key}` has {:?} in it", name.value);
            table.report("not-a-slurm-name", name.span.clone(), message, NAME);
        }
        fine
    });
    names
}

/// Slurm's database folds names to small letters, so others would never be found again.
fn slurm_name(text: &str) -> Option<String> {
    let small = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (small && command::word(text).is_ok()).then(|| text.to_owned())
}
