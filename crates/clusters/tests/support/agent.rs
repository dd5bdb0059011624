//! The agent as a process of its own, for tests: `agent DIR`, and what that starts.

use leasehold_clusters::local::{
    AgentConfig, CgroupBase, TurnoverCommand, agent_main, launch_main, rounds, run_main,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["agent", directory, ref rest @ ..] => match agent_main(config(directory, rest))? {},
        ["agent-run", directory] => Ok(run_main(Path::new(directory))?),
        ["agent-launch", directory, supervisor] => {
            launch_main(Path::new(directory), supervisor.parse()?)
        }
        ["rounds", directory, count, seed] => {
            let outcome = rounds(
                &std::env::current_exe()?,
                Path::new(directory),
                count.parse()?,
                seed.parse()?,
            )?;
            std::fs::write(Path::new(directory).join("outcome"), format!("{outcome:?}\n"))?;
            Ok(())
        }
        _ => {
            Err("expected agent DIR, agent-run DIR, agent-launch DIR PID or rounds DIR COUNT SEED"
                .into())
        }
    }
}

/// Options after the directory: `cgroup=PATH`, `log=BYTES`, `turnover=SHELL`, `timeout=SECONDS`.
fn config(directory: &str, rest: &[&str]) -> AgentConfig {
    let option =
        |name: &str| rest.iter().find_map(|text| text.strip_prefix(name)?.strip_prefix('='));
    let timeout_seconds = option("timeout").and_then(|text| text.parse().ok()).unwrap_or(60);
    AgentConfig {
        directory: directory.into(),
        scratch: None,
        log_bytes_max: option("log").and_then(|text| text.parse().ok()).unwrap_or(1 << 20),
        log_keep: Duration::from_secs(3600),
        turnover: option("turnover").map(|shell| TurnoverCommand {
            argv: vec!["/bin/sh".into(), "-c".into(), shell.into()],
            timeout_seconds,
        }),
        cgroup: option("cgroup")
            .map_or(CgroupBase::Off, |path| CgroupBase::At(PathBuf::from(path))),
    }
}
