//! `calendar`: what can still be sold, and when.

use leasehold_allocator::{Available, PoolAvailable, available};
use leasehold_site::Site;
use leasehold_units::{Day, Instant, Shape, Watts};
use serde::Serialize;

use crate::arguments::{self, Common, Format, ShapeName};
use crate::failure::Failure;
use crate::input;
use crate::live::columns::{self, Width, number, power, text};
use crate::live::{Ask, print};
use crate::output::{self, Align, Printable, Rows, grouped};
use crate::wire;

/// What can still be sold at a site. The JSON keys are a promise to other programs.
#[derive(Debug, Serialize)]
struct Calendar {
    site: String,
    spans: Vec<Span>,
    #[serde(skip)]
    shapes: Vec<Shape>,
}

/// Days between two breakpoints.
#[derive(Debug, Serialize)]
struct Span {
    /// Days of the site's zone, both included; no last one where it stays so for good.
    #[serde(serialize_with = "wire::day")]
    from: Day,
    #[serde(serialize_with = "wire::maybe_day")]
    until: Option<Day>,
    /// The same to the second; `ends_at` is the first second after.
    #[serde(serialize_with = "wire::instant")]
    starts_at: Instant,
    #[serde(serialize_with = "wire::maybe_instant")]
    ends_at: Option<Instant>,
    headroom_watts: u64,
    pools: Vec<PoolLine>,
    /// What the first and last day are called where a breakpoint is inside of them.
    #[serde(skip)]
    shown: (String, String),
}

/// Whole blocks of a pool; of one shape only where one was asked for.
#[derive(Debug, Serialize)]
struct PoolLine {
    pool: String,
    sku: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    racks: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrays: Option<u32>,
}

/// Computes and prints.
pub fn run(asked: &arguments::Calendar, common: &Common) -> Result<(), Failure> {
    let Some(site) = &asked.site else { return live(asked, common) };
    let held = input::lasting(&asked.hold, asked.as_of);
    let all: Vec<_> = asked.leases.iter().cloned().chain(held).collect();
    let (site, leases) = input::leases_on(site, &all)?;
    let spans = available(&site, &leases, &[]).map_err(input::oversold)?;
    let shapes = match asked.shape {
        None => vec![Shape::Node, Shape::Rack, Shape::Array],
        Some(ShapeName::Node) => vec![Shape::Node],
        Some(ShapeName::Rack) => vec![Shape::Rack],
        Some(ShapeName::Array) => vec![Shape::Array],
    };
    let window = (asked.from, asked.until);
    let spans = spans.iter().filter_map(|span| cut(&site, span, window));
    let spans = spans.map(|span| Span::of(&site, &shapes, &span)).collect();
    output::print(&Calendar { site: site.id.to_string(), spans, shapes }, common)
}

/// What a server can still sell beside all that is signed there.
fn live(asked: &arguments::Calendar, common: &Common) -> Result<(), Failure> {
    let ask = Ask::get("/calendar").with("from", asked.from).with("until", asked.until);
    let answer = crate::live::client(common)?.json(&ask)?;
    let mut columns = vec![
        text("from", "from"),
        text("until", "until"),
        text("pool", "pool"),
        text("sku", "sku"),
    ];
    columns.push(power("headroom", "headroom_watts"));
    let shapes =
        [(ShapeName::Node, "nodes"), (ShapeName::Rack, "racks"), (ShapeName::Array, "arrays")];
    let shown =
        shapes.into_iter().filter(|(shape, _)| asked.shape.is_none_or(|asked| asked == *shape));
    columns.extend(shown.map(|(_, member)| number(member, member)));
    let mut rows = Vec::new();
    for span in answer["spans"].as_array().into_iter().flatten() {
        for pool in span["pools"].as_array().into_iter().flatten() {
            let mut row = pool.clone();
            for member in ["from", "until", "headroom_watts"] {
                row[member] = span[member].clone();
            }
            rows.push(row);
        }
    }
    let printed = match common.output {
        Format::Table | Format::Wide => columns::table(&columns, &rows, Width::Wide),
        Format::Csv => columns::csv(&columns, &rows),
        Format::Json | Format::Yaml => print::structured(&answer, common),
    };
    output::stdout(printed.as_bytes())
}

/// The part of `span` on the days that are asked about.
fn cut(site: &Site, span: &Available, window: (Option<Day>, Option<Day>)) -> Option<Available> {
    let mut span = span.clone();
    let start = |day: Day| site.time_zone.start_of(day);
    if let Some(from) = window.0.filter(|from| span.from < start(*from)) {
        (span.from, span.first_day) = (start(from), from);
    }
    let over = window.1.and_then(|until| Some((until, start(until.tomorrow().ok()?))));
    if let Some((until, over)) = over.filter(|(_, over)| span.until.is_none_or(|end| *over < end)) {
        (span.until, span.last_day) = (Some(over), Some(until));
    }
    span.until.is_none_or(|until| span.from < until).then_some(span)
}

impl Span {
    fn of(site: &Site, shapes: &[Shape], span: &Available) -> Self {
        let zone = &site.time_zone;
        let midnight = |at: Instant| zone.start_of(zone.day_of(at)) == at;
        let from =
            if midnight(span.from) { span.first_day.to_string() } else { span.from.to_string() };
        let until = match (span.until, span.last_day) {
            (Some(at), _) if !midnight(at) => at.to_string(),
            (_, Some(day)) => day.to_string(),
            _ => "-".into(),
        };
        let pools = site.pools.iter().zip(&span.pools);
        Self {
            from: span.first_day,
            until: span.last_day,
            starts_at: span.from,
            ends_at: span.until,
            headroom_watts: span.headroom.get(),
            pools: pools
                .map(|(pool, blocks)| {
                    let sku = site.sku(pool).id.to_string();
                    PoolLine::of(pool.id.to_string(), sku, shapes, *blocks)
                })
                .collect(),
            shown: (from, until),
        }
    }
}

impl PoolLine {
    fn of(pool: String, sku: String, shapes: &[Shape], blocks: PoolAvailable) -> Self {
        let of = |shape: Shape| shapes.contains(&shape).then(|| blocks.of(shape));
        let (nodes, racks, arrays) = (of(Shape::Node), of(Shape::Rack), of(Shape::Array));
        Self { pool, sku, nodes, racks, arrays }
    }

    fn of_shape(&self, shape: Shape) -> Option<u32> {
        match shape {
            Shape::Node => self.nodes,
            Shape::Rack => self.racks,
            Shape::Array => self.arrays,
        }
    }
}

const fn heading(shape: Shape) -> &'static str {
    match shape {
        Shape::Node => "nodes",
        Shape::Rack => "racks",
        Shape::Array => "arrays",
    }
}

impl Printable for Calendar {
    fn table(&self) -> String {
        let mut headers = vec![
            ("from", Align::Left),
            ("until", Align::Left),
            ("pool", Align::Left),
            ("sku", Align::Left),
        ];
        headers.extend(self.shapes.iter().map(|shape| (heading(*shape), Align::Right)));
        headers.push(("facility MW", Align::Right));
        let mut rows = Rows::new(&headers);
        for span in &self.spans {
            for line in &span.pools {
                let (from, until) = span.shown.clone();
                let mut row = vec![from, until, line.pool.clone(), line.sku.clone()];
                let blocks = self.shapes.iter().filter_map(|shape| line.of_shape(*shape));
                row.extend(blocks.map(grouped));
                row.push(megawatts(Watts::new(span.headroom_watts)));
                rows.push(row);
            }
        }
        format!(
            "Available to promise at {}\n\n{}\nWhole blocks beyond the reserves that the envelope \
             can feed. Shapes stand for each other, and pools share the power.\n",
            self.site,
            rows.to_table()
        )
    }

    fn csv(&self) -> String {
        let columns = ["from", "until", "starts_at", "ends_at", "headroom_watts", "pool", "sku"];
        let shapes = self.shapes.iter().map(|shape| heading(*shape));
        let headers: Vec<_> =
            columns.into_iter().chain(shapes).map(|column| (column, Align::Left)).collect();
        let mut rows = Rows::new(&headers);
        for span in &self.spans {
            for line in &span.pools {
                let mut row = vec![
                    span.from.to_string(),
                    span.until.map(|day| day.to_string()).unwrap_or_default(),
                    span.starts_at.to_string(),
                    span.ends_at.map(|at| at.to_string()).unwrap_or_default(),
                    span.headroom_watts.to_string(),
                    line.pool.clone(),
                    line.sku.clone(),
                ];
                let blocks = self.shapes.iter().filter_map(|shape| line.of_shape(*shape));
                row.extend(blocks.map(|blocks| blocks.to_string()));
                rows.push(row);
            }
        }
        rows.to_csv()
    }
}

/// Megawatts to the kilowatt, rounded down: what is left is never overstated.
fn megawatts(power: Watts) -> String {
    let kilowatts = power.get() / 1000;
    format!("{}.{:03}", grouped(kilowatts / 1000), kilowatts % 1000)
}
