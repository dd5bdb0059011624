//! `invoice`: documents on a server.

use serde_json::{Value, json};

use crate::arguments::{By, Common, Invoice, InvoiceGet, Show};
use crate::failure::Failure;
use crate::live::client::segment;
use crate::live::columns::{Column, number, text};
use crate::live::print::{self, List};
use crate::live::{self, Ask};
use crate::{arguments, files, output};

const COLUMNS: [Column; 10] = [
    text("document", "document"),
    text("kind", "kind"),
    text("lease", "lease"),
    text("tenant", "tenant"),
    text("issued", "issued"),
    text("due", "due"),
    text("", "currency"),
    number("total", "total"),
    number("open", "open"),
    text("state", "state"),
];

const NEXT: [Column; 3] =
    [text("lease", "lease"), text("tenant", "tenant"), text("next document", "next_document")];

/// Does what was asked of documents on a server.
pub fn run(asked: &Invoice, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    let post = |number: &str, what: &str, body: Value| {
        Ask::post(format!("/invoices/{}/{what}", segment(number)), body)
    };
    let (ask, command) = match asked {
        Invoice::Verify(_) | Invoice::Show(_) => unreachable!("they need no server"),
        Invoice::List(asked) => {
            let ask = Ask::get("/invoices")
                .with("tenant", asked.tenant.as_ref())
                .with("limit", Some(asked.page.limit));
            let list = List { member: "documents", columns: &COLUMNS };
            return print::list(&client, &ask, &list, asked.watch, common);
        }
        Invoice::Get(asked) => return get(asked, common),
        Invoice::Issue => {
            let line = "documents are issued by themselves at the start of their day; nothing is to be done";
            output::narrate(common, line);
            let list = List { member: "leases", columns: &NEXT };
            let once = arguments::Watch { watch: false };
            return print::list(&client, &Ask::get("/leases"), &list, once, common);
        }
        Invoice::Pay(asked) => {
            let body =
                json!({ "id": asked.id, "day": asked.day.to_string(), "amount": asked.amount });
            (post(&asked.number, "payments", body), asked.command)
        }
        Invoice::Dispute(asked) => {
            let body = json!({ "id": asked.id, "amount": asked.amount });
            (post(&asked.number, "disputes", body), asked.command)
        }
        Invoice::Resolve(asked) => {
            let favour = match asked.favour {
                By::Landlord => "landlord",
                By::Tenant => "tenant",
            };
            let what = format!("disputes/{}/resolution", segment(&asked.dispute));
            (post(&asked.number, &what, json!({ "favour": favour })), asked.command)
        }
        Invoice::Credit(asked) => {
            let lines =
                asked.line.iter().map(|(line, amount)| json!({ "line": line, "amount": amount }));
            let body = json!({ "reason": asked.reason, "lines": lines.collect::<Vec<_>>() });
            (post(&asked.number, "credit", body), asked.command)
        }
    };
    print::command(&client, ask, command, issued, common)
}

fn issued(answer: &Value) -> String {
    let numbers = answer["documents"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let numbers: Vec<&str> = numbers.collect();
    if numbers.is_empty() {
        return "written down".into();
    }
    format!("written down; issued {}", numbers.join(", "))
}

fn get(asked: &InvoiceGet, common: &Common) -> Result<(), Failure> {
    if let Some(path) = &asked.out {
        files::must_be_free(path, asked.force)?;
    }
    let bytes = fetch(&asked.number, common)?;
    let Some(path) = &asked.out else { return output::stdout(&bytes) };
    files::replace(path, |file| file.write_all(&bytes))?;
    output::narrate(common, &format!("wrote {}", path.display()));
    Ok(())
}

/// The document that `show` is asked for, where its name is no file.
pub fn on_server(asked: &Show, common: &Common) -> Option<Result<String, Failure>> {
    let number = asked.invoice.to_str()?;
    if asked.invoice.exists() || number.ends_with(".json") {
        return None;
    }
    let text = fetch(number, common).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|_| Failure::impossible("the server sends no text"))
    });
    Some(text.inspect_err(|_| {
        output::narrate(common, &format!("there is no file {number}; a server was asked for it"));
    }))
}

fn fetch(number: &str, common: &Common) -> Result<Vec<u8>, Failure> {
    live::client(common)?.bytes(&Ask::get(format!("/invoices/{}", segment(number))))
}
