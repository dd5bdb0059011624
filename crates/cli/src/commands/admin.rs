//! `audit`, `access`, `token`, `party`, `events`: who may, who did, what happened.

use std::io::Write as _;

use serde_json::{Value, json};

use super::access;
use crate::arguments::{
    Access, Audit, Common, CreateToken, Events, Format, OneCommand, Party, RoleName, ScopeName,
    Token,
};
use crate::failure::Failure;
use crate::files::FileError;
use crate::live::client::segment;
use crate::live::columns::{Column, number, text};
use crate::live::contexts::{self, Context};
use crate::live::print::{self, List};
use crate::live::{self, Ask, Client, events};
use crate::output;

const RECORDS: [Column; 5] = [
    number("record", "seq"),
    text("at", "at"),
    text("kind", "kind"),
    text("hash", "hash").wide(),
    text("body", "body").wide(),
];

const READS: [Column; 6] = [
    number("read", "number"),
    text("at", "at"),
    text("who", "who"),
    text("role", "role"),
    text("party", "party"),
    text("what", "what"),
];

const TOKENS: [Column; 8] = [
    text("id", "id"),
    text("name", "name"),
    text("role", "role"),
    text("party", "party"),
    text("good for", "scopes"),
    text("created", "created"),
    text("expires", "expires"),
    text("revoked", "revoked"),
];

const PARTIES: [Column; 3] =
    [text("party", "party"), text("side", "side"), number("leases", "leases")];

/// A command that cannot be tried out.
const IN_EARNEST: OneCommand = OneCommand { dry_run: false };

/// Reads or checks the log.
pub fn audit(asked: &Audit, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    match asked {
        Audit::List(asked) => {
            let ask = Ask::get("/audit")
                .with("after", Some(asked.after))
                .with("limit", Some(asked.page.limit));
            let once = crate::arguments::Watch { watch: false };
            print::list(&client, &ask, &List { member: "records", columns: &RECORDS }, once, common)
        }
        Audit::Verify => {
            let answer = client.json(&Ask::get("/audit/verify"))?;
            let said = |answer: &Value| {
                let records = output::grouped(&answer["records"]);
                let head = answer["head"].as_str().unwrap_or_default();
                format!(
                    "{records} records, each with the hash that follows from the one before; the last is {head}"
                )
            };
            print::said(&answer, IN_EARNEST, said, common)
        }
    }
}

/// Reads who read.
pub fn reads(asked: &Access, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    let Access::List(asked) = asked;
    let ask = Ask::get("/access")
        .with("party", asked.party.as_ref())
        .with("limit", Some(asked.page.limit));
    print::list(&client, &ask, &List { member: "reads", columns: &READS }, asked.watch, common)
}

/// Does what was asked of parties.
pub fn party(asked: &Party, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    match asked {
        Party::Add(asked) => {
            let ask = Ask::post("/parties", json!({ "party": asked.party }));
            let said = |_: &Value| format!("party {} is known", asked.party);
            print::command(&client, ask, asked.command, said, common)
        }
        Party::List(watch) => {
            let list = List { member: "parties", columns: &PARTIES };
            print::list(&client, &Ask::get("/parties"), &list, *watch, common)
        }
        Party::RevokeTokens(asked) => {
            let ask = Ask::delete(format!("/parties/{}/tokens", segment(&asked.party)));
            print::command(&client, ask, asked.command, revoked, common)
        }
    }
}

/// Does what was asked of tokens.
pub fn token(asked: &Token, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    match asked {
        Token::Create(asked) => create(&client, asked, common),
        Token::List(watch) => {
            let list = List { member: "tokens", columns: &TOKENS };
            print::list(&client, &Ask::get("/tokens"), &list, *watch, common)
        }
        Token::Revoke(asked) => {
            let ask = Ask::delete(format!("/tokens/{}", segment(&asked.id)));
            print::command(&client, ask, IN_EARNEST, revoked, common)
        }
    }
}

fn revoked(answer: &Value) -> String {
    let count = answer["revoked"].as_u64().unwrap_or_default();
    format!("{} revoked", output::counted(usize::try_from(count).unwrap_or(usize::MAX), "token"))
}

fn create(client: &Client, asked: &CreateToken, common: &Common) -> Result<(), Failure> {
    if let Some(path) = &asked.out {
        crate::files::must_be_free(path, false)?;
    }
    let role = match asked.role {
        RoleName::Operator => "operator",
        RoleName::Finance => "finance",
        RoleName::PartyAdmin => "party_admin",
        RoleName::PartyUser => "party_user",
        RoleName::Auditor => "auditor",
    };
    let scope = |scope: &ScopeName| match scope {
        ScopeName::Read => "read",
        ScopeName::Write => "write",
        ScopeName::Jobs => "jobs",
        ScopeName::Metrics => "metrics",
    };
    let mut scopes: Vec<&str> = asked.scope.iter().map(scope).collect();
    if scopes.is_empty() {
        scopes = if asked.role == RoleName::Auditor { vec!["read"] } else { vec!["read", "write"] };
    }
    let expires = super::nodes::until(None, asked.expires, asked.lasts);
    let body = json!({ "name": asked.name, "role": role, "party": asked.party, "scopes": scopes, "expires": expires });
    let answer = client.json(&Ask::post("/tokens", body))?;
    let Some(secret) = answer["token"].as_str() else {
        let id = answer["id"].as_str().unwrap_or_default();
        let message = format!("the token {id} was made, but the answer with its secret was lost");
        return Err(Failure::impossible(message)
            .with_hint(format!("`leasehold token revoke {id}`, and make another")));
    };
    keep(client, asked, &answer, secret, common)
}

fn keep(
    client: &Client,
    asked: &CreateToken,
    answer: &Value,
    secret: &str,
    common: &Common,
) -> Result<(), Failure> {
    let id = answer["id"].as_str().unwrap_or_default();
    if let Some(path) = &asked.out {
        contexts::private(path, &format!("{secret}\n"))
            .map_err(|error| FileError::Unwritable { path: path.clone(), error })?;
        output::narrate(common, &format!("wrote the token {id} into {}", path.display()));
        return Ok(());
    }
    if let Some(name) = &asked.save_as {
        let context = Context { token: secret.to_owned(), ..client.context().clone() };
        access::keep(name, context, common)?;
        output::narrate(
            common,
            &format!("the token {id} is kept as the context {name}, which is in use now"),
        );
        return Ok(());
    }
    output::narrate(common, &format!("the token {id} is shown this once, and kept nowhere"));
    print::said(answer, IN_EARNEST, |_| secret.to_owned(), common)
}

/// Prints what happens.
pub fn events(asked: &Events, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    let mut after = asked.after.or(if asked.follow { None } else { Some(0) });
    loop {
        let ask = Ask::get("/events").with("after", after).with("follow", Some(asked.follow));
        let response = client.stream(&ask)?;
        for event in events::Events::of(response.into_body().into_reader()) {
            // A stream that was cut is taken up where it ended.
            let Ok(event) = event else { break };
            after = event.id.parse().ok().or(after);
            if event.kind == "reset" {
                output::narrate(common, "some of what happened before can no longer be read");
                continue;
            }
            if !tell(&event.data, common) {
                return Ok(());
            }
        }
        if !asked.follow {
            return Ok(());
        }
    }
}

/// Prints what happened, a line; whether somebody still reads.
fn tell(data: &str, common: &Common) -> bool {
    let event: Value = serde_json::from_str(data).unwrap_or_default();
    let line = match common.output {
        Format::Table | Format::Wide => {
            let what = event["what"].as_object().into_iter().flatten();
            let rest = what.filter(|(name, _)| *name != "kind").map(|(name, value)| {
                format!(
                    " {name} {}",
                    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                )
            });
            let kind = event["what"]["kind"].as_str().unwrap_or_default().replace('_', " ");
            let at = event["at"].as_str().unwrap_or_default();
            format!("{} {at} {kind}{}\n", event["number"], rest.collect::<String>())
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let fields = [
                event["number"].to_string(),
                event["at"].as_str().unwrap_or_default().into(),
                event["what"].to_string(),
            ];
            writer.write_record(fields).expect("writing to memory does not fail");
            String::from_utf8(writer.into_inner().expect("in memory")).expect("made of text")
        }
        Format::Json => format!("{event}\n"),
        Format::Yaml => format!("---\n{}", output::yaml(&event)),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_ok()
}
