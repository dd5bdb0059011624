//! The files that the daemons read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::directory::Directory;
use super::{EmulatedError, Options, Preempt};

/// The name that Slurm knows the cluster by.
const CLUSTER: &str = "lease";
pub(super) const PARTITION: &str = "main";
/// Lines of slurm.conf that are ours to write, since the nodes and the daemons hang on them.
const RESERVED: &[&str] = &["nodename", "partitionname", "slurmctldhost", "clustername"];

/// What the files are made of.
pub(super) struct Plan<'a> {
    pub(super) directory: &'a Directory,
    pub(super) options: &'a Options,
    pub(super) nodes: &'a [String],
    /// The controller's; the accounting's follows, then those of the nodes.
    pub(super) first_port: u16,
    /// Of this machine.
    pub(super) host: &'a str,
    /// Year and month of the installed Slurm, as 2205.
    pub(super) version: u32,
}

/// What cannot be written.
pub(super) fn check(options: &Options) -> Result<(), EmulatedError> {
    let bad = |option, value: String, why| EmulatedError::Option { option, value, why };
    if !(1..=64).contains(&options.gpus_per_node) {
        return Err(bad("--gpus", options.gpus_per_node.to_string(), "expected 1 to 64"));
    }
    if let Some(prolog) = &options.prolog {
        let text = prolog.display().to_string();
        if !prolog.is_absolute() || text.contains(char::is_whitespace) {
            return Err(bad("--prolog", text, "expected an absolute path without blanks"));
        }
        if !prolog.is_file() {
            return Err(bad("--prolog", text, "there is no such file"));
        }
    }
    for (name, value) in &options.environment {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
        if !plain || value.contains(|c: char| c.is_whitespace() || "'\"\\$`;&|<>()".contains(c)) {
            return Err(bad(
                "environment",
                format!("{name}={value}"),
                "expected a name and a plain word",
            ));
        }
    }
    for (key, value) in &options.settings {
        let setting = format!("{key}={value}");
        if RESERVED.contains(&key.to_ascii_lowercase().as_str()) {
            return Err(bad("--set", setting, "nodes and hosts are not set by a line"));
        }
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric());
        if !plain || value.contains(['\n', '#']) {
            return Err(bad("--set", setting, "expected one line of slurm.conf as KEY=VALUE"));
        }
    }
    Ok(())
}

/// Writes all of them.
pub(super) fn write(plan: &Plan) -> Result<(), EmulatedError> {
    let directory = plan.directory;
    directory.write("etc/slurm.conf", &slurm_conf(plan))?;
    directory.write("etc/gres.conf", &gres_conf(plan))?;
    // slurmdbd insists on being the only reader.
    directory.write_as("etc/slurmdbd.conf", slurmdbd_conf(plan).as_bytes(), 0o600)?;
    if plan.version >= 2302 {
        // Later ones look for a systemd to ask for a control group, which a container does not have.
        directory.write("etc/cgroup.conf", "CgroupPlugin=disabled\n")?;
    }
    for gpu in 0..plan.options.gpus_per_node {
        // Slurm wants a file for each GPU, and never opens it where control groups are off.
        directory.write(&format!("gpus/gpu{gpu}"), "")?;
    }
    directory.write("env", &env(plan))
}

/// To be sourced by who wants to speak to the cluster.
fn env(plan: &Plan) -> String {
    let mut text = format!(
        "# Source me: Slurm's commands then speak to this emulated cluster.\n\
         export SLURM_CONF={}\nexport PATH=\"$PATH:/usr/sbin:/sbin\"\n",
        plan.directory.slurm_conf().display()
    );
    for (name, value) in &plan.options.environment {
        let _ = writeln!(text, "export {name}={value}");
    }
    text
}

fn slurm_conf(plan: &Plan) -> String {
    let mut settings = BTreeMap::new();
    for (key, value) in fixed(plan).into_iter().chain(chosen(plan)) {
        settings.insert(key.to_ascii_lowercase(), (key.to_owned(), value));
    }
    for (key, value) in &plan.options.settings {
        settings.insert(key.to_ascii_lowercase(), (key.clone(), value.clone()));
    }
    let mut text = String::new();
    for (key, value) in settings.values() {
        let _ = writeln!(text, "{key}={value}");
    }
    for (node, port) in plan.nodes.iter().zip(plan.first_port + 2..) {
        let _ = writeln!(
            text,
            "NodeName={node} NodeHostname={} NodeAddr=127.0.0.1 Port={port} CPUs=64 Boards=1 SocketsPerBoard=2 \
             CoresPerSocket=32 ThreadsPerCore=1 RealMemory=1000000 Gres=gpu:{} State=UNKNOWN",
            plan.host, plan.options.gpus_per_node
        );
    }
    let _ = writeln!(
        text,
        "PartitionName={PARTITION} Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=1:00:00 State=UP OverSubscribe=NO"
    );
    text
}

/// Where the daemons find each other and what is theirs.
fn fixed(plan: &Plan) -> Vec<(&'static str, String)> {
    let root = plan.directory.root().display();
    let munge = plan.directory.munge_socket();
    vec![
        ("ClusterName", CLUSTER.into()),
        ("SlurmctldHost", format!("{}(127.0.0.1)", plan.host)),
        ("SlurmctldPort", plan.first_port.to_string()),
        ("SlurmUser", "root".into()),
        ("SlurmdUser", "root".into()),
        ("AuthType", "auth/munge".into()),
        // A requeued job waits until its old credential is over: 121 s, left to itself.
        ("AuthInfo", format!("socket={},cred_expire=5", munge.display())),
        ("SlurmctldPidFile", format!("{root}/run/slurmctld.own")),
        ("SlurmdPidFile", format!("{root}/run/slurmd-%n.own")),
        ("StateSaveLocation", format!("{root}/state")),
        ("SlurmdSpoolDir", format!("{root}/spool/%n")),
        ("SlurmctldLogFile", format!("{root}/log/slurmctld.log")),
        ("SlurmdLogFile", format!("{root}/log/slurmd-%n.log")),
        ("AccountingStorageType", "accounting_storage/slurmdbd".into()),
        ("AccountingStorageHost", "127.0.0.1".into()),
        ("AccountingStoragePort", (plan.first_port + 1).to_string()),
        ("AccountingStoragePass", munge.display().to_string()),
        // What emulated nodes have is written here, not looked up on the machine.
        ("SlurmdParameters", "config_overrides".into()),
        ("ProctrackType", "proctrack/linuxproc".into()),
        ("GresTypes", "gpu".into()),
    ]
}

/// How it schedules, accounts and evicts.
fn chosen(plan: &Plan) -> Vec<(&'static str, String)> {
    let (kind, mode) = match plan.options.preempt {
        Preempt::Qos => ("preempt/qos", "REQUEUE"),
        Preempt::None => ("preempt/none", "OFF"),
    };
    let mut settings = vec![
        ("PreemptType", kind.to_owned()),
        ("PreemptMode", mode.into()),
        ("KillWait", plan.options.kill_wait_seconds.to_string()),
        ("PrologFlags", "Alloc".into()),
        ("SelectType", "select/cons_tres".into()),
        ("SelectTypeParameters", "CR_CPU".into()),
        ("AccountingStorageTRES", "gres/gpu".into()),
        ("AccountingStorageEnforce", "associations,limits,qos,safe".into()),
        ("PriorityType", "priority/multifactor".into()),
        ("PriorityWeightQOS", "1000000".into()),
        ("PriorityWeightAge", "1000".into()),
        ("PriorityMaxAge", "1-0".into()),
        ("JobRequeue", "1".into()),
        ("SchedulerType", "sched/backfill".into()),
        // A cluster of this size can afford to look for a place at once; otherwise seconds pass.
        (
            "SchedulerParameters",
            "batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1,bf_continue,\
             bf_max_job_test=5000,bf_yield_interval=1000000,nohold_on_prolog_fail"
                .into(),
        ),
        ("MaxJobCount", "50000".into()),
        ("MinJobAge", "300".into()),
        ("CompleteWait", "0".into()),
        // A prolog may take a while.
        ("BatchStartTimeout", "60".into()),
        ("SlurmctldTimeout", "60".into()),
        ("SlurmdTimeout", "300".into()),
        ("MessageTimeout", "60".into()),
        ("ReturnToService", "2".into()),
        ("UnkillableStepTimeout", "60".into()),
        ("SlurmctldDebug", "info".into()),
        ("SlurmdDebug", "info".into()),
    ];
    if plan.options.preempt == Preempt::None {
        // Jobs of two accounts share no node. Slurm itself could then push none out for another's.
        settings.push(("MCSPlugin", "mcs/account".into()));
        settings.push(("MCSParameters", "enforced,select".into()));
    }
    if let Some(prolog) = &plan.options.prolog {
        settings.push(("Prolog", prolog.display().to_string()));
    }
    settings
}

fn gres_conf(plan: &Plan) -> String {
    let files = match plan.options.gpus_per_node {
        1 => "gpu0".to_owned(),
        count => format!("gpu[0-{}]", count - 1),
    };
    let root = plan.directory.root().display();
    let mut text = "AutoDetect=off\n".to_owned();
    for node in plan.nodes {
        let _ = writeln!(text, "NodeName={node} Name=gpu File={root}/gpus/{files}");
    }
    text
}

fn slurmdbd_conf(plan: &Plan) -> String {
    let root = plan.directory.root().display();
    let (host, port) = (plan.host, plan.first_port + 1);
    format!(
        "AuthType=auth/munge\nAuthInfo=socket={munge}\nDbdHost={host}\nDbdAddr=127.0.0.1\nDbdPort={port}\n\
         SlurmUser=root\nDebugLevel=info\nLogFile={root}/log/slurmdbd.log\nPidFile={root}/run/slurmdbd.own\n\
         StorageType=accounting_storage/mysql\nStorageHost=localhost\nStorageUser=root\nStorageLoc=slurm_acct_db\n",
        munge = plan.directory.munge_socket().display(),
    )
}
