//! Reading a site file: every field, every rule, all problems at once.

use leasehold_diagnostics::{Document, Problem, Source, Table};
use leasehold_units::{PartyId, PoolId, Ratio, SiteId, SkuId, Steps, Watts, Zone};

use crate::{NodePower, Pool, Site, Sku};

/// Most blocks of a kind; the product of three of them is checked apart.
const COUNT_MAX: u64 = 1_000_000;

impl Site {
    /// Reads a site file.
    ///
    /// # Errors
    /// All its problems.
    pub fn parse(source: &Source) -> Result<Self, Vec<Problem>> {
        let document = Document::parse(source);
        let site = read_site(&document.root());
        match (site, document.into_problems()) {
            (Some(site), problems) if problems.is_empty() => Ok(site),
            (_, problems) => Err(problems),
        }
    }
}

fn read_site(root: &Table<'_>) -> Option<Site> {
    let id = root.required("id", root.name("id", SiteId::new), "the site's name");
    let landlord =
        root.required("landlord", root.name("landlord", PartyId::new), "the party that owns it");
    let zone = root
        .text("time_zone", "not-a-time-zone", "an IANA time zone", |name| Zone::named(name).ok());
    let zone = root.required("time_zone", zone, "the zone of the file's civil days");
    let at_least_one = |text: &str| Ratio::from_decimal(text).ok().filter(|pue| *pue >= Ratio::ONE);
    let pue = root.text("pue", "not-a-pue", "a decimal of at least \"1\"", at_least_one);
    let pue = root.required("pue", pue, "facility watts per IT watt, such as \"1.2\"");
    let skus: Vec<Option<Sku>> = root.tables("sku").iter().map(read_sku).collect();
    let known: Vec<Sku> = skus.iter().flatten().cloned().collect();
    let pools: Vec<Option<Pool>> =
        root.tables("pool").iter().map(|table| read_pool(table, &known)).collect();
    let envelope = read_envelope(root);
    for (key, empty) in [("sku", skus.is_empty()), ("pool", pools.is_empty())] {
        if empty && !root.has(key) {
            root.required::<()>(key, None, &format!("at least one [[{key}]]"));
        }
    }
    root.finish();
    let skus: Option<Vec<Sku>> = skus.into_iter().collect();
    let pools: Option<Vec<Pool>> = pools.into_iter().collect();
    let (skus, mut pools) = (skus?, pools?);
    number_nodes(root, &mut pools);
    check_names(root, &skus, &pools);
    Some(Site {
        id: id?.value,
        landlord: landlord?.value,
        time_zone: zone?.value,
        pue: pue?.value,
        skus,
        pools,
        envelope: envelope?,
    })
}

fn read_sku(table: &Table<'_>) -> Option<Sku> {
    let id = table.required("id", table.name("id", SkuId::new), "the sku's name");
    let gpu = table.required("gpu", table.string("gpu"), "the GPU model");
    let count = table.integer("gpus_per_node", 1, 64);
    let count = table.required("gpus_per_node", count, "GPUs in a node");
    let power = table.required("node_power", table.table("node_power"), "IT power of a node");
    let power = power.and_then(|power| read_power(&power));
    let turnover = table.required("turnover", table.seconds("turnover"), "such as \"90 s\"");
    table.finish();
    Some(Sku {
        id: id?.value,
        gpu: gpu?.value,
        gpus_per_node: u32::try_from(count?.value).expect("at most 64"),
        node_power: power?,
        turnover: turnover?.value,
    })
}

fn read_power(table: &Table<'_>) -> Option<NodePower> {
    let read = |key| {
        let power = table.watts(key);
        table.required(key, power, "IT power of a node, such as \"8.4 kW\"")
    };
    let (nameplate, contracted, measured) =
        (read("nameplate"), read("contracted"), read("measured"));
    let idle = table.watts("idle");
    table.finish();
    let (nameplate, contracted, measured) = (nameplate?, contracted?, measured?);
    for (key, power) in [("contracted", &contracted), ("measured", &measured)] {
        if power.value > nameplate.value {
            let message = format!("`{key}` is above `nameplate`");
            let expected = format!("at most {} W", nameplate.value);
            table.report("power-below-nameplate", power.span.clone(), message, &expected);
        }
    }
    if let Some(idle) = idle.as_ref().filter(|idle| idle.value > contracted.value) {
        let message = "`idle` is above `contracted`".to_owned();
        let expected = format!("at most {} W", contracted.value);
        table.report("idle-below-contracted", idle.span.clone(), message, &expected);
    }
    Some(NodePower {
        nameplate: nameplate.value,
        contracted: contracted.value,
        measured: measured.value,
        idle: idle.map_or(contracted.value, |idle| idle.value),
    })
}

fn read_pool(table: &Table<'_>, skus: &[Sku]) -> Option<Pool> {
    let id = table.required("id", table.name("id", PoolId::new), "the pool's name");
    let list: Vec<&str> = skus.iter().map(|sku| sku.id.as_str()).collect();
    let expected = if list.is_empty() {
        "the `id` of a [[sku]] of this file".to_owned()
    } else {
        format!("a sku of this file: {}", list.join(", "))
    };
    let find = |name: &str| skus.iter().position(|sku| sku.id.as_str() == name);
    let sku = table.text("sku", "unknown-sku", &expected, find);
    let sku = table.required("sku", sku, &expected);
    let hall = table.required("hall", table.string("hall"), "the hall that it stands in");
    let count = |key| {
        let count = table.integer(key, 1, COUNT_MAX);
        let count = table.required(key, count, "a whole number of at least 1");
        count.map(|count| u32::try_from(count.value).expect("at most a million"))
    };
    let (arrays, racks, nodes) =
        (count("arrays"), count("racks_per_array"), count("nodes_per_rack"));
    let in_service =
        table.required("in_service", table.day("in_service"), "the first day of service");
    let retire = table.day("retire");
    table.finish();
    let in_service = in_service?;
    if let Some(retire) = retire.as_ref().filter(|retire| retire.value <= in_service.value) {
        let expected = format!("a day after {}", in_service.value);
        let message = "`retire` is not after `in_service`".to_owned();
        table.report("retire-after-service", retire.span.clone(), message, &expected);
    }
    Some(Pool {
        id: id?.value,
        sku: sku?.value,
        hall: hall?.value,
        arrays: arrays?,
        racks_per_array: racks?,
        nodes_per_rack: nodes?,
        in_service: in_service.value,
        retire: retire.map(|retire| retire.value),
        first_node: 0,
    })
}

fn read_envelope(root: &Table<'_>) -> Option<Steps<leasehold_units::Day, Watts>> {
    let mut steps = Vec::new();
    let mut whole = true;
    for table in root.tables("power") {
        let from = table.required("from", table.day("from"), "the first day of the step");
        let limit = table.required("limit", table.watts("limit"), "facility power, \"300 MW\"");
        table.finish();
        match (from, limit) {
            (Some(from), Some(limit)) => {
                let again = steps.iter().any(|(day, _)| *day == from.value);
                if again {
                    let message = format!("two steps begin on {}", from.value);
                    table.report("duplicate-step", from.span, message, "one step a day");
                }
                steps.push((from.value, limit.value));
            }
            _ => whole = false,
        }
    }
    if steps.is_empty() && whole {
        root.required::<()>("power", None, "at least one [[power]] with `from` and `limit`");
        return None;
    }
    whole.then(|| Steps::from_breakpoints(steps))
}

/// Gives each pool the number of its first node.
fn number_nodes(root: &Table<'_>, pools: &mut [Pool]) {
    let mut first: u64 = 0;
    for pool in pools {
        pool.first_node = u32::try_from(first).unwrap_or(0);
        let nodes = u64::from(pool.arrays) * u64::from(pool.racks_per_array);
        first = first.saturating_add(nodes.saturating_mul(u64::from(pool.nodes_per_rack)));
        if first >= 1 << 31 {
            let message = format!("with pool {} the site has {first} nodes", pool.id);
            root.report("site-size", 0..0, message, "fewer than 2147483648 nodes");
            return;
        }
    }
}

fn check_names(root: &Table<'_>, skus: &[Sku], pools: &[Pool]) {
    let twice = |kind: &str, names: Vec<&str>| {
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                let message = format!("two {kind}s are named {name}");
                root.report("duplicate-name", 0..0, message, "a name for each");
            }
        }
    };
    twice("sku", skus.iter().map(|sku| sku.id.as_str()).collect());
    twice("pool", pools.iter().map(|pool| pool.id.as_str()).collect());
}
