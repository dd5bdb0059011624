//! `node`, `power`, `usage`: the plant as a server runs it.

use leasehold_units::{Instant, Seconds};
use serde_json::{Value, json};

use crate::arguments::{self, CauseName, Common, Node, Power};
use crate::failure::Failure;
use crate::live::client::segment;
use crate::live::columns::{self, Column, Width, gpu_hours, number, power, text};
use crate::live::print::{self, List};
use crate::live::{self, Ask, Client};
use crate::output::counted;

const NODES: [Column; 8] = [
    text("node", "node"),
    text("sku", "sku"),
    number("GPUs", "gpus"),
    text("condition", "condition"),
    text("holding", "holding"),
    number("used", "gpus_used"),
    number("borrowed", "gpus_borrowed"),
    text("draining", "draining").wide(),
];

const POWER: [Column; 2] = [power("may be drawn", "limit_watts"), power("drawn", "drawn_watts")];

const CURTAILMENTS: [Column; 5] = [
    text("from", "from"),
    text("until", "until"),
    power("limit", "limit_watts"),
    text("cause", "cause"),
    text("announced", "announced"),
];

const USAGE: [Column; 11] = [
    text("lease", "lease"),
    text("tenant", "tenant"),
    text("month", "month"),
    gpu_hours("GPU-hours entitled", "entitled_gpu_seconds"),
    gpu_hours("delivered", "delivered_gpu_seconds"),
    gpu_hours("held", "held_gpu_seconds"),
    gpu_hours("used", "used_gpu_seconds"),
    number("reclaims", "reclaim_requests"),
    number("missed", "reclaim_missed"),
    text("until", "until"),
    text("provisional", "provisional").wide(),
];

/// Does what was asked of nodes.
pub fn node(asked: &Node, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    match asked {
        Node::List(watch) => {
            let ask = Ask::get("/nodes").with("limit", Some(5_000));
            print::list(&client, &ask, &List { member: "nodes", columns: &NODES }, *watch, common)
        }
        Node::Show(asked) => {
            let ask = Ask::get(format!("/nodes/{}", segment(&asked.node)));
            print::show(&client, &ask, &NODES, |_| String::new(), asked.watch, common)
        }
        Node::Drain(asked) => drain(&client, asked, common),
        Node::Resume(asked) => {
            let ask = Ask::do_at(format!("/nodes/{}/resume", segment(&asked.nodes)));
            print::command(&client, ask, asked.command, resumed, common)
        }
        Node::Down(asked) => {
            let body = json!({ "tenant_fault": asked.tenant_fault });
            let ask = Ask::post(format!("/nodes/{}/down", segment(&asked.nodes)), body);
            let said = |answer: &Value| format!("{} down", nodes(answer));
            print::command(&client, ask, asked.command, said, common)
        }
    }
}

fn drain(client: &Client, asked: &arguments::NodeDrain, common: &Common) -> Result<(), Failure> {
    let mut body = json!({
        "what": asked.what,
        "until": until(asked.from, asked.until, asked.lasts),
        "agreed_hours": asked.agreed_hours,
    });
    body["id"] = json!(asked.id);
    body["from"] = json!(asked.from.map(|from| from.to_string()));
    let ask = Ask::post(format!("/nodes/{}/drain", segment(&asked.nodes)), body);
    let said = |answer: &Value| {
        let text = |key: &str| answer[key].as_str().unwrap_or_default();
        format!(
            "{} out of service as {}, {} to {}",
            nodes(answer),
            text("id"),
            text("from"),
            text("until")
        )
    };
    print::command(client, ask, asked.command, said, common)
}

fn nodes(answer: &Value) -> String {
    let count = answer["nodes"].as_u64().unwrap_or_default();
    counted(usize::try_from(count).unwrap_or(usize::MAX), "node")
}

fn resumed(answer: &Value) -> String {
    let cancelled = answer["cancelled"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let cancelled: Vec<&str> = cancelled.collect();
    let back =
        if answer["nodes"].is_null() { String::new() } else { format!("{} back", nodes(answer)) };
    match (back.is_empty(), cancelled.is_empty()) {
        (_, true) => back,
        (true, false) => format!("called off: {}", cancelled.join(", ")),
        (false, false) => format!("{back}; called off: {}", cancelled.join(", ")),
    }
}

/// When something ends that begins at `from`, or now.
pub fn until(from: Option<Instant>, until: Option<Instant>, lasts: Option<u32>) -> Option<String> {
    let now = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Instant::from_unix(
            since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
        )
    };
    let end = until.or_else(|| Some(from.unwrap_or_else(now).after(Seconds::new(lasts?.into()))));
    end.map(|end| end.to_string())
}

/// Does what was asked of power.
pub fn power_of(asked: &Power, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    match asked {
        Power::Show(watch) => {
            let announced = |answer: &Value| {
                let all = answer["curtailments"].as_array().map_or(&[][..], Vec::as_slice);
                if all.is_empty() {
                    return String::new();
                }
                format!("\n{}", columns::table(&CURTAILMENTS, all, Width::Wide))
            };
            print::show(&client, &Ask::get("/power"), &POWER, announced, *watch, common)
        }
        Power::Event(asked) => event(&client, asked, common),
    }
}

fn event(client: &Client, asked: &arguments::PowerEvent, common: &Common) -> Result<(), Failure> {
    let cause = match asked.cause {
        CauseName::Economic => "economic",
        CauseName::Emergency => "emergency",
        CauseName::Planned => "planned",
        CauseName::Test => "test",
    };
    let body = json!({
        "limit_watts": asked.limit.map(|watts| watts.get()),
        "reduction_watts": asked.reduce.map(|watts| watts.get()),
        "protected_watts": asked.protected.map_or(0, |watts| watts.get()),
        "cause": cause,
        "from": asked.from.map(|from| from.to_string()),
        "until": until(asked.from, asked.until, asked.lasts),
    });
    let said = |answer: &Value| {
        let text = |key: &str| answer[key].as_str().unwrap_or_default();
        let limit = columns::watt(answer["limit_watts"].as_u64().unwrap_or_default().into());
        format!("the envelope is {limit}, {} to {}", text("from"), text("until"))
    };
    print::command(client, Ask::post("/power/events", body), asked.command, said, common)
}

/// What leases were given.
pub fn usage(asked: &arguments::Usage, common: &Common) -> Result<(), Failure> {
    let client = live::client(common)?;
    let ask = Ask::get("/usage")
        .with("month", asked.month.as_ref())
        .with("lease", asked.lease.as_ref())
        .with("tenant", asked.tenant.as_ref());
    print::list(&client, &ask, &List { member: "usage", columns: &USAGE }, asked.watch, common)
}
