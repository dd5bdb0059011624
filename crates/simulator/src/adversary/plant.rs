//! The site and the leases that an adversary plays on, by seed.

use leasehold_diagnostics::{Source, render};
use leasehold_lease::{Lease, Terms};
use leasehold_site::Site;
use leasehold_units::{Day, Instant, Interval, PartyId, Ratio, Seconds, Shape};

use crate::engine::{Payers, Setting, TurnoverFailures};
use crate::random::Random;

/// Length of a run: a day and a half of trouble, then as long a calm.
const DAYS: u64 = 3;

/// A site, its leases, and the days that are played.
#[derive(Debug, Clone)]
pub struct Plant {
    /// The site, as its file would have it.
    pub site_text: String,
    /// The leases, as their files would have them.
    pub lease_texts: Vec<String>,
    /// The site.
    pub site: Site,
    /// The leases' terms.
    pub leases: Vec<Terms>,
    /// From when until when.
    pub interval: Interval,
    /// When the adversary stops.
    pub calm: Instant,
    /// Facility watts of the envelope.
    pub watts: u64,
    turnover: u32,
    bound: u32,
}

/// What of a plant is late, and what leases say of that. Drawn by itself.
struct Late {
    random: Random,
    /// Whether there is a pool that comes late: before or after the other, and on what day.
    pool: Option<(bool, &'static str)>,
}

impl Late {
    fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed, 1 << 35);
        let late = random.below(3) == 0;
        // In the trouble, in the calm, or never.
        let day = ["2026-03-08", "2026-03-09", "2026-06-01"]
            [usize::try_from(random.below(3)).expect("one of three")];
        let first = random.below(2) == 0;
        Self { random, pool: late.then_some((first, day)) }
    }

    /// What the next lease says of its delivery; often nothing.
    fn delivery(&mut self) -> String {
        let (due, grace) = (2 + self.random.below(7), self.random.below(5));
        let remedy = ["pro-rata", "terminate", "tenant-elects", "tenant-elects"]
            [usize::try_from(self.random.below(4)).expect("one of four")];
        if self.random.below(4) == 0 {
            return String::new();
        }
        format!("[delivery]\ndue = 2026-03-0{due}\ngrace_days = {grace}\nremedy = \"{remedy}\"\n")
    }
}

impl Plant {
    /// The plant of `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed, 1 << 34);
        let mut draw = |least: u64, most: u64| least + random.below(most - least + 1);
        let (arrays, racks) = (draw(2, 4), draw(1, 3));
        let nodes_per_rack = if draw(0, 9) == 0 { 18 } else { draw(2, 5) };
        let nodes = arrays * racks * nodes_per_rack;
        let reserve = ["0 node", "1 node", "2 node", "1 rack"][draw(0, 3) as usize];
        let mut late = Late::draw(seed);
        let on_site = nodes * if late.pool.is_some() { 2 } else { 1 };
        let watts = on_site * 8_400 * 12 / 10 * draw(85, 110) / 100;
        let (turnover, bound) = (draw(30, 200), draw(300, 1_200));
        let site_text =
            site_text([arrays, racks, nodes_per_rack], reserve, watts, turnover, late.pool);
        let site = parse("site.toml", &site_text, Site::parse);
        let mut lease_texts: Vec<String> = Vec::new();
        let mut leases: Vec<Terms> = Vec::new();
        for number in 0..draw(1, 3) {
            let shape = ["node", "rack", "array"][draw(0, 2) as usize];
            let blocks = match shape {
                "node" => draw(1, nodes / 2),
                "rack" => draw(1, (arrays * racks / 2).max(1)),
                _ => draw(1, arrays / 2),
            };
            let isolation = if shape != "node" && draw(0, 3) == 0 { "rack" } else { "node" };
            let curtail = (draw(1, 2), draw(0, 4) * 25);
            let text =
                lease_text(number, &format!("{blocks} {shape}"), shape, isolation, bound, curtail)
                    + &late.delivery();
            let terms = parse("lease.toml", &text, Terms::parse);
            // What the site cannot carry beside the others is left out.
            let with: Vec<Lease> = leases.iter().chain([&terms]).filter_map(lease_of).collect();
            if leasehold_allocator::plan(&site, &with).is_ok() {
                leases.push(terms);
                lease_texts.push(text);
            }
        }
        let first: Day = "2026-03-07".parse().expect("a day");
        let from = site.time_zone.start_of(first);
        let half = Seconds::new(DAYS * 43_200);
        let interval = Interval::new(from, from.after(half).after(half));
        let small = |count: u64| u32::try_from(count).expect("a small count");
        Self {
            site_text,
            lease_texts,
            site,
            leases,
            interval,
            calm: from.after(half),
            watts,
            turnover: small(turnover),
            bound: small(bound),
        }
    }

    /// Whether it has a lease to play on.
    pub fn is_leased(&self) -> bool {
        !self.leases.is_empty()
    }

    /// Nodes of the site.
    pub fn nodes(&self) -> u32 {
        u32::try_from(self.site.nodes().get()).expect("a small site")
    }

    /// GPUs of the site.
    pub fn gpus(&self) -> u64 {
        self.site.gpus().get()
    }

    /// Nodes in a block of `shape`.
    pub fn nodes_per(&self, shape: Shape) -> u32 {
        self.site.pools[0].nodes_per(shape)
    }

    /// First node and length of the rack that `bits` choose.
    pub fn rack(&self, bits: u64) -> (u32, u32) {
        let length = self.nodes_per(Shape::Rack);
        let racks = u64::from(self.nodes() / length);
        (u32::try_from(bits % racks).expect("few racks") * length, length)
    }

    /// The landlord.
    pub fn landlord(&self) -> PartyId {
        self.site.landlord.clone()
    }

    /// The longest time to vacate with which a job may borrow.
    pub const fn longest_vacate(&self) -> u32 {
        self.bound - self.turnover
    }

    /// A run without a deed.
    pub fn setting(&self) -> Setting {
        Setting {
            site: self.site.clone(),
            leases: self.leases.iter().filter_map(lease_of).collect(),
            interval: self.interval,
            workloads: Vec::new(),
            inputs: Vec::new(),
            deeds: Vec::new(),
            watcher: None,
            deed_log: None,
            faults: None,
            turnovers: TurnoverFailures::new(Ratio::ZERO, Seconds::new(3_600), 0),
            payers: Payers::default(),
            bad_lines: Vec::new(),
        }
    }
}

fn lease_of(terms: &Terms) -> Option<Lease> {
    Lease::new(vec![terms.clone()]).ok()
}

pub(super) fn parse<T>(
    name: &str,
    text: &str,
    read: impl Fn(&Source) -> Result<T, Vec<leasehold_diagnostics::Problem>>,
) -> T {
    let source = Source::new(name, text.to_owned());
    let told = |problems: Vec<_>| panic!("{}", render(&source, &problems, false));
    read(&source).unwrap_or_else(told)
}

fn site_text(
    [arrays, racks, nodes]: [u64; 3],
    reserve: &str,
    watts: u64,
    turnover: u64,
    late: Option<(bool, &str)>,
) -> String {
    let pool = |id: &str, reserve: &str, delayed: &str| {
        format!(
            "[[pool]]\nid = \"{id}\"\nsku = \"k\"\nhall = \"h\"\narrays = {arrays}\n\
             racks_per_array = {racks}\nnodes_per_rack = {nodes}\nreserve = \"{reserve}\"\n\
             in_service = 2026-01-01\n{delayed}"
        )
    };
    let mut pools = vec![pool("p", reserve, "")];
    if let Some((first, day)) = late {
        let place = usize::from(!first);
        pools.insert(place, pool("q", "0 node", &format!("delayed = {day}\n")));
    }
    let pools = pools.concat();
    format!(
        "id = \"s\"\nlandlord = \"owner\"\ntime_zone = \"America/Chicago\"\npue = \"1.2\"\n\
         [[sku]]\nid = \"k\"\ngpu = \"G\"\ngpus_per_node = 8\nturnover = \"{turnover} s\"\n\
         node_power = {{ nameplate = \"10.2 kW\", contracted = \"8.4 kW\", measured = \"7.75 kW\", \
         idle = \"1 kW\" }}\n\
         {pools}[[power]]\nfrom = 2026-01-01\nlimit = \"{watts} W\"\n"
    )
}

fn lease_text(
    number: u64,
    amount: &str,
    shape: &str,
    isolation: &str,
    bound: u64,
    (order, depth): (u64, u64),
) -> String {
    format!(
        "id = \"l{number}\"\nsite = \"s\"\nlandlord = \"owner\"\ntenant = \"t{number}\"\n\
         signed = 2026-01-0{day}\ntime_zone = \"America/Chicago\"\n\
         [term]\nstart = 2026-03-01\nend = 2026-12-31\n\
         [notice]\nby = \"either\"\ndays = {day}\n\
         [capacity]\namount = \"{amount}\"\nshape = \"{shape}\"\nisolation = \"{isolation}\"\n\
         [fee]\ncurrency = \"USD\"\nfixed = \"310000.00\"\nproration = \"actual\"\n\
         invoice = \"advance\"\ndue_days = 30\n\
         [service]\nidle_use = \"landlord\"\nreclaim_within = \"{bound} s\"\n\
         availability = \"99.5%\"\nreclaim_miss_credit = \"1000.00\"\n\
         curtail = {{ order = {order}, depth = \"{depth}%\" }}\n{maintenance}\
         [[service.credit]]\nbelow = \"99.5%\"\ncredit = \"5%\"\n",
        day = number + 1,
        maintenance = if number == 1 {
            "maintenance = { hours_per_month = 12, notice = \"10 min\" }\n"
        } else {
            ""
        },
    )
}
