//! The table as a page, so that it can be read without the code.

use std::fmt::Write;

use super::{ROUTES, Right, Standing, Takes};

const OPENING: &str = "\
# Who may do what

This page is printed from the table in `crates/server/src/auth/rights/table.rs`; do not edit it.

`yes`: for every party. `own party`: for the caller's own party; everything else is answered as if it
did not exist. `own work`: what the caller itself made. `–`: refused. The landlord's research side is a
party like any other, and its people see no more than those of a tenant.

Three lines decide the cells. The operator sees capacity, health, power and money, never what a job is.
A party sees itself alone: nothing that changes with what others do. An auditor reads everything of its
side that is not the content of jobs, and writes nothing.

The rights of a token are those of its role, cut down to its scopes; it needs one of those that the
table names. Every right marked `logged` reads what belongs to one party: when somebody of another
party, or of the site, uses it, an entry is kept, and the party can read it (`read_own_access_log`).

";

/// The text of `docs/rights.md`.
pub fn page() -> String {
    let mut text = String::from(OPENING);
    let heads = Standing::ALL.map(Standing::as_str).join(" | ");
    writeln!(text, "| right | {heads} | scopes | logged |").expect("writing succeeds");
    writeln!(text, "|---|{}---|---|", "---|".repeat(Standing::ALL.len()))
        .expect("writing succeeds");
    for right in Right::ALL {
        let cells = Standing::ALL.map(|standing| right.verdict(standing).as_str()).join(" | ");
        let scopes = super::names(right.deed().scopes());
        let logged = if right.reads_party_data() { "logged" } else { "" };
        writeln!(text, "| `{right}` | {cells} | {scopes} | {logged} |").expect("writing succeeds");
    }
    text.push_str("\n## What each right is\n\n");
    for right in Right::ALL {
        writeln!(text, "- `{right}`: {}", right.about()).expect("writing succeeds");
    }
    write_routes(&mut text);
    text
}

fn write_routes(text: &mut String) {
    text.push_str("\n## Which route takes which right\n\n");
    text.push_str(
        "A test asks every route in every standing, and once without a token. Refused is 403; what is \
         another party's is 404, as if it did not exist; without a token it is 401.\n\n",
    );
    let heads = Standing::ALL.map(Standing::as_str).join(" | ");
    writeln!(text, "| route | {heads} | takes |").expect("writing succeeds");
    writeln!(text, "|---|{}---|", "---|".repeat(Standing::ALL.len())).expect("writing succeeds");
    for route in ROUTES {
        let cells = Standing::ALL.map(|standing| route.verdict(standing).as_str()).join(" | ");
        let takes = match route.takes {
            Takes::Nothing => "nothing, not even a token".to_owned(),
            Takes::One(right) => format!("`{right}`"),
            Takes::Sides { site, party } => format!("`{site}`, of a party `{party}`"),
        };
        let method = route.method.to_uppercase();
        writeln!(text, "| `{method} {}` | {cells} | {takes} |", route.path)
            .expect("writing succeeds");
    }
}
