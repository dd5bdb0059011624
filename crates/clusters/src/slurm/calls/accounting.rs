//! Commands for accounts, users and QOS. They take several names at once where these get the same settings.

use std::collections::BTreeMap;

use super::Call;
use crate::slurm::command::Program;
use crate::slurm::difference::{Difference, Entry, FieldChange, Kind, Object, UNLIMITED};
use crate::slurm::objects::{Desired, ORGANIZATION, Qos};

/// The commands, in order: QOS that others name, other QOS, accounts that name them, users in these.
pub(super) fn calls(desired: &Desired, difference: &Difference) -> Vec<Call> {
    let missing = |entry: &&Entry| is_missing(entry);
    let entries = &difference.entries;
    let mut calls = qos_to_add(desired, entries);
    for entry in entries.iter().filter(|entry| !is_missing(entry)) {
        if let Object::Qos { name } = &entry.object {
            calls.extend(qos_to_change(name, entry));
        }
    }
    for entry in entries.iter().filter(missing) {
        if let Object::Account { name } = &entry.object {
            calls.extend(account_to_add(desired, name));
        }
    }
    for entry in entries.iter().filter(|entry| !is_missing(entry) && !entry.fields.is_empty()) {
        calls.extend(association_to_change(desired, entry));
    }
    calls.extend(users_to_add(desired, entries));
    calls
}

/// Missing, also where somebody took it away: nothing of it is found.
fn is_missing(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Missing | Kind::Drifted)
        && !entry.fields.is_empty()
        && entry.fields.iter().all(|field| field.found.is_none())
}

fn call(words: Vec<String>, why: String) -> Call {
    let arguments = std::iter::once("-i".to_owned()).chain(words).collect();
    Call::new(Program::Sacctmgr, arguments, why)
}

fn qos_to_add(desired: &Desired, entries: &[Entry]) -> Vec<Call> {
    // By what they may push out first: a QOS that is named must be there before.
    let mut groups: BTreeMap<(usize, Vec<String>), Vec<&str>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| is_missing(entry)) {
        let Object::Qos { name } = &entry.object else { continue };
        let Some(qos) = desired.qos.get(name) else { continue };
        groups.entry((qos.preempt.len(), qos_settings(qos))).or_default().push(name);
    }
    let add = |((_, settings), names): ((usize, Vec<String>), Vec<&str>)| {
        let names = names.join(",");
        let mut words = vec!["add".to_owned(), "qos".to_owned(), format!("name={names}")];
        words.push("description=made by leasehold".to_owned());
        words.extend(settings);
        call(words, format!("make QOS {names}"))
    };
    groups.into_iter().map(add).collect()
}

fn qos_settings(qos: &Qos) -> Vec<String> {
    let mut settings = vec![format!("priority={}", qos.priority)];
    settings.extend(qos.gpus.map(|gpus| format!("GrpTRES=gres/gpu={gpus}")));
    if !qos.preempt.is_empty() {
        settings.push(format!("preempt={}", qos.preempt.join(",")));
    }
    if qos.preempt_mode != "cluster" {
        settings.push(format!("preemptmode={}", qos.preempt_mode));
    }
    settings
}

fn qos_to_change(name: &str, entry: &Entry) -> Option<Call> {
    let settings: Vec<String> = entry.fields.iter().filter_map(qos_setting).collect();
    if settings.is_empty() {
        return None;
    }
    let mut words = ["modify", "qos", "where"].map(str::to_owned).to_vec();
    words.push(format!("name={name}"));
    words.push("set".to_owned());
    words.extend(settings);
    Some(call(words, format!("set {} of QOS {name}", fields(entry))))
}

fn qos_setting(change: &FieldChange) -> Option<String> {
    let wanted = &change.wanted;
    Some(match change.field {
        "gpus" if wanted == UNLIMITED => "GrpTRES=gres/gpu=-1".to_owned(),
        "gpus" => format!("GrpTRES=gres/gpu={wanted}"),
        "priority" => format!("priority={wanted}"),
        "preempt" => format!("preempt={wanted}"),
        "preempt_mode" => format!("preemptmode={wanted}"),
        // -1 takes all flags away; none is ever wanted.
        "flags" => "flags=-1".to_owned(),
        "grace" => format!("gracetime={wanted}"),
        _ => return None,
    })
}

fn account_to_add(desired: &Desired, name: &str) -> Option<Call> {
    let account = desired.accounts.get(name)?;
    let words = vec![
        "add".to_owned(),
        "account".to_owned(),
        format!("name={name}"),
        format!("cluster={}", desired.cluster),
        format!("organization={ORGANIZATION}"),
        format!("description=party {}", account.party),
        format!("qos={}", account.qos),
        format!("defaultqos={}", account.qos),
    ];
    Some(call(words, format!("make account {name}")))
}

/// QOS of an account or of a user in one.
fn association_to_change(desired: &Desired, entry: &Entry) -> Option<Call> {
    let (kind, mut place) = match &entry.object {
        Object::Account { name } => ("account", vec![format!("name={name}")]),
        Object::Association { account, user } => {
            ("user", vec![format!("name={user}"), format!("account={account}")])
        }
        Object::Qos { .. } | Object::Reservation { .. } => return None,
    };
    place.push(format!("cluster={}", desired.cluster));
    let qos = entry.fields.first().map(|field| field.wanted.clone())?;
    let mut words = vec!["modify".to_owned(), kind.to_owned(), "where".to_owned()];
    words.extend(place);
    // Both together: a default outside the list is refused.
    words.extend(["set".to_owned(), format!("qos={qos}"), format!("defaultqos={qos}")]);
    Some(call(words, format!("set {} of {}", fields(entry), entry.object)))
}

fn users_to_add(desired: &Desired, entries: &[Entry]) -> Vec<Call> {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| is_missing(entry)) {
        if let Object::Association { account, user } = &entry.object {
            users.entry(account).or_default().push(user);
        }
    }
    let add = |(account, users): (&str, Vec<&str>)| {
        let users = users.join(",");
        let words = vec![
            "add".to_owned(),
            "user".to_owned(),
            format!("name={users}"),
            format!("account={account}"),
            format!("cluster={}", desired.cluster),
        ];
        call(words, format!("let {users} use account {account}"))
    };
    users.into_iter().map(add).collect()
}

fn fields(entry: &Entry) -> String {
    let names: Vec<&str> = entry.fields.iter().map(|field| field.field).collect();
    names.join(", ")
}
