//! Accounts, QOS, associations and users of slurmdbd.

use super::text::{self, Row, rows};
use crate::slurm::command::{Program, Slurm, word};
use crate::slurm::error::{SlurmError, Unreadable};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its name, in lower case.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Free text; `leasehold` on accounts that Leasehold made.
    pub organization: String,
}

/// A QOS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QosRow {
    /// Its name, in lower case.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Priority.
    pub priority: u32,
    /// Flags in Slurm's words, in order.
    pub flags: Vec<String>,
    /// GPUs that its jobs may have together; none if unlimited.
    pub gpus: Option<u64>,
    /// QOS whose jobs it may push out, in order.
    pub preempt: Vec<String>,
    /// How its jobs are pushed out: `cluster`, `requeue`, `cancel`.
    pub preempt_mode: String,
    /// Seconds that its jobs get before they are pushed out.
    pub grace: u64,
}

/// An association: an account on a cluster, or a user in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociationRow {
    /// Cluster.
    pub cluster: String,
    /// Account.
    pub account: String,
    /// User; none for the account's own.
    pub user: Option<String>,
    /// Partition that it is limited to.
    pub partition: Option<String>,
    /// QOS that may be used, in order.
    pub qos: Vec<String>,
    /// QOS of jobs that name none.
    pub default_qos: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Name.
    pub name: String,
    /// Account of jobs that name none.
    pub default_account: Option<String>,
    /// `None`, `Operator` or `Administrator`.
    pub admin: String,
}

const ACCOUNT_FIELDS: [&str; 3] = ["Account", "Organization", "Description"];
const QOS_FIELDS: [&str; 8] =
    ["Name", "Priority", "Flags", "GrpTRES", "Preempt", "PreemptMode", "GraceTime", "Description"];
const ASSOCIATION_FIELDS: [&str; 6] =
    ["Cluster", "Account", "User", "Partition", "DefaultQOS", "QOS"];
const USER_FIELDS: [&str; 3] = ["User", "DefaultAccount", "AdminLevel"];

/// Arguments of sacctmgr that list what `entity` names, with fields that a `|` separates; free text comes last.
fn arguments(entity: &str, fields: &[&str]) -> Vec<String> {
    let mut arguments = ["-P", "-n", "show", entity].map(str::to_owned).to_vec();
    arguments.push(format!("format={}", fields.join(",")));
    arguments
}

/// All accounts.
///
/// # Errors
/// If slurmdbd cannot be asked or its answer cannot be read.
pub fn ask_accounts(slurm: &dyn Slurm) -> Result<Vec<AccountRow>, SlurmError> {
    Ok(read_accounts(&slurm.run(
        Program::Sacctmgr,
        &arguments("account", &ACCOUNT_FIELDS),
        None,
    )?)?)
}

/// All QOS.
///
/// # Errors
/// If slurmdbd cannot be asked or its answer cannot be read.
pub fn ask_qos(slurm: &dyn Slurm) -> Result<Vec<QosRow>, SlurmError> {
    Ok(read_qos(&slurm.run(Program::Sacctmgr, &arguments("qos", &QOS_FIELDS), None)?)?)
}

/// All associations of a cluster.
///
/// # Errors
/// If slurmdbd cannot be asked or its answer cannot be read.
pub fn ask_associations(
    slurm: &dyn Slurm,
    cluster: &str,
) -> Result<Vec<AssociationRow>, SlurmError> {
    let mut arguments = arguments("assoc", &ASSOCIATION_FIELDS);
    arguments.push(format!("cluster={}", word(cluster)?));
    Ok(read_associations(&slurm.run(Program::Sacctmgr, &arguments, None)?)?)
}

/// All users.
///
/// # Errors
/// If slurmdbd cannot be asked or its answer cannot be read.
pub fn ask_users(slurm: &dyn Slurm) -> Result<Vec<UserRow>, SlurmError> {
    Ok(read_users(&slurm.run(Program::Sacctmgr, &arguments("user", &USER_FIELDS), None)?)?)
}

/// Accounts as sacctmgr prints them.
///
/// # Errors
/// The first line that is cut short.
pub fn read_accounts(text: &str) -> Result<Vec<AccountRow>, Unreadable> {
    let rows = rows("sacctmgr show account", text, '|', &ACCOUNT_FIELDS);
    rows.map(|row| {
        let row = row?;
        Ok(AccountRow {
            name: row.text(0).to_owned(),
            organization: row.text(1).to_owned(),
            description: row.text(2).to_owned(),
        })
    })
    .collect()
}

/// QOS as sacctmgr prints them.
///
/// # Errors
/// The first field that cannot be read.
pub fn read_qos(text: &str) -> Result<Vec<QosRow>, Unreadable> {
    rows("sacctmgr show qos", text, '|', &QOS_FIELDS).map(|row| qos(&row?)).collect()
}

fn qos(row: &Row<'_>) -> Result<QosRow, Unreadable> {
    let tres = row.text(3);
    let gpus = if tres.contains("gres/gpu") { Some(u64::from(row.gpus(3)?)) } else { None };
    let grace = match row.some(6) {
        None => 0,
        Some(text) => {
            text::length(text).ok_or_else(|| row.fault(6, "a length such as 00:00:10"))?.get()
        }
    };
    Ok(QosRow {
        name: row.text(0).to_owned(),
        priority: row.number(1, "a whole number")?,
        flags: text::list(row.text(2)),
        gpus,
        preempt: text::list(row.text(4)),
        preempt_mode: row.text(5).to_lowercase(),
        grace,
        description: row.text(7).to_owned(),
    })
}

/// Associations as sacctmgr prints them.
///
/// # Errors
/// The first line that is cut short.
pub fn read_associations(text: &str) -> Result<Vec<AssociationRow>, Unreadable> {
    let rows = rows("sacctmgr show assoc", text, '|', &ASSOCIATION_FIELDS);
    rows.map(|row| {
        let row = row?;
        Ok(AssociationRow {
            cluster: row.text(0).to_owned(),
            account: row.text(1).to_owned(),
            user: row.some(2).map(str::to_owned),
            partition: row.some(3).map(str::to_owned),
            default_qos: row.some(4).map(str::to_owned),
            qos: text::list(row.text(5)),
        })
    })
    .collect()
}

/// Users as sacctmgr prints them.
///
/// # Errors
/// The first line that is cut short.
pub fn read_users(text: &str) -> Result<Vec<UserRow>, Unreadable> {
    let rows = rows("sacctmgr show user", text, '|', &USER_FIELDS);
    rows.map(|row| {
        let row = row?;
        Ok(UserRow {
            name: row.text(0).to_owned(),
            default_account: row.some(1).map(str::to_owned),
            admin: row.text(2).to_owned(),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_22_05_prints() {
        let accounts = read_accounts("root|root|default root account\nta|leasehold|a|b\n");
        let accounts = accounts.expect("readable");
        assert_eq!(
            (accounts[1].organization.as_str(), accounts[1].description.as_str()),
            ("leasehold", "a|b")
        );
        let text = "normal|0||||cluster|00:00:00|Normal QOS default\n\
            leasehold_ta|1000|NoReserve,DenyOnLimit|cpu=4,gres/gpu=8|leasehold_own|requeue|00:00:10|x\n";
        let qos = read_qos(text).expect("readable");
        assert_eq!((qos[0].gpus, &qos[0].flags, qos[0].grace), (None, &Vec::new(), 0));
        assert_eq!((qos[1].gpus, qos[1].priority, qos[1].grace), (Some(8), 1_000, 10));
        assert_eq!(qos[1].flags, ["DenyOnLimit", "NoReserve"]);
        assert_eq!(
            (&qos[1].preempt, qos[1].preempt_mode.as_str()),
            (&vec!["leasehold_own".to_owned()], "requeue")
        );
        let text = "lease|ta||||normal\nlease|ta|lhta||leasehold_ta|leasehold_ta,normal\n";
        let associations = read_associations(text).expect("readable");
        assert_eq!((&associations[0].user, &associations[0].default_qos), (&None, &None));
        assert_eq!(associations[1].qos, ["leasehold_ta", "normal"]);
        let users =
            read_users("lhta|ta|None\nroot|root|Administrator\nx||None\n").expect("readable");
        assert_eq!(users[0].default_account.as_deref(), Some("ta"));
        assert_eq!((users[1].admin.as_str(), &users[2].default_account), ("Administrator", &None));
    }

    #[test]
    fn what_is_cut_short_says_where() {
        assert_eq!(read_qos("normal|0|\n").expect_err("cut short").field, "GrpTRES");
        assert_eq!(read_qos("a|x|||||00:00:00|\n").expect_err("no number").field, "Priority");
    }
}
