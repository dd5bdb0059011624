//! The site's own tokens: who has one, as a fold of events, and how a text becomes a principal.
//!
//! A token is `lh_ID_SECRET`: 16 and 64 lower-case hexadecimal digits. The server draws both, shows
//! the text once and keeps SHA-256 of the secret only, so that the event log gives nobody a token.
//! Secrets are 256 random bits, which is why a fast hash is enough: there is nothing to guess.

use std::collections::BTreeMap;
use std::fmt;

use leasehold_units::{Instant, PartyId};
use serde::{Deserialize, Serialize};

use super::principal::{Principal, PrincipalError, Role, Scope, Scopes, check_standing};
use super::refusal::AuthRefusal;
use super::secret::{RandomError, Secret, random_hex, same, sha256_hex};
use super::wire;

/// What every token begins with: programs that look for leaked secrets know it by that.
pub const PREFIX: &str = "lh_";
const ID_DIGITS: usize = 16;
const SECRET_DIGITS: usize = 64;
/// The longest name of a token, in characters.
pub const NAME_LENGTH_MAX: usize = 64;

/// The public name of a token: `tok_` and 16 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId(String);

/// What happened to tokens, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenEvent {
    /// A token was made.
    Created(TokenRecord),
    /// A token was taken back. Revoking again changes nothing.
    Revoked {
        /// Which.
        id: TokenId,
        /// When.
        #[serde(with = "wire::instant")]
        at: Instant,
        /// By which principal.
        by: String,
    },
}

/// A token as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    /// Its public name.
    pub id: TokenId,
    /// What it is for, in the words of whoever asked for it.
    pub name: String,
    /// The role of whoever has it.
    pub role: Role,
    /// The party of whoever has it.
    #[serde(with = "wire::party_option")]
    pub party: Option<PartyId>,
    /// What it is good for.
    pub scopes: Scopes,
    /// SHA-256 of the secret, in hexadecimal digits. Never shown.
    secret_sha256: String,
    /// When it was made.
    #[serde(with = "wire::instant")]
    pub created: Instant,
    /// The first second in which it is not good any more; none if it has no end.
    #[serde(with = "wire::instant_option")]
    pub expires: Option<Instant>,
    /// The principal that made it.
    pub by: String,
}

/// What is asked for when a token is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// What it is for: 1 to 64 characters without control characters.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The party, if the role has one.
    pub party: Option<PartyId>,
    /// What it shall be good for.
    pub scopes: Scopes,
    /// When it ends; none for never.
    pub expires: Option<Instant>,
}

/// Why a token is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// A name that is empty, too long, or has control characters.
    #[error(
        "the name has {characters} characters or control characters in it; give 1 to 64 printable ones"
    )]
    BadName {
        /// Its length.
        characters: usize,
    },
    /// Role, party and scopes do not fit.
    #[error(transparent)]
    Standing(#[from] PrincipalError),
    /// It would have ended already.
    #[error("the token would have ended at {expires}; name an instant after {now}")]
    AlreadyOver {
        /// The wanted end.
        expires: Instant,
        /// The present.
        now: Instant,
    },
    /// Nobody hands out more than they have.
    #[error(
        "a token with the role {role} is not this principal's to give; ask the party's admin or the operator"
    )]
    NotYours {
        /// The wanted role.
        role: Role,
    },
    /// A scope that the token of whoever asks does not have.
    #[error("the scope {scope:?} is not in the token that asks; ask with one that has it")]
    WiderThanOwn {
        /// The scope.
        scope: Scope,
    },
    /// The party has an admin: it makes its own tokens.
    #[error(
        "the party {party} has an admin already, who makes its tokens; revoke the party's tokens first if they are lost"
    )]
    PartyHasAdmin {
        /// The party.
        party: PartyId,
    },
}

/// All tokens: the fold of [`TokenEvent`]s. Pure; knows no clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBook {
    tokens: BTreeMap<TokenId, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    record: TokenRecord,
    revoked: Option<Instant>,
}

/// A new token: the event to store, and the text to show once after it is stored.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// To be stored.
    pub event: TokenEvent,
    /// Its public name.
    pub id: TokenId,
    /// To be shown once.
    pub secret: Secret,
}

impl TokenId {
    /// Checks and keeps `text`: `tok_` and 16 hexadecimal digits.
    pub fn new(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("tok_")?;
        is_hex(digits, ID_DIGITS).then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TokenId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text).ok_or_else(|| format!("{text:?} is not `tok_` and 16 hexadecimal digits"))
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.0
    }
}

impl TokenRequest {
    /// Whether such a token can be, and whether `by` may have it made. An operator gives the roles
    /// of the site, and to a party without a living admin its first one: from then on the party
    /// makes its own tokens, and nobody at the site can make one in its name unseen.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(
        &self,
        by: &Principal,
        book: &TokenBook,
        now: Instant,
    ) -> Result<(), TokenRefusal> {
        self.check_itself(now)?;
        match (by.role(), &self.party) {
            (Role::Operator, None) => {}
            (Role::Operator, Some(party)) if self.role == Role::PartyAdmin => {
                if book.has_admin(party, now) {
                    return Err(TokenRefusal::PartyHasAdmin { party: party.clone() });
                }
                return Ok(());
            }
            (Role::PartyAdmin, Some(party)) if by.party() == Some(party) => {}
            _ => return Err(TokenRefusal::NotYours { role: self.role }),
        }
        match self.scopes.iter().find(|scope| !by.scopes().contains(scope) && !covered(by, **scope))
        {
            Some(scope) => Err(TokenRefusal::WiderThanOwn { scope: *scope }),
            None => Ok(()),
        }
    }

    fn check_itself(&self, now: Instant) -> Result<(), TokenRefusal> {
        let characters = self.name.chars().count();
        let printable = !self.name.chars().any(char::is_control) && !self.name.trim().is_empty();
        if !printable || characters > NAME_LENGTH_MAX {
            return Err(TokenRefusal::BadName { characters });
        }
        check_standing(self.role, self.party.as_ref(), &self.scopes)?;
        match self.expires {
            Some(expires) if expires <= now => Err(TokenRefusal::AlreadyOver { expires, now }),
            _ => Ok(()),
        }
    }

    /// Draws the token. Call [`TokenRequest::check`] first; store the event before the secret is
    /// shown.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn draw(self, by: &str, now: Instant) -> Result<NewToken, RandomError> {
        let digits = random_hex::<{ ID_DIGITS / 2 }>()?;
        let secret = random_hex::<{ SECRET_DIGITS / 2 }>()?;
        let id = TokenId(format!("tok_{digits}"));
        let record = TokenRecord {
            id: id.clone(),
            name: self.name,
            role: self.role,
            party: self.party,
            scopes: self.scopes,
            secret_sha256: sha256_hex(&secret),
            created: now,
            expires: self.expires,
            by: by.into(),
        };
        let secret = Secret::new(format!("{PREFIX}{digits}_{secret}"));
        Ok(NewToken { event: TokenEvent::Created(record), id, secret })
    }
}

/// Whether read and write together include a narrower scope.
fn covered(by: &Principal, scope: Scope) -> bool {
    match scope {
        Scope::Jobs => by.scopes().contains(&Scope::Read) && by.scopes().contains(&Scope::Write),
        Scope::Metrics => by.scopes().contains(&Scope::Read),
        Scope::Read | Scope::Write => false,
    }
}

impl TokenBook {
    /// Applies what happened.
    ///
    /// # Panics
    /// If a second token has the name of another: names are drawn from 2^64, and a log in which
    /// that happens was not written by this server.
    pub fn apply(&mut self, event: &TokenEvent) {
        match event {
            TokenEvent::Created(record) => {
                let entry = Entry { record: record.clone(), revoked: None };
                let before = self.tokens.insert(record.id.clone(), entry);
                assert!(before.is_none(), "the token {} was made twice", record.id);
            }
            TokenEvent::Revoked { id, at, .. } => {
                if let Some(entry) = self.tokens.get_mut(id) {
                    entry.revoked.get_or_insert(*at);
                }
            }
        }
    }

    /// Who sends `text`. The answer to a wrong secret is the answer to an unknown name, and takes
    /// the same comparison.
    ///
    /// # Errors
    /// Why nobody is let in with it. Only whoever has the right secret hears that it is over.
    pub fn lookup(&self, text: &str, now: Instant) -> Result<Principal, AuthRefusal> {
        const NOBODY: &str = "0000000000000000000000000000000000000000000000000000000000000000";
        let (id, secret) = split(text).ok_or(AuthRefusal::Invalid)?;
        let entry = self.tokens.get(&id);
        let kept = entry.map_or(NOBODY, |entry| entry.record.secret_sha256.as_str());
        let right = same(&sha256_hex(secret), kept);
        let entry = entry.filter(|_| right).ok_or(AuthRefusal::Invalid)?;
        if entry.revoked.is_some() {
            return Err(AuthRefusal::Revoked);
        }
        if !entry.is_live(now) {
            return Err(AuthRefusal::Expired);
        }
        let record = &entry.record;
        let (role, party) = (record.role, record.party.clone());
        Principal::new(record.id.principal(), role, party, record.scopes.clone(), record.expires)
            .map(|principal| principal.named(&record.name))
            .map_err(|_| AuthRefusal::Invalid)
    }

    /// The token `id` and since when it is revoked.
    pub fn get(&self, id: &TokenId) -> Option<(&TokenRecord, Option<Instant>)> {
        self.tokens.get(id).map(|entry| (&entry.record, entry.revoked))
    }

    /// The tokens of `party` (of the site, if none), by name, and since when each is revoked.
    pub fn of<'a>(
        &'a self,
        party: Option<&'a PartyId>,
    ) -> impl Iterator<Item = (&'a TokenRecord, Option<Instant>)> {
        let all = self.tokens.values().filter(move |entry| entry.record.party.as_ref() == party);
        all.map(|entry| (&entry.record, entry.revoked))
    }

    /// Whether the site has an operator's token that is good at `now`.
    pub fn has_operator(&self, now: Instant) -> bool {
        self.tokens.values().any(|entry| entry.record.role == Role::Operator && entry.is_live(now))
    }

    /// Whether `party` has an admin's token that is good at `now`.
    pub fn has_admin(&self, party: &PartyId, now: Instant) -> bool {
        self.tokens.values().any(|entry| {
            let record = &entry.record;
            record.role == Role::PartyAdmin
                && record.party.as_ref() == Some(party)
                && entry.is_live(now)
        })
    }
}

impl TokenId {
    /// The stable name of the principal that has this token.
    pub fn principal(&self) -> String {
        format!("token:{self}")
    }
}

impl Entry {
    fn is_live(&self, now: Instant) -> bool {
        self.revoked.is_none() && self.record.expires.is_none_or(|expires| now < expires)
    }
}

fn split(text: &str) -> Option<(TokenId, &str)> {
    let (digits, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let well_formed = is_hex(digits, ID_DIGITS) && is_hex(secret, SECRET_DIGITS);
    well_formed.then(|| (TokenId(format!("tok_{digits}")), secret))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
