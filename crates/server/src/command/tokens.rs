//! Making and revoking tokens.

use leasehold_units::{Instant, PartyId};

use super::{Desk, Done, Refusal, Reply};
use crate::auth::{Principal, TokenEvent, TokenId, TokenRequest};
use crate::log::Fact;

/// What is asked of tokens. `at` is the time outside, by which tokens end: a site that plays in another time has
/// readers and writers of this one.
#[derive(Debug, Clone)]
pub enum TokenCommand {
    /// A token was drawn and is to count from now on.
    Create {
        /// Who has it made.
        by: Box<Principal>,
        /// What was asked for.
        request: Box<TokenRequest>,
        /// What is to be stored.
        event: Box<TokenEvent>,
        /// Its public name.
        id: TokenId,
        /// When, outside.
        at: Instant,
    },
    /// A token is to count no more.
    Revoke {
        /// Which.
        id: TokenId,
        /// Of which party, or of the site.
        party: Option<PartyId>,
        /// When, outside.
        at: Instant,
    },
    /// No token of a party is to count any more.
    RevokeAll {
        /// Of which.
        party: PartyId,
        /// When, outside.
        at: Instant,
    },
}

impl TokenCommand {
    pub(super) fn carry_out(&self, desk: &mut Desk<'_>) -> Reply {
        match self {
            Self::Create { by, request, event, id, at } => {
                let checked = request.check(by, desk.core.registry().tokens(), *at);
                checked.map_err(|refusal| {
                    let detail = refusal.to_string();
                    Refusal::new(422, "token-is-allowed", detail, "ask for what is allowed")
                })?;
                desk.note(Fact::Token(TokenEvent::clone(event)));
                Ok(Done::created(&serde_json::json!({ "id": id.as_str() })))
            }
            Self::Revoke { id, party, at } => {
                let known = desk.core.registry().tokens().get(id);
                if known.is_none_or(|(record, _)| record.party != *party) {
                    let hint = "list the tokens with `leasehold token list`";
                    return Err(Refusal::unknown("token", id.as_str(), hint));
                }
                revoke(desk, id.clone(), *at);
                Ok(Done::ok(&serde_json::json!({ "revoked": 1 })))
            }
            Self::RevokeAll { party, at } => {
                let tokens = desk.core.registry().tokens().of(Some(party));
                let living = tokens.filter(|(_, revoked)| revoked.is_none());
                let ids: Vec<TokenId> = living.map(|(record, _)| record.id.clone()).collect();
                let count = ids.len();
                ids.into_iter().for_each(|id| revoke(desk, id, *at));
                Ok(Done::ok(&serde_json::json!({ "revoked": count })))
            }
        }
    }
}

fn revoke(desk: &mut Desk<'_>, id: TokenId, at: Instant) {
    let by = desk.by.id.clone();
    desk.note(Fact::Token(TokenEvent::Revoked { id, at, by }));
}
