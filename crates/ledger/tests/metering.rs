//! The meter against a slow, obvious model: look at every node, half an hour at a time.

use std::collections::BTreeMap;

use leasehold_ledger::{
    ConservationError, GpuState, LeaseIndex, LeaseMeter, Meter, PartyIndex, ReclaimOutcome,
    ServiceState, SkuRating, UsageInterval,
};
use leasehold_site::{NodePower, Pool, Site, Sku};
use leasehold_units::{
    Day, Gpus, Instant, Interval, Month, PartyId, PoolId, Ratio, Seconds, SiteId, SkuId, Steps,
    Watts, Zone,
};
use proptest::prelude::*;

const HALF_HOUR: i64 = 1800;
/// 2026-02-20T00:00:00Z. Chicago's clocks go forward on 8 March.
const START: i64 = 1_771_545_600;
/// Sixty days of half hours.
const SLOTS: i64 = 60 * 48;
const PUE: (i128, i128) = (6, 5);

fn sku(id: &str, gpus_per_node: u32, measured: u64, idle: u64) -> Sku {
    let node_power = NodePower {
        nameplate: Watts::new(measured + 1000),
        contracted: Watts::new(measured + 500),
        measured: Watts::new(measured),
        idle: Watts::new(idle),
    };
    Sku {
        id: SkuId::new(id).expect("a name"),
        gpu: id.into(),
        gpus_per_node,
        node_power,
        turnover: Seconds::new(90),
        turnover_limit: Seconds::new(180),
    }
}

fn pool(id: &str, sku: usize, racks: u32, in_service: Day, first_node: u32) -> Pool {
    Pool {
        id: PoolId::new(id).expect("a name"),
        sku,
        hall: "hall".into(),
        arrays: 1,
        racks_per_array: racks,
        nodes_per_rack: 2,
        in_service,
        retire: None,
        delayed: None,
        reserve: leasehold_site::Reserve::NONE,
        first_node,
    }
}

/// Six nodes of 8 GPUs, then four trays of 4.
fn site() -> Site {
    let since = Day::constant(2024, 9, 1);
    Site {
        id: SiteId::new("colossus-1").expect("a name"),
        landlord: PartyId::new("xai").expect("a name"),
        time_zone: Zone::named("America/Chicago").expect("a zone"),
        pue: Ratio::new(PUE.0, PUE.1),
        skus: vec![sku("hgx-h100", 8, 7750, 3000), sku("gb200", 4, 6001, 1999)],
        pools: vec![pool("a", 0, 3, since, 0), pool("c", 1, 2, since, 6)],
        envelope: Steps::new(),
        outages: Vec::new(),
    }
}

fn at(slot: i64) -> Instant {
    Instant::from_unix(START + slot * HALF_HOUR)
}

fn gpus_of(node: u32) -> u32 {
    if node < 6 { 8 } else { 4 }
}

/// What one node does from a slot on: its state, and which lease it stands in.
type Stint = (GpuState, Option<LeaseIndex>);

/// A life for each of the ten nodes: what it does from each slot on.
fn lives() -> impl Strategy<Value = Vec<BTreeMap<i64, Stint>>> {
    let stint = (0..8_usize, 0..3_u16).prop_map(|(state, lease)| {
        (GpuState::ALL[state], (lease < 2).then_some(LeaseIndex(lease)))
    });
    let life = (stint.clone(), proptest::collection::btree_map(1..SLOTS, stint, 0..12));
    let life = life.prop_map(|(first, mut life)| {
        life.insert(0, first);
        life
    });
    proptest::collection::vec(life, 10)
}

fn party_of(stint: Stint) -> Option<PartyIndex> {
    match stint.0 {
        GpuState::Used => stint.1.map(|lease| PartyIndex(lease.0 + 1)),
        GpuState::Borrowed | GpuState::Own => Some(PartyIndex(0)),
        _ => None,
    }
}

fn rows(lives: &[BTreeMap<i64, Stint>]) -> Vec<UsageInterval> {
    let mut rows = Vec::new();
    for (node, life) in (0..).zip(lives) {
        let ends = life.keys().skip(1).copied().chain([SLOTS]);
        for ((from, stint), until) in life.iter().zip(ends) {
            rows.push(UsageInterval {
                first_node: node,
                nodes: 1,
                gpus_per_node: gpus_of(node),
                state: stint.0,
                party: party_of(*stint),
                lease: stint.1,
                interval: Interval::new(at(*from), at(until)),
            });
        }
    }
    rows
}

fn zones() -> [Zone; 2] {
    ["America/Chicago", "Asia/Kolkata"].map(|name| Zone::named(name).expect("a zone"))
}

fn meter_of(rows: &[UsageInterval]) -> Meter {
    let mut meter = Meter::new(&site(), at(0));
    for row in rows {
        meter.add(row);
    }
    meter
}

/// What a tenant sees of a state: whether it is lent to somebody does not show.
fn seen(state: GpuState) -> ServiceState {
    match state {
        GpuState::Used => ServiceState::Used,
        GpuState::Down => ServiceState::Down,
        GpuState::Curtailed => ServiceState::Curtailed,
        _ => ServiceState::Idle,
    }
}

fn lease_meter(zone: &Zone) -> LeaseMeter {
    let skus = site().skus.iter().map(SkuRating::of).collect();
    LeaseMeter::new(zone, at(0), Ratio::new(PUE.0, PUE.1), skus)
}

/// The meter of lease `index`, which is granted `granted` and stands in its rows of `rows`.
fn lease_meter_of(index: u16, rows: &[UsageInterval], granted: &[(i64, u64)]) -> LeaseMeter {
    let mut meter = lease_meter(&zones()[usize::from(index)]);
    meter.meter_over(at(0));
    for (slot, gpus) in granted {
        meter.entitle(at(*slot), Gpus::new(*gpus));
    }
    for row in rows.iter().filter(|row| row.lease == Some(LeaseIndex(index))) {
        let sku = usize::from(row.first_node >= 6);
        meter.add(sku, row.gpus(), seen(row.state), row.interval);
    }
    meter
}

/// The model: GPU-seconds and watt-seconds of a lease in a month, slot by slot.
#[derive(Default)]
struct Model {
    by_state: [u128; 8],
    entitled: u128,
    over: u128,
    /// Watt-seconds of IT, times 8 so that they are whole.
    it_eighths: i128,
}

fn model(
    lives: &[BTreeMap<i64, Stint>],
    granted: &[(i64, u64)],
) -> BTreeMap<(LeaseIndex, Month), Model> {
    let mut models: BTreeMap<(LeaseIndex, Month), Model> = BTreeMap::new();
    let in_force = |life: &BTreeMap<i64, Stint>, slot| {
        *life.range(..=slot).next_back().expect("a life begins at slot 0").1
    };
    for slot in 0..SLOTS {
        let grant = granted.iter().rev().find(|(from, _)| *from <= slot).map_or(0, |step| step.1);
        for (index, zone) in (0..).zip(zones()) {
            let lease = LeaseIndex(index);
            let model = models.entry((lease, Month::of(zone.day_of(at(slot))))).or_default();
            let mut used = 0;
            for (node, life) in (0..).zip(lives) {
                let (state, holder) = in_force(life, slot);
                if holder != Some(lease) {
                    continue;
                }
                let gpu_seconds = u128::from(gpus_of(node)) * 1800;
                model.by_state[state.index()] += gpu_seconds;
                let watts = match (seen(state), node < 6) {
                    (ServiceState::Used, true) => 7750,
                    (ServiceState::Used, false) => 6001,
                    (ServiceState::Idle, true) => 3000,
                    (ServiceState::Idle, false) => 1999,
                    _ => 0,
                };
                // All GPUs of the node are in the row, so it carries the whole node's power.
                model.it_eighths += watts * 8 * 1800;
                used += if state == GpuState::Used { u64::from(gpus_of(node)) } else { 0 };
            }
            model.entitled += u128::from(grant) * 1800;
            model.over += u128::from(used.saturating_sub(grant)) * 1800;
        }
    }
    models
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn readings_are_what_a_slow_look_at_every_node_finds(
        lives in lives(),
        granted in proptest::collection::btree_map(0..SLOTS, 0..64_u64, 0..4),
    ) {
        let granted: Vec<(i64, u64)> = granted.into_iter().collect();
        let rows = rows(&lives);
        let meters = [0, 1].map(|index| lease_meter_of(index, &rows, &granted));
        for ((lease, month), model) in model(&lives, &granted) {
            let readings = meters[usize::from(lease.0)].readings(month, at(SLOTS));
            let held: u128 = model.by_state.iter().sum();
            let lost = model.by_state[GpuState::Down.index()]
                + model.by_state[GpuState::Curtailed.index()];
            prop_assert_eq!(readings.held.get(), held, "{:?} {}", lease, month);
            prop_assert_eq!(readings.used.get(), model.by_state[GpuState::Used.index()]);
            prop_assert_eq!(readings.entitled.get(), model.entitled);
            prop_assert_eq!(readings.delivered.get(), (held - lost).min(model.entitled));
            prop_assert_eq!(readings.over.get(), model.over);
            let facility = Ratio::new(model.it_eighths, 8).times(Ratio::new(PUE.0, PUE.1));
            prop_assert_eq!(readings.energy, facility);
        }
    }

    #[test]
    fn a_whole_account_of_the_site_is_conserved(lives in lives()) {
        let meter = meter_of(&rows(&lives));
        let record = meter.conservation(at(SLOTS)).expect("every node has a whole life");
        prop_assert_eq!(record.installed.get(), 64 * 60 * 86_400);
        prop_assert_eq!(record.metered.sum(), record.installed);
    }

    #[test]
    fn a_lost_row_is_noticed(lives in lives(), choice in any::<prop::sample::Index>()) {
        let mut rows = rows(&lives);
        let lost = rows.remove(choice.index(rows.len()));
        let error = meter_of(&rows).conservation(at(SLOTS)).expect_err("a row is missing");
        let ConservationError::Node(imbalance) = error else { panic!("not by node: {error}") };
        prop_assert_eq!(imbalance.node, lost.first_node);
    }

    #[test]
    fn a_row_on_the_wrong_node_is_noticed_though_the_site_adds_up(
        lives in lives(),
        choice in any::<prop::sample::Index>(),
    ) {
        let mut rows = rows(&lives);
        let index = choice.index(rows.len());
        let row = &mut rows[index];
        row.first_node = if row.first_node < 6 { (row.first_node + 1) % 6 } else {
            6 + (row.first_node - 5) % 4
        };
        prop_assert!(meter_of(&rows).conservation(at(SLOTS)).is_err());
    }

    #[test]
    fn one_row_for_many_nodes_is_many_rows_for_one(
        first in 0..10_u32,
        nodes in 1..10_u32,
        gpus in 1..=4_u32,
        from in 0..SLOTS - 1,
        state in 0..8_usize,
    ) {
        let nodes = nodes.min(10 - first);
        let one = UsageInterval {
            first_node: first,
            nodes,
            gpus_per_node: gpus,
            state: GpuState::ALL[state],
            party: Some(PartyIndex(3)),
            lease: Some(LeaseIndex(1)),
            interval: Interval::new(at(from), at(SLOTS)),
        };
        let many: Vec<_> = (first..first + nodes)
            .map(|first_node| UsageInterval { first_node, nodes: 1, ..one })
            .collect();
        let (whole, parts) = (meter_of(&[one]), meter_of(&many));
        prop_assert_eq!(whole.totals(), parts.totals());
        prop_assert_eq!(whole.party_totals(PartyIndex(3)), parts.totals());
        prop_assert_eq!(whole.totals().sum(), one.gpu_seconds());
    }
}

#[test]
fn march_has_an_hour_less_where_the_clocks_go_forward() {
    let [chicago, kolkata] = zones().map(|zone| {
        let mut meter = lease_meter(&zone);
        meter.entitle(at(0), Gpus::new(1));
        meter.add(0, 1, ServiceState::Used, Interval::new(at(0), at(SLOTS)));
        let readings = meter.readings(Month { year: 2026, month: 3 }, at(SLOTS));
        assert_eq!(readings.used, readings.entitled);
        readings.used.get() / 3600
    });
    assert_eq!(chicago, 31 * 24 - 1);
    assert_eq!(kolkata, 31 * 24);
}

#[test]
fn energy_is_paid_for_what_was_delivered_whoever_borrowed_it() {
    let hour = Interval::new(at(0), at(2));
    let energy = |state| {
        let mut meter = lease_meter(&zones()[0]);
        meter.add(0, 2 * 3, seen(state), hour);
        meter.readings(Month { year: 2026, month: 2 }, at(SLOTS)).energy
    };
    // 6 of 16 GPUs of two nodes, for an hour, at a PUE of 1.2.
    assert_eq!(energy(GpuState::Used), Ratio::whole(7750 * 3600 * 6 / 8 * 6 / 5));
    for state in [GpuState::IdleLeased, GpuState::Borrowed, GpuState::Turnover] {
        assert_eq!(energy(state), Ratio::whole(3000 * 3600 * 6 / 8 * 6 / 5), "{}", state.key());
    }
    for state in [GpuState::Down, GpuState::Curtailed] {
        assert_eq!(energy(state), Ratio::ZERO, "{}", state.key());
    }
}

#[test]
fn days_of_use_and_idleness_are_those_of_the_lease() {
    let mut meter = lease_meter(&zones()[0]);
    let day = |day| Day::constant(2026, 3, day);
    let start = |number| zones()[0].start_of(day(number));
    meter.add(0, 5, ServiceState::Used, Interval::new(start(7), start(9)));
    meter.add(0, 3, ServiceState::Idle, Interval::new(start(8), start(10)));
    let of = |from, until| {
        let (used, idle) = meter.used_and_idle(day(from), day(until));
        (used.get() / 3600, idle.get() / 3600)
    };
    // The 8th has 23 hours.
    assert_eq!(of(8, 8), (5 * 23, 3 * 23));
    assert_eq!(of(1, 31), (5 * 47, 3 * 47));
    assert_eq!(of(10, 31), (0, 0));
    assert_eq!(meter.used_and_idle(Day::constant(2026, 1, 1), day(7)).0.get(), 5 * 86_400);
}

#[test]
fn use_counts_as_beyond_from_when_that_is_priced_told_before_or_after() {
    let read = |told_first: bool| {
        let mut meter = lease_meter(&zones()[0]);
        meter.entitle(at(0), Gpus::new(3));
        let early = [(0, 2), (1, 4)].map(|(from, until)| Interval::new(at(from), at(until)));
        let late = Interval::new(at(2), at(10));
        if told_first {
            meter.meter_over(at(5));
        }
        early.into_iter().for_each(|interval| meter.add(0, 8, ServiceState::Used, interval));
        meter.meter_over(at(5));
        meter.add(0, 8, ServiceState::Used, late);
        meter.readings(Month { year: 2026, month: 2 }, at(SLOTS)).over
    };
    // Five of eight GPUs through the five half hours that are left.
    assert_eq!(read(true).get(), 5 * 5 * 1800);
    assert_eq!(read(false), read(true));
}

#[test]
fn a_pool_counts_from_its_day_of_service() {
    let mut site = site();
    site.pools[1].in_service = Day::constant(2026, 3, 1);
    let begins = site.time_zone.start_of(site.pools[1].in_service);
    let row = |first_node, nodes, gpus_per_node, from| UsageInterval {
        first_node,
        nodes,
        gpus_per_node,
        state: GpuState::IdleUnleased,
        party: None,
        lease: None,
        interval: Interval::new(from, at(SLOTS)),
    };
    let mut meter = Meter::new(&site, at(0));
    meter.add(&row(0, 6, 8, at(0)));
    meter.add(&row(6, 4, 4, begins));
    meter.conservation(at(SLOTS)).expect("the trays are not there before March");
    let mut early = Meter::new(&site, at(0));
    early.add(&row(0, 6, 8, at(0)));
    early.add(&row(6, 4, 4, at(0)));
    early.conservation(at(SLOTS)).expect_err("the trays were metered before they were there");
}

#[test]
fn reclaims_are_counted_in_the_month_they_were_answered_in() {
    let mut meter = lease_meter(&zones()[0]);
    let march = zones()[0].start_of(Day::constant(2026, 3, 1));
    meter.reclaimed(march.before(Seconds::new(1)), ReclaimOutcome::WithinBound);
    meter.reclaimed(march, ReclaimOutcome::Missed);
    meter.reclaimed(march.after(Seconds::new(5)), ReclaimOutcome::WithinBound);
    let counts = |month| {
        let readings = meter.readings(Month { year: 2026, month }, at(SLOTS));
        (readings.reclaim_requests, readings.reclaim_missed)
    };
    assert_eq!(counts(2), (1, 0));
    assert_eq!(counts(3), (2, 1));
}

#[test]
fn the_states_have_the_names_of_the_files() {
    let keys = GpuState::ALL.map(GpuState::key).join(" ");
    insta::assert_snapshot!(keys, @"used borrowed idle_leased own idle_unleased turnover down curtailed");
    assert!(GpuState::ALL.iter().enumerate().all(|(index, state)| state.index() == index));
}
