//! A Slurm in memory that takes the commands of a plan and refuses what 22.05 refuses: reservations that overlap, the deletion of
//! one in use, accounts and reservations that are not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use leasehold_clusters::slurm::difference::Found;
use leasehold_clusters::slurm::hostlist;
use leasehold_clusters::slurm::read::{AccountRow, AssociationRow, QosRow, SlurmReservation};
use leasehold_clusters::slurm::{Program, Slurm, SlurmError};
use leasehold_units::Instant;

/// The present of all tests.
pub const NOW: Instant = Instant::from_unix(1_800_000_000);

/// A year later.
const END: Instant = Instant::from_unix(1_800_000_000 + 365 * 86_400);

#[derive(Default)]
pub struct Fake {
    pub found: Mutex<Found>,
}

impl Fake {
    pub fn found(&self) -> Found {
        self.found.lock().expect("one thread").clone()
    }

    /// Changes something by hand.
    pub fn by_hand(&self, change: impl FnOnce(&mut Found)) {
        change(&mut self.found.lock().expect("one thread"));
    }
}

impl Slurm for Fake {
    fn run(
        &self,
        program: Program,
        words: &[String],
        _: Option<&str>,
    ) -> Result<String, SlurmError> {
        let mut found = self.found.lock().expect("one thread");
        let verbs: Vec<&str> =
            words.iter().map(String::as_str).filter(|word| !word.contains('=')).collect();
        let values: BTreeMap<String, &str> = words
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(key, value)| (key.to_lowercase(), value))
            .collect();
        let done = match (program, verbs.as_slice()) {
            (Program::Sacctmgr, ["-i", "add", "qos"]) => add_qos(&mut found, &values),
            (Program::Sacctmgr, ["-i", "modify", "qos", "where", "set"]) => {
                change_qos(&mut found, &values)
            }
            (Program::Sacctmgr, ["-i", "add", "account"]) => add_account(&mut found, &values),
            (Program::Sacctmgr, ["-i", "modify", what, "where", "set"]) => {
                change_association(&mut found, what, &values)
            }
            (Program::Sacctmgr, ["-i", "add", "user"]) => add_users(&mut found, &values),
            (Program::Scontrol, ["create", "reservation"]) => create(&mut found, &values),
            (Program::Scontrol, ["update"]) => update(&mut found, &values),
            (Program::Scontrol, ["delete"]) => delete(&mut found, &values),
            _ => Err("unknown command".to_owned()),
        };
        done.map(|()| String::new())
            .map_err(|said| SlurmError::Refused { command: words.join(" "), said })
    }
}

type Values<'a> = BTreeMap<String, &'a str>;
type Done = Result<(), String>;

fn list(text: &str) -> Vec<String> {
    let mut words: Vec<String> =
        text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort();
    words
}

fn set_qos(found: &mut Found, name: &str, values: &Values<'_>) -> Done {
    let preempt = values.get("preempt").map(|text| list(text));
    if preempt.iter().flatten().any(|other| !found.qos.contains_key(other)) {
        return Err("unknown QOS".into());
    }
    let row = found.qos.get_mut(name).ok_or("Nothing modified")?;
    if let Some(tres) = values.get("grptres") {
        let count = tres.strip_prefix("gres/gpu=").ok_or("bad TRES")?;
        row.gpus = count.parse().ok();
    }
    if let Some(priority) = values.get("priority") {
        row.priority = priority.parse().map_err(|_| "bad priority")?;
    }
    if let Some(preempt) = preempt {
        row.preempt = preempt;
    }
    if let Some(mode) = values.get("preemptmode") {
        row.preempt_mode = (*mode).to_owned();
    }
    if values.get("flags") == Some(&"-1") {
        row.flags.clear();
    }
    if let Some(grace) = values.get("gracetime") {
        row.grace = grace.parse().map_err(|_| "bad grace")?;
    }
    Ok(())
}

fn add_qos(found: &mut Found, values: &Values<'_>) -> Done {
    for name in list(values["name"]) {
        let row = QosRow {
            name: name.clone(),
            description: values["description"].to_owned(),
            priority: 0,
            flags: Vec::new(),
            gpus: None,
            preempt: Vec::new(),
            preempt_mode: "cluster".into(),
            grace: 0,
        };
        found.qos.insert(name.clone(), row);
        set_qos(found, &name, values)?;
    }
    Ok(())
}

fn change_qos(found: &mut Found, values: &Values<'_>) -> Done {
    set_qos(found, values["name"], values)
}

fn association(cluster: &str, account: &str, user: Option<&str>, qos: &str) -> AssociationRow {
    AssociationRow {
        cluster: cluster.to_owned(),
        account: account.to_owned(),
        user: user.map(str::to_owned),
        partition: None,
        qos: list(qos),
        default_qos: Some(qos.to_owned()),
    }
}

fn add_account(found: &mut Found, values: &Values<'_>) -> Done {
    let (name, qos) = (values["name"], values["qos"]);
    if found.accounts.contains_key(name) {
        return Err("Nothing new added.".into());
    }
    if !found.qos.contains_key(qos) {
        return Err("unknown QOS".into());
    }
    let row = AccountRow {
        name: name.to_owned(),
        description: values["description"].to_owned(),
        organization: values["organization"].to_owned(),
    };
    found.accounts.insert(name.to_owned(), row);
    found.associations.push(association(values["cluster"], name, None, qos));
    Ok(())
}

fn change_association(found: &mut Found, what: &str, values: &Values<'_>) -> Done {
    let (account, user) = match what {
        "user" => (values["account"], Some(values["name"])),
        _ => (values["name"], None),
    };
    let row = found
        .associations
        .iter_mut()
        .find(|row| row.account == account && row.user.as_deref() == user);
    let row = row.ok_or("Nothing modified")?;
    row.qos = list(values["qos"]);
    row.default_qos = Some(values["defaultqos"].to_owned());
    Ok(())
}

fn add_users(found: &mut Found, values: &Values<'_>) -> Done {
    let account = values["account"];
    let parent = found.association(account, None).ok_or("no such account")?;
    let qos = parent.default_qos.clone().unwrap_or_default();
    for user in list(values["name"]) {
        found.associations.push(association(values["cluster"], account, Some(&user), &qos));
    }
    Ok(())
}

fn check_nodes(found: &Found, name: &str, nodes: &[String]) -> Done {
    let others = found.reservations.iter().filter(|other| other.name != name);
    let taken: BTreeSet<&String> = others.flat_map(|other| &other.nodes).collect();
    if nodes.is_empty() {
        return Err("no nodes".into());
    }
    if nodes.iter().any(|node| taken.contains(node)) {
        return Err("Requested reservation overlaps with another reservation".into());
    }
    Ok(())
}

fn check_accounts(found: &Found, accounts: &[String]) -> Done {
    if accounts.iter().all(|account| found.association(account, None).is_some()) {
        return Ok(());
    }
    Err("Invalid account or account/partition combination specified".into())
}

fn create(found: &mut Found, values: &Values<'_>) -> Done {
    let name = values["reservationname"];
    let nodes = hostlist::expand(values["nodes"]).map_err(|error| error.to_string())?;
    let accounts = list(values.get("accounts").unwrap_or(&""));
    check_nodes(found, name, &nodes)?;
    check_accounts(found, &accounts)?;
    if found.reservation(name).is_some() {
        return Err("Duplicate reservation name".into());
    }
    assert_eq!((values["starttime"], values["duration"]), ("now", "UNLIMITED"));
    let mut flags = list(values["flags"]);
    flags.push("SPEC_NODES".into());
    let users = list(values.get("users").unwrap_or(&""));
    let name = name.to_owned();
    found.reservations.push(SlurmReservation {
        name,
        start: NOW,
        end: END,
        nodes,
        accounts,
        users,
        flags,
    });
    Ok(())
}

fn update(found: &mut Found, values: &Values<'_>) -> Done {
    let name = values["reservationname"];
    if let Some(nodes) = values.get("nodes") {
        check_nodes(found, name, &hostlist::expand(nodes).map_err(|error| error.to_string())?)?;
    }
    let accounts = values.get("accounts").map(|text| list(text));
    check_accounts(found, accounts.as_deref().unwrap_or_default())?;
    let row = found.reservations.iter_mut().find(|row| row.name == name);
    let row = row.ok_or("Requested reservation is invalid")?;
    if let Some(nodes) = values.get("nodes") {
        row.nodes = hostlist::expand(nodes).expect("read above");
    }
    row.accounts = accounts.unwrap_or(std::mem::take(&mut row.accounts));
    if let Some(users) = values.get("users") {
        row.users = list(users);
    }
    if row.accounts.is_empty() && row.users.is_empty() {
        return Err("Reservation users and accounts are both empty".into());
    }
    if let Some(flags) = values.get("flags") {
        row.flags.extend(list(flags));
        row.flags.sort();
        row.flags.dedup();
    }
    if let Some(gone) = values.get("flags-") {
        row.flags.retain(|flag| flag != gone);
    }
    if values.contains_key("endtime") {
        row.end = END;
    }
    Ok(())
}

fn delete(found: &mut Found, values: &Values<'_>) -> Done {
    let name = values["reservationname"];
    if found.busy.contains_key(name) {
        return Err("Requested reservation is in use".into());
    }
    found.reservations.retain(|row| row.name != name);
    Ok(())
}
