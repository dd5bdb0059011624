//! Nodes that are out of service for a while, as planned ahead.

use std::ops::Range;

use leasehold_diagnostics::{Field, Table};
use leasehold_units::{Instant, Interval, Zone};
use serde::{Deserialize, Serialize};

use crate::Site;

/// Nodes that are out of service for a while, as planned ahead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Outage {
    /// Which, by their numbers in the site.
    pub nodes: Range<u32>,
    /// When.
    pub interval: Interval,
}

/// An `[[outage]]` of the site file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredOutage {
    /// What is done meanwhile, free text.
    pub what: String,
    /// Which nodes, by their numbers in the site.
    pub nodes: Vec<Range<u32>>,
    /// When.
    pub interval: Interval,
}

impl DeclaredOutage {
    /// A stretch of nodes at a time.
    pub fn parts(&self) -> impl Iterator<Item = Outage> + '_ {
        let interval = self.interval;
        self.nodes.iter().map(move |nodes| Outage { nodes: nodes.clone(), interval })
    }
}

/// Reads every `[[outage]]`; the names of nodes are looked up by [`resolve`].
pub fn read(root: &Table<'_>, zone: Option<&Zone>) -> Option<Vec<Unresolved>> {
    let outages: Vec<_> =
        root.tables("outage").into_iter().map(|table| read_one(&table, zone)).collect();
    outages.into_iter().collect()
}

/// An outage whose nodes are still names.
pub struct Unresolved {
    what: String,
    interval: Interval,
    names: Vec<Field<String>>,
}

fn read_one(table: &Table<'_>, zone: Option<&Zone>) -> Option<Unresolved> {
    let expected = "names of nodes, racks, arrays or pools: [\"a-003-07-5\", \"b-01-02\"]";
    let names = table.required("nodes", table.strings("nodes"), expected);
    let from = table.required("from", read_bound(table, "from", zone), "when it begins");
    let until = table.required("until", read_bound(table, "until", zone), "when it is over");
    let what = table.required("what", table.string("what"), "what is done meanwhile");
    table.finish();
    let (from, until) = (from?, until?);
    if until.value <= from.value {
        let message = "`until` is not after `from`".to_owned();
        let expected = format!("later than {}", from.value);
        table.report("outage-in-order", until.span, message, &expected);
        return None;
    }
    let interval = Interval::new(from.value, until.value);
    Some(Unresolved { what: what?.value, interval, names: names? })
}

/// An instant, or the first second of a civil day of the file's zone.
fn read_bound(table: &Table<'_>, key: &'static str, zone: Option<&Zone>) -> Option<Field<Instant>> {
    if !table.is_day(key) {
        return table.instant(key);
    }
    let day = table.day(key)?;
    // Where the zone itself is wrong, that is told, and the order of two days is the same in any.
    let utc = Zone::named("UTC").expect("the database has UTC");
    Some(Field { value: zone.unwrap_or(&utc).start_of(day.value), span: day.span })
}

/// Looks up the nodes of `outages` on `site`; unknown names are reported.
pub fn resolve(root: &Table<'_>, site: &Site, outages: Vec<Unresolved>) -> Vec<DeclaredOutage> {
    let find = |name: &Field<String>| {
        let found = site.nodes_named(&name.value);
        if found.is_none() {
            let message = format!("there is no node, rack, array or pool {:?}", name.value);
            let expected = format!("a name such as {:?}", site.node_name(0));
            root.report("unknown-node", name.span.clone(), message, &expected);
        }
        found
    };
    let declared = |outage: Unresolved| DeclaredOutage {
        nodes: outage.names.iter().filter_map(find).collect(),
        what: outage.what,
        interval: outage.interval,
    };
    outages.into_iter().map(declared).collect()
}
