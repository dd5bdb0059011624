//! What of a cluster's configuration matters to leases.

use leasehold_units::Seconds;

use super::text::{self, Place};
use crate::slurm::command::{Program, Slurm};
use crate::slurm::error::{SlurmError, Unreadable};
use crate::slurm::settings::Preemption;
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
    read(&slurm.run(Program::Scontrol, &arguments(), None)?)
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
        prolog: lines.path("Prolog"),
        epilog: lines.path("Epilog"),
        prolog_flags: text::list(lines.value("PrologFlags").unwrap_or_default()),
        enforced: text::list(lines.value("AccountingStorageEnforce").unwrap_or_default()),
        min_job_age: lines.seconds("MinJobAge")?,
        cred_expire: expire.unwrap_or(CRED_EXPIRE_DEFAULT),
        tracked: text::list(lines.value("AccountingStorageTRES").unwrap_or_default()),
        scheduler: text::list(lines.value("SchedulerParameters").unwrap_or_default()),
        requeues: lines.value("JobRequeue").is_none_or(|value| value != "0"),
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

    fn path(&self, key: &str) -> Option<String> {
        self.value(key).filter(|text| !text::is_nothing(text)).map(str::to_owned)
    }

    fn fault(&self, key: &'static str, found: &str, expected: &'static str) -> Unreadable {
        let line = self.0.lines().position(|line| line.trim_start().starts_with(key));
        let place =
            Place { command: "scontrol show config", line: line.map_or(1, |index| index + 1) };
        place.fault(key, found, expected)
    }
}

impl SlurmConfig {
    /// What of it does not go with leases, or is good to know beside them, for people: what is so and what to do.
    pub fn concerns(&self, preemption: Preemption) -> Vec<String> {
        let concerns = [self.of_accounting(), self.of_turnover(), self.of_leaving(preemption)];
        self.version.warning().into_iter().chain(concerns.into_iter().flatten()).collect()
    }

    fn of_accounting(&self) -> Vec<String> {
        let mut concerns = Vec::new();
        let lacks = |word: &str| !self.enforced.iter().any(|has| has == word || has == "all");
        if lacks("associations") && lacks("limits") && lacks("qos") {
            concerns.push(
                "AccountingStorageEnforce does not name associations: whoever submits may name any account; set \
                 AccountingStorageEnforce=associations,limits,qos"
                    .to_owned(),
            );
        }
        if !self.tracked.iter().any(|tres| tres == "gres/gpu" || tres.starts_with("gres/gpu:")) {
            concerns.push(
                "AccountingStorageTRES does not name gres/gpu: no GPUs of jobs are on record, and none can be billed; set \
                 AccountingStorageTRES=gres/gpu"
                    .to_owned(),
            );
        }
        if self.min_job_age < Seconds::new(10) {
            concerns.push(format!(
                "ended jobs are forgotten after {}: what ends between two polls is known from slurmdbd alone; set MinJobAge=300",
                self.min_job_age
            ));
        }
        concerns
    }

    fn of_turnover(&self) -> Vec<String> {
        let says = |words: &[String], word: &str| words.iter().any(|has| has == word);
        let text = if self.prolog.is_none() {
            "there is no Prolog: nodes are not scrubbed between two parties; set Prolog to deploy/slurm/prolog, and PrologFlags=Alloc"
        } else if !says(&self.prolog_flags, "Alloc") {
            "PrologFlags does not name Alloc: a node of a job is scrubbed only when a step begins on it, while the job runs \
             already; set PrologFlags=Alloc"
        } else if !says(&self.scheduler, "nohold_on_prolog_fail") {
            "a job whose node fails its scrub is held until somebody releases it; set \
             SchedulerParameters=nohold_on_prolog_fail"
        } else {
            return Vec::new();
        };
        vec![text.to_owned()]
    }

    fn of_leaving(&self, preemption: Preemption) -> Vec<String> {
        let mut concerns = Vec::new();
        if !self.requeues {
            concerns.push(
                "JobRequeue is 0: borrowers that make room are cancelled and not queued again, unless submitted with --requeue"
                    .to_owned(),
            );
        }
        if self.cred_expire > Seconds::new(30) {
            concerns.push(format!(
                "a job that was put back cannot start again for {}; AuthInfo=cred_expire=5 shortens that",
                self.cred_expire.plus(Seconds::new(1))
            ));
        }
        let by_qos = self.preempt_type == "preempt/qos";
        match preemption {
            Preemption::Leasehold if self.preempt_type != "preempt/none" => concerns.push(format!(
                "PreemptType is {}: Slurm may push jobs out too. QOS that Leasehold makes name none to push out, so that is fine \
                 unless others do; PreemptType=preempt/none leaves it to Leasehold",
                self.preempt_type
            )),
            Preemption::Slurm if !by_qos || self.preempt_mode == "OFF" => concerns.push(format!(
                "slurm.toml says preemption = \"slurm\", and PreemptType is {} with PreemptMode {}: Slurm pushes nobody out; set \
                 PreemptType=preempt/qos and PreemptMode=REQUEUE",
                self.preempt_type, self.preempt_mode
            )),
            Preemption::Leasehold | Preemption::Slurm => {}
        }
        concerns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "Configuration data as of 1795873382\n\
        AccountingStorageEnforce = associations,limits,qos,safe\n\
        AccountingStorageTRES   = cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu\n\
        AuthInfo                = socket=munge.sock,cred_expire=5\n\
        ClusterName             = lease\nEpilog                  = (null)\nEpilogMsgTime           = 2000 usec\n\
        JobRequeue              = 1\nKillWait                = 5 sec\nMinJobAge               = 60 sec\nPreemptMode             = REQUEUE\n\
        PreemptType             = preempt/qos\nProlog[0]               = scrub.sh\nPrologFlags             = Alloc,Contain\n\
        SchedulerParameters     = bf_interval=1,nohold_on_prolog_fail\n\
        SLURM_VERSION           = 22.05.8\n\nSlurmctld(primary) at vm is UP\n";

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
        assert!(config.concerns(Preemption::Slurm).is_empty());
    }

    #[test]
    fn says_what_does_not_go_with_leases() {
        let check = |from: &str, to: &str, preemption, told: &[&str]| {
            assert!(SHOWN.contains(from), "{from}");
            let concerns = read(&SHOWN.replace(from, to)).expect("readable").concerns(preemption);
            let all = concerns.iter().zip(told).all(|(concern, told)| concern.contains(told));
            assert!(concerns.len() == told.len() && all, "{from} as {to}: {concerns:?}");
        };
        let by_slurm = Preemption::Slurm;
        check("associations,limits,qos,safe", "(null)", by_slurm, &["may name any account"]);
        check(",gres/gpu", "", by_slurm, &["AccountingStorageTRES"]);
        check(",gres/gpu", ",gres/gpu:h100", by_slurm, &[]);
        check(",cred_expire=5", "", by_slurm, &["121 s"]);
        check("60 sec", "2 sec", by_slurm, &["MinJobAge=300"]);
        check("Prolog[0]               = scrub.sh\n", "", by_slurm, &["there is no Prolog"]);
        check("Alloc,Contain", "(null)", by_slurm, &["PrologFlags"]);
        check(",nohold_on_prolog_fail", "", by_slurm, &["is held"]);
        check("JobRequeue              = 1", "JobRequeue = 0", by_slurm, &["cancelled"]);
        check("preempt/qos", "preempt/none", by_slurm, &["pushes nobody out"]);
        check("preempt/qos", "preempt/none", Preemption::Leasehold, &[]);
        check("preempt/qos", "preempt/qos", Preemption::Leasehold, &["that is fine"]);
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let error = read(&SHOWN.replace("5 sec", "soon")).expect_err("not readable");
        assert!(
            error.to_string().starts_with("`scontrol show config`, line 9, field KillWait"),
            "{error}"
        );
        assert_eq!(read("").expect_err("nothing").code(), "slurm_unreadable");
        assert_eq!(
            read(&SHOWN.replace("22.05.8", "20.11.9")).expect_err("old").code(),
            "slurm_too_old"
        );
    }
}
