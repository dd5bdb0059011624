//! What of a cluster's configuration matters to leases.

use leasehold_units::Seconds;

use super::partitions::{self, SlurmPartition};
use super::text::{self, Place};
use crate::slurm::command::{Program, Slurm};
use crate::slurm::error::{SlurmError, Unreadable};
use crate::slurm::version::Version;

/// Parts of `scontrol show config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmConfig {
    /// Name of the cluster.
    pub cluster: String,
    /// The controller's version.
    pub version: Version,
    /// From being asked to end to being killed.
    pub kill_wait: Seconds,
    /// Such as `preempt/qos` or `preempt/none`.
    pub preempt_type: String,
    /// Such as `REQUEUE`.
    pub preempt_mode: String,
    /// Runs before a job on each node, if set.
    pub prolog: Option<String>,
    /// Runs after a job on each node, if set.
    pub epilog: Option<String>,
    /// Such as `Alloc`, in order.
    pub prolog_flags: Vec<String>,
    /// Such as `associations`, `limits`, `qos`, in order.
    pub enforced: Vec<String>,
    /// How long ended jobs are kept.
    pub min_job_age: Seconds,
    /// How long a credential lasts: a job that was put back cannot start again for a second longer. Slurm's own default is 120 s.
    pub cred_expire: Seconds,
    /// What is counted of jobs, such as `gres/gpu`, in order.
    pub tracked: Vec<String>,
    /// `SchedulerParameters`, in order.
    pub scheduler: Vec<String>,
    /// Whether jobs that say nothing may be put back into the queue.
    pub requeues: bool,
    /// Such as `select/cons_tres`; `select/linear` gives out whole nodes only.
    pub select_type: Option<String>,
    /// By what jobs are kept apart on a node, such as `mcs/account`, if by anything.
    pub mcs_plugin: Option<String>,
    /// `MCSParameters`, in order.
    pub mcs: Vec<String>,
    /// By what energy is measured, such as `acct_gather_energy/ipmi`, if by anything.
    pub energy: Option<String>,
    /// Its partitions, which [`ask`] asks for: [`read`] knows of none.
    pub partitions: Vec<SlurmPartition>,
}

/// What Slurm uses where `AuthInfo` names no `cred_expire`.
const CRED_EXPIRE_DEFAULT: Seconds = Seconds::new(120);

/// Arguments of scontrol.
pub fn arguments() -> Vec<String> {
    ["show", "config"].map(str::to_owned).to_vec()
}

/// The configuration that slurmctld runs with.
///
/// # Errors
/// If it cannot be asked, its answer cannot be read, or it is too old.
pub fn ask(slurm: &dyn Slurm) -> Result<SlurmConfig, SlurmError> {
    let config = read(&slurm.run(Program::Scontrol, &arguments(), None)?)?;
    Ok(SlurmConfig { partitions: partitions::ask(slurm)?, ..config })
}

/// The configuration as scontrol prints it for [`arguments`].
///
/// # Errors
/// The first field that cannot be read, or a version that is too old.
pub fn read(text: &str) -> Result<SlurmConfig, SlurmError> {
    let lines = Lines(text);
    let version = lines.needed("SLURM_VERSION")?;
    let found = Version::of_word(version)
        .ok_or_else(|| lines.fault("SLURM_VERSION", version, "a version such as 24.11.5"))?;
    if found < Version::OLDEST {
        return Err(SlurmError::TooOld { found });
    }
    let auth = lines.value("AuthInfo").unwrap_or_default();
    let expire = auth.split(',').find_map(|part| part.strip_prefix("cred_expire="));
    let expire = expire.and_then(|count| count.parse().ok()).map(Seconds::new);
    Ok(SlurmConfig {
        cluster: lines.needed("ClusterName")?.to_owned(),
        version: found,
        kill_wait: lines.seconds("KillWait")?,
        preempt_type: lines.needed("PreemptType")?.to_owned(),
        preempt_mode: lines.needed("PreemptMode")?.to_owned(),
        prolog: lines.some("Prolog"),
        epilog: lines.some("Epilog"),
        prolog_flags: text::list(lines.value("PrologFlags").unwrap_or_default()),
        enforced: text::list(lines.value("AccountingStorageEnforce").unwrap_or_default()),
        min_job_age: lines.seconds("MinJobAge")?,
        cred_expire: expire.unwrap_or(CRED_EXPIRE_DEFAULT),
        tracked: text::list(lines.value("AccountingStorageTRES").unwrap_or_default()),
        scheduler: text::list(lines.value("SchedulerParameters").unwrap_or_default()),
        requeues: lines.value("JobRequeue").is_none_or(|value| value != "0"),
        select_type: lines.some("SelectType"),
        mcs_plugin: lines.some("MCSPlugin").filter(|plugin| plugin != "mcs/none"),
        mcs: text::list(lines.value("MCSParameters").unwrap_or_default()),
        energy: lines
            .some("AcctGatherEnergyType")
            .filter(|plugin| plugin != "acct_gather_energy/none"),
        partitions: Vec::new(),
    })
}

/// Lines of `Key = value`.
struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    /// The value of `key`; scripts may have a number, `Prolog[0]`.
    fn value(&self, key: &str) -> Option<&'a str> {
        self.0.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            let name = name.trim();
            (name == key || name.strip_suffix("[0]") == Some(key)).then(|| value.trim())
        })
    }

    fn needed(&self, key: &'static str) -> Result<&'a str, Unreadable> {
        self.value(key).ok_or_else(|| self.fault(key, "", "the field"))
    }

    /// `5 sec`.
    fn seconds(&self, key: &'static str) -> Result<Seconds, Unreadable> {
        let text = self.needed(key)?;
        let count = text.split(' ').next().and_then(|count| count.parse().ok());
        count.map(Seconds::new).ok_or_else(|| self.fault(key, text, "a length such as `30 sec`"))
    }

    fn some(&self, key: &str) -> Option<String> {
        self.value(key).filter(|text| !text::is_nothing(text)).map(str::to_owned)
    }

    fn fault(&self, key: &'static str, found: &str, expected: &'static str) -> Unreadable {
        let line = self.0.lines().position(|line| line.trim_start().starts_with(key));
        let place =
            Place { command: "scontrol show config", line: line.map_or(1, |index| index + 1) };
        place.fault(key, found, expected)
    }
}

/// As 22.05 prints it, without what nobody reads.
#[cfg(test)]
pub(crate) const SHOWN: &str = "Configuration data as of 1795873382\n\
    AccountingStorageEnforce = associations,limits,qos,safe\n\
    AccountingStorageTRES   = cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu\nAcctGatherEnergyType    = acct_gather_energy/none\n\
    AuthInfo                = socket=munge.sock,cred_expire=5\n\
    ClusterName             = lease\nEpilog                  = (null)\nEpilogMsgTime           = 2000 usec\n\
    JobRequeue              = 1\nKillWait                = 5 sec\nMCSPlugin               = mcs/none\n\
    MCSParameters           = (null)\nMinJobAge               = 60 sec\nPreemptMode             = REQUEUE\n\
    PreemptType             = preempt/qos\nProlog[0]               = scrub.sh\nPrologFlags             = Alloc,Contain\n\
    SchedulerParameters     = bf_interval=1,nohold_on_prolog_fail\nSelectType              = select/cons_tres\n\
    SLURM_VERSION           = 22.05.8\n\nSlurmctld(primary) at vm is UP\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_matters() {
        let config = read(SHOWN).expect("readable");
        assert_eq!(
            (config.cluster.as_str(), config.version.to_string()),
            ("lease", "22.05".into())
        );
        assert_eq!(
            (config.kill_wait.get(), config.min_job_age.get(), config.cred_expire.get()),
            (5, 60, 5)
        );
        assert_eq!((config.prolog.as_deref(), config.epilog.as_deref()), (Some("scrub.sh"), None));
        assert_eq!(config.prolog_flags, ["Alloc", "Contain"]);
        assert_eq!(config.enforced, ["associations", "limits", "qos", "safe"]);
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let error = read(&SHOWN.replace("5 sec", "soon")).expect_err("not readable");
        assert!(
            error.to_string().starts_with("`scontrol show config`, line 10, field KillWait"),
            "{error}"
        );
        assert_eq!(read("").expect_err("nothing").code(), "slurm_unreadable");
        assert_eq!(
            read(&SHOWN.replace("22.05.8", "20.11.9")).expect_err("old").code(),
            "slurm_too_old"
        );
    }
}
