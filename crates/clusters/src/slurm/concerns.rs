//! What of a cluster's configuration does not go with leases, in words for whoever can change it.

use leasehold_units::Seconds;

use super::read::{SlurmConfig, SlurmPartition};
use super::settings::Preemption;

impl SlurmConfig {
    /// What of it does not go with leases, or is good to know beside them, for people: what is so and what to do.
    /// `has` says which nodes are the site's.
    pub fn concerns(&self, preemption: Preemption, has: &dyn Fn(&str) -> bool) -> Vec<String> {
        let concerns = [
            self.of_accounting(),
            self.of_turnover(),
            self.of_leaving(preemption),
            self.of_sharing(preemption, has),
        ];
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
        if let Some(plugin) = self.energy.as_ref().filter(|_| !self.has_extern_step()) {
            concerns.push(format!(
                "AcctGatherEnergyType is {plugin}, and PrologFlags does not name Contain: of a job that is only a script no energy \
                 is on record, and of others that of their steps; set PrologFlags=Alloc,Contain"
            ));
        }
        concerns
    }

    /// Whether each job has a step on all of its nodes for as long as it runs, which is what its energy is counted by then.
    fn has_extern_step(&self) -> bool {
        self.prolog_flags.iter().any(|flag| flag == "Contain")
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

    /// Two parties' jobs on one node. What keeps users or accounts apart also keeps Slurm (22.05) from pushing one out for
    /// another: it looks only at nodes where the job could begin beside what is there.
    fn of_sharing(&self, preemption: Preemption, has: &dyn Fn(&str) -> bool) -> Vec<String> {
        let ours = self.partitions.iter().filter(|one| one.nodes.iter().any(|node| has(node)));
        let ours = ours.filter(|one| !one.gives_whole_nodes);
        let (apart, shared): (Vec<_>, Vec<_>) =
            ours.partition(|one| self.keeps_apart() || one.is_one_users);
        let mut concerns = Vec::new();
        if !shared.is_empty() && !self.gives_whole_nodes() {
            let remedy = match preemption {
                Preemption::Leasehold => "MCSPlugin=mcs/account and MCSParameters=enforced,select",
                Preemption::Slurm => "OverSubscribe=EXCLUSIVE there",
            };
            concerns.push(format!(
                "jobs smaller than a node may begin beside another party's in {}, which are put back after 10 s where leases \
                 are enforced; set {remedy}",
                named(&shared)
            ));
        }
        if preemption == Preemption::Slurm && !apart.is_empty() {
            concerns.push(format!(
                "slurm.toml says preemption = \"slurm\", and what keeps jobs apart in {} (MCSPlugin, ExclusiveUser) keeps Slurm \
                 from pushing any out for another's; set MCSPlugin=mcs/none, ExclusiveUser=NO and OverSubscribe=EXCLUSIVE there, \
                 or preemption = \"leasehold\"",
                named(&apart)
            ));
        }
        concerns
    }

    /// Whether no job ever shares a node, by how Slurm selects them.
    fn gives_whole_nodes(&self) -> bool {
        self.select_type.as_deref() == Some("select/linear")
    }

    /// Whether jobs of two users or accounts never share a node, by Slurm's labels.
    fn keeps_apart(&self) -> bool {
        let by = self.mcs_plugin.as_deref();
        let says = |word: &str| self.mcs.iter().any(|has| has == word);
        matches!(by, Some("mcs/account" | "mcs/user")) && says("enforced") && says("select")
    }
}

fn named(partitions: &[&SlurmPartition]) -> String {
    let names: Vec<&str> = partitions.iter().map(|one| one.name.as_str()).collect();
    match names.as_slice() {
        [one] => format!("partition {one}"),
        _ => format!("partitions {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::config::{SHOWN, read};
    use super::super::read::partitions;
    use super::*;

    /// Partitions of whole nodes, of shared ones and of one user's; and one of another site.
    const PARTITIONS: &str = "PartitionName=whole ExclusiveUser=NO Nodes=n[1-2] OverSubscribe=EXCLUSIVE\n\
        PartitionName=main ExclusiveUser=NO Nodes=n[1-9] OverSubscribe=NO\n\
        PartitionName=own ExclusiveUser=YES Nodes=n[1-4] OverSubscribe=NO\n\
        PartitionName=cpu ExclusiveUser=NO Nodes=c[1-4] OverSubscribe=FORCE:4\n";

    const LABELS: &str = "MCSParameters           = (null)";

    fn concerns(config: &str, partitions: &str, preemption: Preemption) -> Vec<String> {
        let mut config = read(config).expect("readable");
        config.partitions = partitions::read(partitions).expect("readable");
        config.concerns(preemption, &|node| node.starts_with('n'))
    }

    fn assert_told(concerns: &[String], told: &[&str], about: &str) {
        let all = concerns.iter().zip(told).all(|(concern, told)| concern.contains(told));
        assert!(concerns.len() == told.len() && all, "{about}: {concerns:?}");
    }

    #[test]
    fn says_what_does_not_go_with_leases() {
        let check = |from: &str, to: &str, preemption, told: &[&str]| {
            assert!(SHOWN.contains(from), "{from}");
            let concerns = concerns(&SHOWN.replace(from, to), "", preemption);
            assert_told(&concerns, told, &format!("{from} as {to}"));
        };
        let by_slurm = Preemption::Slurm;
        check("5 sec", "5 sec", by_slurm, &[]);
        check("associations,limits,qos,safe", "(null)", by_slurm, &["may name any account"]);
        check(",gres/gpu", "", by_slurm, &["AccountingStorageTRES"]);
        check(",gres/gpu", ",gres/gpu:h100", by_slurm, &[]);
        check(",cred_expire=5", "", by_slurm, &["121 s"]);
        check("60 sec", "2 sec", by_slurm, &["MinJobAge=300"]);
        check("energy/none", "energy/ipmi", by_slurm, &[]);
        check("Prolog[0]               = scrub.sh\n", "", by_slurm, &["there is no Prolog"]);
        check("Alloc,Contain", "(null)", by_slurm, &["PrologFlags"]);
        check(",nohold_on_prolog_fail", "", by_slurm, &["is held"]);
        check("JobRequeue              = 1", "JobRequeue = 0", by_slurm, &["cancelled"]);
        check("preempt/qos", "preempt/none", by_slurm, &["pushes nobody out"]);
        check("preempt/qos", "preempt/none", Preemption::Leasehold, &[]);
        check("preempt/qos", "preempt/qos", Preemption::Leasehold, &["that is fine"]);
    }

    #[test]
    fn says_where_two_parties_may_come_to_share_a_node() {
        let quiet = SHOWN.replace("preempt/qos", "preempt/none");
        let by_leasehold =
            |config: &str, partitions: &str| concerns(config, partitions, Preemption::Leasehold);
        let shared = by_leasehold(&quiet, PARTITIONS);
        assert_eq!(
            shared,
            [
                "jobs smaller than a node may begin beside another party's in partition main, which are put back after 10 s where \
              leases are enforced; set MCSPlugin=mcs/account and MCSParameters=enforced,select"
            ]
        );
        let two = PARTITIONS.replace("ExclusiveUser=YES", "ExclusiveUser=NO");
        assert_told(&by_leasehold(&quiet, &two), &["in partitions main, own,"], "two");
        let linear = quiet.replace("cons_tres", "linear");
        assert_told(&by_leasehold(&linear, PARTITIONS), &[], "whole nodes");
        let elsewhere = PARTITIONS.replace("Nodes=n[1-9]", "Nodes=(null)");
        assert_told(&by_leasehold(&quiet, &elsewhere), &[], "no nodes of the site");
        for (plugin, parameters, is_apart) in [
            ("mcs/account", "enforced,select", true),
            ("mcs/user", "select,enforced,privatedata", true),
            ("mcs/account", "(null)", false),
            ("mcs/account", "enforced", false),
            ("mcs/account", "ondemand,select", false),
            ("mcs/group", "enforced,select", false),
            ("mcs/none", "(null)", false),
        ] {
            let config = quiet
                .replace("mcs/none", plugin)
                .replace(LABELS, &format!("MCSParameters = {parameters}"));
            let told: &[&str] = if is_apart { &[] } else { &["beside another party's"] };
            assert_told(
                &by_leasehold(&config, PARTITIONS),
                told,
                &format!("{plugin} {parameters}"),
            );
        }
    }

    #[test]
    fn says_where_keeping_parties_apart_keeps_slurm_from_pushing_out() {
        let by_slurm = |config: &str| concerns(config, PARTITIONS, Preemption::Slurm);
        let whole = "set OverSubscribe=EXCLUSIVE there";
        let stuck = "keeps Slurm from pushing any out";
        assert_told(&by_slurm(SHOWN), &[whole, stuck], "a partition of one user's");
        let labelled = SHOWN
            .replace("mcs/none", "mcs/account")
            .replace(LABELS, "MCSParameters = enforced,select");
        let told = by_slurm(&labelled);
        assert_told(&told, &[stuck], "labels");
        assert!(told[0].contains("in partitions main, own (MCSPlugin"), "{told:?}");
    }
}
