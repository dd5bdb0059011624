//! The file `slurm.toml`: how a site's names and Slurm's go together.

use std::collections::BTreeMap;
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
    let pools: Vec<PoolNodes> =
        root.tables("pool").iter().filter_map(|table| read_pool(table, site)).collect();
    let parties: Vec<PartyNames> = root.tables("party").iter().filter_map(read_party).collect();
    root.finish();
    let settings = Settings {
        cluster: cluster.map(|field| field.value),
        binaries: binaries.map(|field| field.value.into()),
        pools,
        parties,
        preemption: preemption.map_or(Preemption::Leasehold, |field| field.value),
        poll,
    };
    check_apart(root, &settings, site);
    settings
}

fn read_poll(root: &Table<'_>) -> Seconds {
    let Some(poll) = root.seconds("poll") else { return POLL };
    if !POLL_RANGE.contains(&poll.value.get()) {
        let message = format!("`poll` is {}", poll.value);
        root.report("poll-range", poll.span, message, "a length from \"1 s\" to \"5 min\"");
    }
    poll.value
}

fn read_pool(table: &Table<'_>, site: &Site) -> Option<PoolNodes> {
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
    let (pool, nodes) = (pool?.value, nodes?);
    let (named, count) = (nodes.value.len(), pool.nodes() as usize);
    if named != count {
        let message = format!("`nodes` names {named} hosts");
        let expected = format!("{count}, as many as pool {} has nodes", pool.id);
        table.report("as-many-hosts-as-nodes", nodes.span, message, &expected);
    }
    Some(PoolNodes { id: pool.id.clone(), nodes: nodes.value })
}

fn read_party(table: &Table<'_>) -> Option<PartyNames> {
    let id = table.required("id", table.name("id", PartyId::new), "the party's name");
    let accounts = names(table, "accounts");
    let users = names(table, "users");
    if let (false, Some(users)) = (accounts.is_empty(), users.first()) {
        let message = "`users` are named beside `accounts`".to_owned();
        let expected = "one of the two: accounts that exist have their users already";
        table.report("users-or-accounts", users.span.clone(), message, expected);
    }
    table.finish();
    let plain = |fields: Vec<Field<String>>| fields.into_iter().map(|field| field.value).collect();
    Some(PartyNames { id: id?.value, accounts: plain(accounts), users: plain(users) })
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

/// Each pool and party once, each node and account with one of them.
fn check_apart(root: &Table<'_>, settings: &Settings, site: &Site) {
    let report = |rule, message: String, expected: &str| {
        root.report(rule, root.span.clone(), message, expected);
    };
    let pools = settings.pools.iter().map(|pool| pool.id.as_str());
    for name in twice(pools) {
        report("duplicate-name", format!("pool {name} is named twice"), "each pool once");
    }
    let parties = settings.parties.iter().map(|party| party.id.as_str());
    for name in twice(parties) {
        report("duplicate-name", format!("party {name} is named twice"), "each party once");
    }
    let accounts = settings.parties.iter().flat_map(|party| party.accounts.iter());
    for name in twice(accounts.map(String::as_str)) {
        report(
            "account-of-two",
            format!("account {name} is named twice"),
            "each account with one party",
        );
    }
    if !settings.pools.is_empty() {
        let names = settings.node_names(site);
        for name in twice(names.iter().map(String::as_str)).into_iter().take(10) {
            report(
                "node-of-two",
                format!("two nodes are named {name}"),
                "a name of its own for each node",
            );
        }
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}
