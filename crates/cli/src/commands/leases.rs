//! `lease`: leases on a server.

mod evidence;

use std::path::Path;

use serde_json::{Value, json};

use crate::arguments::{self, By, Common, Lease, LeaseSide};
use crate::failure::Failure;
use crate::live::client::segment;
use crate::live::columns::{self, Column, Width, number, text};
use crate::live::print::{self, List};
use crate::live::{self, Ask, Client};
use crate::{files, output};

const COLUMNS: [Column; 10] = [
    text("lease", "lease"),
    text("tenant", "tenant"),
    text("start", "start"),
    text("last day", "last_day"),
    number("GPUs", "gpus_granted"),
    number("nodes", "nodes_held"),
    text("next document", "next_document"),
    text("notice by", "notice.by"),
    text("notice given", "notice.given").wide(),
    number("version", "version").wide(),
];

const STEPS: [Column; 4] = [
    text("from", "from"),
    text("until", "until"),
    number("GPUs", "gpus"),
    number("nodes", "nodes"),
];

/// Does what was asked of leases.
pub fn run(asked: &Lease, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    match asked {
        Lease::List(asked) => {
            let ask = Ask::get("/leases").with("tenant", asked.tenant.as_ref());
            print::list(
                &client,
                &ask,
                &List { member: "leases", columns: &COLUMNS },
                asked.watch,
                common,
            )
        }
        Lease::Show(asked) => show(&client, asked, common),
        Lease::Evidence(asked) => evidence::get(&client, asked, common),
        Lease::Sign(asked) => {
            let ask = Ask::post(
                "/leases",
                json!({ "terms": files::read(&asked.file)?, "backdated": asked.backdated }),
            );
            print::command(&client, ask, asked.command, |answer| now(answer, "signed"), common)
        }
        Lease::Amend(asked) => {
            let terms = files::read(&asked.file)?;
            let lease = name(&asked.file, &terms)?;
            let path = format!("/leases/{}/amendments", segment(&lease));
            let mut ask = Ask::post(path, json!({ "terms": terms }));
            if let Some(version) = asked.if_version {
                ask = ask.header("if-match", format!("\"{version}\""));
            }
            print::command(&client, ask, asked.command, |answer| now(answer, "amended"), common)
        }
        Lease::Notice(asked) => side(&client, asked, "notice", "under notice", common),
        Lease::Withdraw(asked) => {
            side(&client, asked, "withdrawal", "asked to take the notice back", common)
        }
        Lease::Terminate(asked) => {
            let ask = Ask::do_at(format!("/leases/{}/termination", segment(&asked.lease)));
            print::command(&client, ask, asked.command, |answer| now(answer, "terminated"), common)
        }
    }
}

fn show(client: &Client, asked: &arguments::LeaseShow, common: &Common) -> Result<(), Failure> {
    let ask = Ask::get(format!("/leases/{}", segment(&asked.lease)));
    if asked.terms {
        let answer = client.json(&ask)?;
        return output::stdout(answer["terms"].as_str().unwrap_or_default().as_bytes());
    }
    let steps = |answer: &Value| {
        let steps = answer["entitlement"].as_array().map_or(&[][..], Vec::as_slice);
        format!("\n{}", columns::table(&STEPS, steps, Width::Wide))
    };
    print::show(client, &ask, &COLUMNS, steps, asked.watch, common)
}

fn side(
    client: &Client,
    asked: &LeaseSide,
    what: &str,
    done: &str,
    common: &Common,
) -> Result<(), Failure> {
    let by = asked.by.map(|by| match by {
        By::Landlord => "landlord",
        By::Tenant => "tenant",
    });
    let ask = Ask::post(format!("/leases/{}/{what}", segment(&asked.lease)), json!({ "by": by }));
    print::command(client, ask, asked.command, |answer| now(answer, done), common)
}

fn now(answer: &Value, done: &str) -> String {
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    format!(
        "{}: {done}, version {}, last day {}",
        text("lease"),
        answer["version"],
        text("last_day")
    )
}

/// The name of the lease that the terms in the file at `path` are of.
fn name(path: &Path, terms: &str) -> Result<String, Failure> {
    let table: Option<toml::Table> = terms.parse().ok();
    let name = table.as_ref().and_then(|table| table.get("id")?.as_str());
    name.map(str::to_owned).ok_or_else(|| {
        let message = format!("{}: expected the name of a lease, id = \"…\"", path.display());
        Failure::impossible(message)
            .with_hint("`leasehold check` tells what is wrong with a lease file")
    })
}
