//! Why a command was refused: a stable code, what is wrong, and what to do instead.

use leasehold_control::RefusedInput;
use leasehold_storage::StoreError;
use serde::{Deserialize, Serialize};

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// A stable name: lower case, words joined by hyphens.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// What to do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal that says all.
    pub fn new(
        status: u16,
        code: &str,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (detail, hint) = (detail.into(), Some(hint.into()));
        Self { status, code: code.into(), detail, hint }
    }

    /// There is no such thing, or it is somebody else's: which of the two is not told.
    pub fn unknown(what: &str, name: &str, hint: &str) -> Self {
        Self::new(404, &format!("{what}-is-known"), format!("there is no {what} {name}"), hint)
    }

    /// The program found itself wrong and stops.
    pub fn stopped() -> Self {
        Self::new(
            500,
            "invariant-broken",
            "the server found one of its own invariants broken, and stops",
            "nothing of the command is durable; the operator finds the story in the server's log",
        )
    }

    /// The store does not take anything.
    pub fn not_stored(error: &StoreError) -> Self {
        if matches!(error, StoreError::Unknown { .. }) {
            return Self::new(
                503,
                "outcome-unknown",
                "the connection to the database was lost while the command was stored",
                "repeat the command with the same Idempotency-Key: it is carried out once",
            );
        }
        Self::refused_by_store()
    }

    /// The store refuses writes for now.
    pub fn refused_by_store() -> Self {
        Self::new(
            503,
            "not-stored",
            "the database does not take anything at the moment; nothing happened",
            "repeat the command with the same Idempotency-Key in a few seconds",
        )
    }

    /// Another command came under the same key.
    pub fn key_reused(key: &str) -> Self {
        Self::new(
            422,
            "command-id-is-new",
            format!("another command was given under the Idempotency-Key {key:?}"),
            "give each command a key of its own; the same key only to repeat the same command",
        )
    }

    /// Whether the answer stays the same when the command is repeated under its key.
    pub const fn is_kept(&self) -> bool {
        self.status < 500
    }

    /// As it is kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a refusal can be written")
    }

    /// As it was kept.
    pub fn from_json(status: u16, text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self {
            status,
            code: "refused".into(),
            detail: "the command was refused before".into(),
            hint: None,
        })
    }
}

impl From<RefusedInput> for Refusal {
    /// The state machine names what must hold, then says how it does not.
    fn from(refused: RefusedInput) -> Self {
        let status = match refused {
            RefusedInput::UnknownLease(_)
            | RefusedInput::UnknownHold(_)
            | RefusedInput::UnknownTenant(_) => 404,
            RefusedInput::NoGpus { .. }
            | RefusedInput::TooLarge { .. }
            | RefusedInput::VacateTooLong { .. } => 422,
            _ => 409,
        };
        let text = refused.to_string();
        let (code, detail) = text.split_once(": ").unwrap_or(("refused", &text));
        Self { status, code: code.into(), detail: detail.into(), hint: hint(code) }
    }
}

/// What to do about a refusal of the state machine that does not say it itself.
fn hint(code: &str) -> Option<String> {
    let hint = match code {
        "job-fits-a-pool" => "ask for fewer GPUs, or allow more kinds of node",
        "job-needs-gpus" => "ask for at least 1 GPU",
        "vacate-is-bounded" => "declare a shorter time to vacate",
        "lease-is-known" => "list the leases that you may see with `leasehold lease list`",
        "lease-is-new" => "amend the lease, or give the new one another id",
        "no-oversell" => "look at what can be sold with `leasehold calendar`",
        _ => return None,
    };
    Some(hint.into())
}
