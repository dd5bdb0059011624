//! What a site file says, what is told of a broken one, and that no text breaks the reader.

use leasehold_diagnostics::{Problem, Source, render};
use leasehold_site::{Reserve, Site};
use leasehold_units::{Day, Gpus, Nodes, PowerBasis, Ratio, Seconds, Shape, Watts};
use proptest::prelude::*;

const SOUND: &str = r#"
id = "colossus-1"
landlord = "xai"
time_zone = "America/Chicago"
pue = "1.2"

[[sku]]
id = "hgx-h100"
gpu = "H100"
gpus_per_node = 8
node_power = { nameplate = "10.2 kW", contracted = "8.4 kW", measured = "7.75 kW" }
turnover = "90 s"

[[sku]]
id = "tray"
gpu = "GB200"
gpus_per_node = 4
node_power = { nameplate = "7.5 kW", contracted = "6.667 kW", measured = "6.2 kW", idle = "1.1 kW" }
turnover = "2 min"

[[pool]]
id = "a"
sku = "hgx-h100"
hall = "hall-a"
arrays = 49
racks_per_array = 8
nodes_per_rack = 8
in_service = 2024-09-01

[[pool]]
id = "c"
sku = "tray"
hall = "hall-c"
arrays = 278
racks_per_array = 1
nodes_per_rack = 18
in_service = 2025-10-01
retire = 2031-01-01

[[power]]
from = 2027-01-01
limit = "350 MW"
[[power]]
from = 2026-01-01
limit = "300 MW"
"#;

fn parse(text: &str) -> Result<Site, Vec<Problem>> {
    Site::parse(&Source::new("site.toml", text))
}

fn sound() -> Site {
    parse(SOUND).expect("the site is sound")
}

/// The rules that the sound file breaks with `from` replaced by `to`.
fn rules(from: &str, to: &str) -> Vec<&'static str> {
    assert!(SOUND.contains(from), "{from}");
    let problems = parse(&SOUND.replacen(from, to, 1)).expect_err(to);
    problems.iter().map(|problem| problem.rule).collect()
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

#[test]
fn a_sound_file_is_read_to_the_last_field() {
    let site = sound();
    assert_eq!((site.nodes(), site.gpus()), (Nodes::new(8_140), Gpus::new(45_104)));
    assert_eq!(site.pue, Ratio::new(6, 5));
    assert_eq!(site.skus[0].node_power.on(PowerBasis::Measured), Watts::new(7_750));
    assert_eq!(site.skus[0].node_power.idle, Watts::new(8_400), "silent: never understated");
    assert_eq!(site.skus[1].node_power.idle, Watts::new(1_100));
    assert_eq!(site.skus[1].turnover, Seconds::new(120));
    assert_eq!(site.pools[1].node_range(), 3_136..8_140);
    assert!(site.pools[1].serves(day("2030-12-31")) && !site.pools[1].serves(day("2031-01-01")));
    assert!(!site.pools[1].serves(day("2025-09-30")) && site.pools[1].serves(day("2025-10-01")));
    let limit = |on| site.envelope.at(day(on)).copied();
    assert_eq!(limit("2025-12-31"), None);
    assert_eq!(limit("2026-12-31"), Some(Watts::new(300_000_000)));
    assert_eq!(limit("2027-01-01"), Some(Watts::new(350_000_000)));
    assert_eq!(site.facility(Watts::new(6_667)), Ratio::new(40_002, 5));
    // 8,000.4 W.
    assert_eq!(site.facility_watts(Watts::new(6_667)), Watts::new(8_000));
    assert!(site.carries(Watts::new(6_667), Watts::new(8_001)));
    assert!(!site.carries(Watts::new(6_667), Watts::new(8_000)));
    assert!(site.carries(Watts::new(6_665), Watts::new(7_998)), "exactly as much");
}

#[test]
fn nodes_are_named_by_pool_array_rack_and_place() {
    let site = sound();
    assert_eq!(site.node_name(0), "a-01-01-1");
    assert_eq!(site.node_name(2 * 64 + 6 * 8 + 4), "a-03-07-5");
    assert_eq!(site.node_name(3_135), "a-49-08-8");
    assert_eq!(site.node_name(3_136), "c-001-01-1");
    assert_eq!(site.node_name(8_139), "c-278-01-18");
    assert_eq!(site.nodes_named("a-03-07-5"), Some(180..181));
    assert_eq!(site.nodes_named("a-03-07"), Some(176..184));
    assert_eq!(site.nodes_named("a-03"), Some(128..192));
    assert_eq!(site.nodes_named("c"), Some(3_136..8_140));
    for name in ["", "b", "a-", "a-00", "a-50", "a-01-09", "a-01-01-9", "a-01-01-1-1", "a-+1", "aa"]
    {
        assert_eq!(site.nodes_named(name), None, "{name}");
    }
}

#[test]
fn each_rule_of_a_site_file_is_held() {
    assert_eq!(rules("pue = \"1.2\"", "pue = \"0.99\""), ["not-a-decimal"]);
    assert_eq!(rules("pue = \"1.2\"", "pue = 1.2"), ["not-a-decimal"]);
    assert_eq!(rules("gpus_per_node = 8", "gpus_per_node = 0"), ["not-a-count"]);
    assert_eq!(
        rules("nameplate = \"10.2 kW\"", "nameplate = \"8.3 kW\""),
        ["power-below-nameplate"]
    );
    assert_eq!(rules("contracted = \"8.4 kW\"", "contracted = \"0 W\""), ["not-a-power"]);
    assert_eq!(rules("contracted = \"8.4 kW\"", "contracted = \"8.4 GW\""), ["not-a-power"]);
    assert_eq!(rules("idle = \"1.1 kW\"", "idle = \"6.7 kW\""), ["idle-below-contracted"]);
    assert_eq!(rules("sku = \"tray\"", "sku = \"tay\""), ["unknown-sku"]);
    assert_eq!(rules("id = \"tray\"", "id = \"hgx-h100\""), ["duplicate-name", "unknown-sku"]);
    assert_eq!(rules("id = \"c\"", "id = \"a\""), ["duplicate-name"]);
    assert_eq!(rules("id = \"c\"", "id = \"a-07\""), ["pool-names-apart"]);
    assert_eq!(rules("arrays = 49", "arrays = 0"), ["not-a-count"]);
    assert_eq!(rules("retire = 2031-01-01", "retire = 2025-10-01"), ["retire-after-service"]);
    assert_eq!(rules("from = 2027-01-01", "from = 2026-01-01"), ["duplicate-step"]);
    assert_eq!(rules("in_service = 2024-09-01", ""), ["missing-key"]);
    assert_eq!(rules("hall = \"hall-a\"", "hal = \"hall-a\""), ["missing-key", "unknown-key"]);
    let millions = "arrays = 1000000\nracks_per_array = 1000000\nnodes_per_rack = 1000000";
    let counts = "arrays = 49\nracks_per_array = 8\nnodes_per_rack = 8";
    assert_eq!(rules(counts, millions), ["site-size"]);
    assert_eq!(parse("").expect_err("nothing is there").len(), 7);
    let none = "id = \"s\"\nlandlord = \"l\"\ntime_zone = \"UTC\"\npue = \"1\"\nsku = []\npool = []\npower = []";
    assert_eq!(parse(none).expect_err("no node").len(), 3);
}

#[test]
fn declared_outages_name_what_is_out_and_when() {
    let outages = |text: &str| {
        let text = format!("{SOUND}{text}");
        parse(&text).map(|site| site.outages).map_err(|problems| {
            problems.iter().map(|problem| problem.rule.to_owned()).collect::<Vec<_>>()
        })
    };
    let table = "[[outage]]\nnodes = [\"a-01-02\", \"c-001-01-03\"]\nfrom = 2026-05-01\n\
                 until = 2026-05-02T06:00:00-05:00\nwhat = \"valves\"\n";
    let outage = &outages(table).expect("it is sound")[0];
    let site = sound();
    let zone = &site.time_zone;
    assert_eq!(outage.interval.from, zone.start_of("2026-05-01".parse().expect("a day")));
    assert_eq!(outage.interval.length(), Seconds::new(30 * 3_600));
    let parts: Vec<u32> = outage.parts().map(|part| part.nodes.end - part.nodes.start).collect();
    assert_eq!((parts, outage.what.as_str()), (vec![8, 1], "valves"));
    let changed = |from: &str, to: &str| outages(&table.replacen(from, to, 1)).expect_err("broken");
    assert_eq!(
        changed("until = 2026-05-02T06:00:00-05:00", "until = 2026-05-01"),
        ["outage-in-order"]
    );
    assert_eq!(changed("a-01-02", "z-01-02"), ["unknown-node"]);
    assert_eq!(changed("what = \"valves\"\n", ""), ["missing-key"]);
    assert_eq!(changed("what", "wat"), ["missing-key", "unknown-key"]);
}

#[test]
fn a_turnover_has_twice_its_time_where_no_limit_is_given() {
    let limit = |text: &str| {
        let text = SOUND.replacen("turnover = \"90 s\"", &format!("turnover = \"90 s\"{text}"), 1);
        parse(&text).map(|site| site.skus[0].turnover_limit)
    };
    assert_eq!(limit(""), Ok(Seconds::new(180)));
    assert_eq!(limit("\nturnover_limit = \"5 min\""), Ok(Seconds::new(300)));
    assert!(limit("\nturnover_limit = \"89 s\"").is_err(), "it would fail each time");
}

#[test]
fn a_reserve_is_whole_blocks_of_its_pool() {
    let reserve = |text: &str| {
        let text = SOUND.replacen("arrays = 49", &format!("reserve = {text}\narrays = 49"), 1);
        parse(&text).map(|site| (site.pools[0].reserve, site.pools[0].reserve_nodes()))
    };
    let blocks = |shape, blocks| Reserve { shape, blocks };
    assert_eq!(sound().pools[0].reserve, Reserve::NONE, "silent: nothing is set aside");
    assert_eq!(reserve("\"5 node\""), Ok((blocks(Shape::Node, 5), 5)));
    assert_eq!(reserve("\"2 rack\""), Ok((blocks(Shape::Rack, 2), 16)));
    assert_eq!(reserve("\"3 array\""), Ok((blocks(Shape::Array, 3), 192)));
    assert_eq!(reserve("\"0 rack\""), Ok((blocks(Shape::Rack, 0), 0)));
    assert_eq!(reserve("\"49 array\""), Ok((blocks(Shape::Array, 49), 3_136)), "all of it");
    let broken = |text: &str| -> Vec<&'static str> {
        reserve(text).expect_err(text).iter().map(|problem| problem.rule).collect()
    };
    for text in
        ["\"2.5 rack\"", "\"rack\"", "\"2 racks of 8\"", "\"2\"", "2", "\"-1 rack\"", "\"2 MW\""]
    {
        assert_eq!(broken(text), ["not-a-reserve"], "{text}");
    }
    for text in ["\"3137 node\"", "\"393 rack\"", "\"50 array\""] {
        assert_eq!(broken(text), ["reserve-fits-pool"], "{text}");
    }
}

#[test]
fn a_delayed_pool_is_promised_before_it_serves() {
    let delayed = |text: &str| {
        parse(&SOUND.replacen(
            "retire = 2031-01-01",
            &format!("retire = 2031-01-01\ndelayed = {text}"),
            1,
        ))
    };
    let pool = &delayed("2025-12-01").expect("it is sound").pools[1];
    assert_eq!(pool.delayed, Some(day("2025-12-01")));
    let at = |on| (pool.promised(day(on)), pool.serves(day(on)));
    assert_eq!(at("2025-09-30"), (false, false));
    assert_eq!((at("2025-10-01"), at("2025-11-30")), ((true, false), (true, false)));
    assert_eq!((at("2025-12-01"), at("2030-12-31")), ((true, true), (true, true)));
    assert_eq!(at("2031-01-01"), (false, false), "it retires all the same");
    assert_eq!(sound().pools[1].delayed, None);
    let rules = |text: &str| -> Vec<&'static str> {
        delayed(text).expect_err(text).iter().map(|problem| problem.rule).collect()
    };
    assert_eq!(rules("2025-10-01"), ["delayed-after-service"]);
    assert_eq!(rules("2025-09-01"), ["delayed-after-service"]);
    assert_eq!(rules("\"2025-12-01\""), ["not-a-day"]);
}

#[test]
fn all_problems_of_a_broken_file_are_told_at_once() {
    let source = Source::new("site.toml", include_str!("golden/broken-site.toml"));
    let problems = Site::parse(&source).expect_err("it is broken");
    let told = render(&source, &problems, false);
    assert_eq!(told.trim_end(), include_str!("golden/broken-site.txt").trim_end());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_node_has_a_name_of_its_own_that_leads_back(
        pools in prop::collection::vec((1u32..120, 1u32..15, 1u32..20), 1..4),
        pick in 0u32..100_000,
    ) {
        let ids = ["a", "b-x", "a1"];
        let mut text = SOUND.split("[[pool]]").next().expect("what stands before").to_owned();
        for ((arrays, racks, nodes), id) in pools.iter().zip(ids) {
            text.push_str(&format!(
                "[[pool]]\nid = \"{id}\"\nsku = \"tray\"\nhall = \"h\"\narrays = {arrays}\n\
                 racks_per_array = {racks}\nnodes_per_rack = {nodes}\nin_service = 2024-09-01\n"
            ));
        }
        text.push_str("[[power]]\nfrom = 2026-01-01\nlimit = \"0 W\"\n");
        let site = parse(&text).expect("the site is sound");
        // Counted out block by block, as somebody would who walks the halls.
        let mut walked = Vec::new();
        for (index, (arrays, racks, nodes)) in pools.iter().enumerate() {
            for array in 1..=*arrays {
                for rack in 1..=*racks {
                    walked.extend((1..=*nodes).map(|node| (index, array, rack, node)));
                }
            }
        }
        prop_assert_eq!(site.nodes().get(), walked.len() as u64);
        let node = pick % u32::try_from(walked.len()).expect("few");
        let (pool, array, rack, place) = walked[node as usize];
        let width = if pools[pool].0 > 99 { 3 } else { 2 };
        let name = format!("{}-{array:0width$}-{rack:02}-{place}", ids[pool]);
        prop_assert_eq!(site.node_name(node), name.clone());
        prop_assert_eq!(site.nodes_named(&name), Some(node..node + 1));
        prop_assert_eq!(site.pool_of(node), pool);
    }

    #[test]
    fn no_text_makes_the_reader_panic(
        noise in "[\\[\\]{}=\"'#.,0-9a-z \\n-]{0,12}",
        cut in 0usize..SOUND.len(),
        skip in 0usize..40,
    ) {
        let after = (cut + skip).min(SOUND.len());
        let text = format!("{}{noise}{}", &SOUND[..cut], &SOUND[after..]);
        let source = Source::new("site.toml", text);
        match Site::parse(&source) {
            Ok(site) => {
                let last = site.pools.last().expect("a site has a pool");
                prop_assert_eq!(u64::from(last.node_range().end), site.nodes().get());
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                let shown = render(&source, &problems, false);
                prop_assert_eq!(shown.matches("error[").count(), problems.len());
            }
        }
    }
}
