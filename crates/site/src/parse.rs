//! Reading a site file: every field, every rule, all problems at once.

use leasehold_diagnostics::{Document, Field, Problem, Source, Table, did_you_mean, with_unit};
use leasehold_units::{Day, PartyId, PoolId, Ratio, Shape, SiteId, SkuId, Steps, Watts};

use crate::{NodePower, Pool, Reserve, Site, Sku, check, outage};

/// Most blocks of a kind; the product of three of them is checked apart.
const COUNT_MAX: u64 = 1_000_000;

/// Most nodes of a site. With it and the power bounds below, no sum over a site overflows.
const NODES_MAX: u64 = 1 << 31;

/// Most IT power of one node: a megawatt.
const NODE_POWER_MAX: Watts = Watts::new(1_000_000);

/// Most facility power: a terawatt.
const ENVELOPE_MAX: Watts = Watts::new(1_000_000_000_000);

/// Where cooling takes nine times what it cools, a figure is wrong.
const PUE_MAX: Ratio = Ratio::whole(10);

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
    let zone = root.zone("time_zone");
    let zone = root.required("time_zone", zone, "the zone of the file's civil days");
    let pue = root.decimal_within("pue", Ratio::ONE, PUE_MAX);
    let pue = root.required("pue", pue, "facility watts per IT watt, such as \"1.2\"");
    let sku_tables = root.some_tables("sku", "a kind of node");
    let sku_ids: Vec<Option<Field<SkuId>>> = sku_tables.iter().map(read_sku_id).collect();
    let pool_tables = root.some_tables("pool", "identical racks of one sku");
    let pool_ids: Vec<Option<Field<PoolId>>> = pool_tables.iter().map(read_pool_id).collect();
    let skus: Vec<Option<Sku>> =
        sku_tables.iter().zip(&sku_ids).map(|(table, id)| read_sku(table, id)).collect();
    let mut pools: Vec<Option<Pool>> = pool_tables
        .iter()
        .zip(&pool_ids)
        .map(|(table, id)| read_pool(table, id, &sku_ids))
        .collect();
    let envelope = read_envelope(root);
    let outages = outage::read(root, zone.as_ref().map(|zone| &zone.value));
    root.finish();
    check::names_differ(root, "sku", &spelled(&sku_ids, SkuId::as_str));
    check::names_differ(root, "pool", &spelled(&pool_ids, PoolId::as_str));
    check::pool_names_stay_apart(root, &spelled(&pool_ids, PoolId::as_str));
    number_nodes(&pool_tables, &mut pools);
    let mut site = Site {
        id: id?.value,
        landlord: landlord?.value,
        time_zone: zone?.value,
        pue: pue?.value,
        skus: skus.into_iter().collect::<Option<_>>()?,
        pools: pools.into_iter().collect::<Option<_>>()?,
        envelope: envelope?,
        outages: Vec::new(),
    };
    site.outages = outage::resolve(root, &site, outages?);
    Some(site)
}

fn read_sku_id(table: &Table<'_>) -> Option<Field<SkuId>> {
    table.required("id", table.name("id", SkuId::new), "the sku's name")
}

fn read_pool_id(table: &Table<'_>) -> Option<Field<PoolId>> {
    table.required("id", table.name("id", PoolId::new), "the pool's name")
}

/// The names that could be read, as texts.
fn spelled<T>(ids: &[Option<Field<T>>], spell: impl Fn(&T) -> &str) -> Vec<Field<&str>> {
    ids.iter()
        .flatten()
        .map(|id| Field { value: spell(&id.value), span: id.span.clone() })
        .collect()
}

fn read_sku(table: &Table<'_>, id: &Option<Field<SkuId>>) -> Option<Sku> {
    let gpu = table.required("gpu", table.string("gpu"), "the GPU model");
    let count = table.integer("gpus_per_node", 1, 64);
    let count = table.required("gpus_per_node", count, "GPUs in a node");
    let power = table.required("node_power", table.table("node_power"), "IT power of a node");
    let power = power.and_then(|power| read_power(&power));
    let turnover = table.required("turnover", table.seconds("turnover"), "such as \"90 s\"");
    let limit = table.seconds("turnover_limit");
    table.finish();
    let turnover = turnover?.value;
    if let Some(limit) = limit.as_ref().filter(|limit| limit.value < turnover) {
        let message = "`turnover_limit` is below `turnover`".to_owned();
        let expected = format!("at least {turnover}");
        table.report("limit-above-turnover", limit.span.clone(), message, &expected);
    }
    Some(Sku {
        id: id.as_ref()?.value.clone(),
        gpu: gpu?.value,
        gpus_per_node: u32::try_from(count?.value).expect("at most 64"),
        node_power: power?,
        turnover,
        turnover_limit: limit.map_or(turnover.plus(turnover), |limit| limit.value),
    })
}

fn read_power(table: &Table<'_>) -> Option<NodePower> {
    let read = |key| {
        let power = table.watts_within(key, Watts::new(1), NODE_POWER_MAX);
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

fn read_pool(
    table: &Table<'_>,
    id: &Option<Field<PoolId>>,
    skus: &[Option<Field<SkuId>>],
) -> Option<Pool> {
    let sku = read_sku_of_pool(table, skus);
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
    let (retire, delayed) = (table.day("retire"), table.day("delayed"));
    let reserve = table.text("reserve", "not-a-reserve", RESERVE, reserve);
    table.finish();
    let in_service = in_service?;
    if let Some(retire) = retire.as_ref().filter(|retire| retire.value <= in_service.value) {
        let expected = format!("a day after {}", in_service.value);
        let message = "`retire` is not after `in_service`".to_owned();
        table.report("retire-after-service", retire.span.clone(), message, &expected);
    }
    if let Some(delayed) = delayed.as_ref().filter(|delayed| delayed.value <= in_service.value) {
        let expected = format!("a day after {}, or no `delayed`", in_service.value);
        let message = "`delayed` is not after `in_service`".to_owned();
        table.report("delayed-after-service", delayed.span.clone(), message, &expected);
    }
    let pool = Pool {
        id: id.as_ref()?.value.clone(),
        sku: sku?,
        hall: hall?.value,
        arrays: arrays?,
        racks_per_array: racks?,
        nodes_per_rack: nodes?,
        in_service: in_service.value,
        retire: retire.map(|retire| retire.value),
        delayed: delayed.map(|delayed| delayed.value),
        reserve: reserve.as_ref().map_or(Reserve::NONE, |reserve| reserve.value),
        first_node: 0,
    };
    if let Some(reserve) = reserve {
        reserve_fits(table, &pool, &reserve);
    }
    Some(pool)
}

const RESERVE: &str = "blocks set aside for failures, such as \"2 rack\" (node, rack, array)";

fn reserve(text: &str) -> Option<Reserve> {
    let (count, unit) = with_unit(text, &[("node", 1), ("rack", 1), ("array", 1)])?;
    let whole = (count.denominator() == 1).then_some(count.numerator())?;
    let blocks = u32::try_from(whole).ok().filter(|count| u64::from(*count) <= COUNT_MAX)?;
    Some(Reserve { shape: [Shape::Node, Shape::Rack, Shape::Array][unit], blocks })
}

fn reserve_fits(table: &Table<'_>, pool: &Pool, reserve: &Field<Reserve>) {
    let size = [pool.nodes_per_rack, pool.racks_per_array];
    let per_block: u64 = match reserve.value.shape {
        Shape::Node => 1,
        Shape::Rack => u64::from(size[0]),
        Shape::Array => u64::from(size[0]) * u64::from(size[1]),
    };
    let nodes = u64::from(size[0]) * u64::from(size[1]) * u64::from(pool.arrays);
    if u64::from(reserve.value.blocks) * per_block > nodes {
        let message = format!("the reserve is larger than pool {}", pool.id);
        let expected = format!("at most {} of these blocks", nodes / per_block);
        table.report("reserve-fits-pool", reserve.span.clone(), message, &expected);
    }
}

/// Index of the sku that a pool names. A sku counts as known even where the rest of it is wrong.
fn read_sku_of_pool(table: &Table<'_>, skus: &[Option<Field<SkuId>>]) -> Option<usize> {
    let names: Vec<Option<&str>> =
        skus.iter().map(|sku| sku.as_ref().map(|id| id.value.as_str())).collect();
    let mut known: Vec<&str> = names.iter().copied().flatten().collect();
    known.dedup();
    let expected = if known.is_empty() {
        "the `id` of a [[sku]] of this file".to_owned()
    } else {
        format!("a sku of this file: {}", known.join(", "))
    };
    let sku = table.text_or_help("sku", "unknown-sku", &expected, |name| {
        let place = names.iter().position(|known| *known == Some(name));
        place.ok_or_else(|| did_you_mean(name, known.iter().copied()))
    });
    table.required("sku", sku, &expected).map(|sku| sku.value)
}

fn read_envelope(root: &Table<'_>) -> Option<Steps<Day, Watts>> {
    let mut steps: Vec<Option<(Day, Watts)>> = Vec::new();
    for table in root.some_tables("power", "`from` and `limit`, a step of the envelope") {
        let from = table.required("from", table.day("from"), "the first day of the step");
        let limit = table.watts_within("limit", Watts::ZERO, ENVELOPE_MAX);
        let limit = table.required("limit", limit, "facility power, such as \"300 MW\"");
        table.finish();
        let twice = |from: &&Field<Day>| steps.iter().flatten().any(|(day, _)| *day == from.value);
        if let Some(from) = from.as_ref().filter(twice) {
            let message = format!("two steps begin on {}", from.value);
            table.report("duplicate-step", from.span.clone(), message, "one step a day");
        }
        steps.push(from.zip(limit).map(|(from, limit)| (from.value, limit.value)));
    }
    let steps: Option<Vec<(Day, Watts)>> = steps.into_iter().collect();
    steps.map(Steps::from_breakpoints)
}

/// Gives each pool the number of its first node, in file order.
fn number_nodes(tables: &[Table<'_>], pools: &mut [Option<Pool>]) {
    let mut first = 0;
    for (table, pool) in tables.iter().zip(pools) {
        let Some(pool) = pool else { continue };
        // Three counts of at most a million each, so 64 bits hold the product and many sums.
        let blocks = u64::from(pool.arrays) * u64::from(pool.racks_per_array);
        let next = u64::from(first) + blocks * u64::from(pool.nodes_per_rack);
        pool.first_node = first;
        if next > NODES_MAX {
            let message = format!("with pool {} the site has {next} nodes", pool.id);
            let expected = format!("at most {NODES_MAX} nodes");
            table.report("site-size", table.span.clone(), message, &expected);
            return;
        }
        first = u32::try_from(next).expect("at most `NODES_MAX`");
    }
}
