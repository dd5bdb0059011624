//! What a record of the event log says: an event of the state machine, or a fact that only the live
//! control plane knows. Both are folded in order; nothing else is.

use leasehold_clusters::slurm::watch::JobName;
use leasehold_control::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::{ReadLogged, TokenEvent};
use crate::job::{Exit, JobDescription};

/// The body of a record, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// What the state machine decided.
    Event(Event),
    /// What it need not know.
    Fact(Fact),
}

/// An [`Entry`] to be written, without a copy of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said<'a> {
    /// What the state machine decided.
    Event(&'a Event),
    /// What it need not know.
    Fact(&'a Fact),
}

/// What happened that moves no node, no job and no money by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The log of a site begins. Always the first record, and never another one.
    Opened {
        /// The site file, byte for byte.
        site: String,
    },
    /// A party is known: it may have tokens before it has a lease.
    PartyAdded {
        /// Its name.
        party: String,
    },
    /// A party uses an account for the first time.
    AccountOpened {
        /// Whose.
        party: String,
        /// Its name.
        account: String,
    },
    /// What a party says of the job that it submits next.
    JobDescribed {
        /// Whose.
        party: String,
        /// The party's number for it: 1, 2, 3.
        number: u64,
        /// What it says.
        description: JobDescription,
    },
    /// The plant told how a run ended.
    RunEnded {
        /// Whose.
        party: String,
        /// The party's number for the job.
        number: u64,
        /// Which of its starts, from 1.
        start: u32,
        /// How.
        exit: Exit,
        /// Joules that it used, where the plant measures any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        measured_joules: Option<u64>,
    },
    /// A scheduler of the cluster's own took a job that was submitted here.
    JobNumbered {
        /// Whose.
        party: String,
        /// The party's number for it.
        number: u64,
        /// What the cluster calls it.
        cluster_job: JobName,
    },
    /// A party withdrew a job that a scheduler of the cluster's own has.
    JobWithdrawn {
        /// Whose.
        party: String,
        /// The party's number for it.
        number: u64,
    },
    /// A token was made or taken back.
    Token(TokenEvent),
    /// Somebody read what is another party's.
    Read(ReadLogged),
}

/// What a party may know of a record: its kind, and all of it unless it tells of a party's jobs or tokens.
pub fn public(body: &str) -> (String, Option<Value>) {
    let Ok(Value::Object(outer)) = serde_json::from_str(body) else {
        return ("unreadable".into(), None);
    };
    let Some((_, inner)) = outer.into_iter().next() else { return ("unreadable".into(), None) };
    let kind = match &inner {
        Value::String(kind) => kind.clone(),
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let shown = !PRIVATE.iter().any(|private| kind.starts_with(private));
    (kind, shown.then_some(inner))
}

/// What kinds begin with that tell of a party's jobs, its accounts or its tokens.
const PRIVATE: [&str; 12] = [
    "job",
    "run",
    "nodes_claimed",
    "claim",
    "eviction",
    "leave",
    "cancellation",
    "reclaim",
    "back_off",
    "share",
    "account",
    "token",
];

/// Bytes in hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As records were written before energy was measured; they stay as they are.
    #[test]
    fn the_end_of_a_run_without_measured_energy_is_written_as_ever() {
        let body =
            r#"{"fact":{"run_ended":{"party":"lab","number":7,"start":1,"exit":{"code":0}}}}"#;
        let entry: Entry = serde_json::from_str(body).expect("an entry");
        assert_eq!(serde_json::to_string(&entry).expect("it can be written"), body);
        let measured = body.replace("}}}}", "},\"measured_joules\":36000}}}");
        let entry: Entry = serde_json::from_str(&measured).expect("an entry");
        let Entry::Fact(Fact::RunEnded { measured_joules, .. }) = entry else {
            panic!("{entry:?}")
        };
        assert_eq!(measured_joules, Some(36_000));
    }

    #[test]
    fn what_slurm_calls_a_job_is_written_as_ever() {
        for name in [r#"{"job":12}"#, r#"{"job":12,"task":3}"#] {
            let body = format!(
                r#"{{"fact":{{"job_numbered":{{"party":"lab","number":7,"cluster_job":{name}}}}}}}"#
            );
            let entry: Entry = serde_json::from_str(&body).expect("an entry");
            assert_eq!(serde_json::to_string(&entry).expect("it can be written"), body);
        }
    }
}
