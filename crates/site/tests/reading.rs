//! What a site file says, what is told of a broken one, and that no text breaks the reader.

use insta::assert_snapshot;
use leasehold_diagnostics::{Problem, Source, render};
use leasehold_site::Site;
use leasehold_units::{Day, Gpus, Nodes, PowerBasis, Ratio, Seconds, Watts};
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
fn all_problems_of_a_broken_file_are_told_at_once() {
    let text = r#"id = "colossus 1"
landlord = "xai"
time_zone = "America/Chicgo"
pue = "0.9"
coolant = "water"

[[sku]]
id = "hgx-h100"
gpu = "H100"
gpus_per_node = 8
node_power = { nameplate = "10.2 kW", contracted = "8400", measured = "7.75 kW" }
turnover = 90

[[sku]]
id = "hgx-h100"
gpu = "H200"
gpus_per_nodes = 8
node_power = { nameplate = "10.2 kW", contracted = "12 kW", measured = "7.75 kW" }
turnover = "90 s"

[[pool]]
id = "a"
sku = "hgx-h10"
hall = "hall-a"
arrays = 0
racks_per_array = 8
nodes_per_rack = 8
in_service = "2024-09-01"

[[pool]]
id = "a-1"
sku = "hgx-h100"
hall = "hall-b"
arrays = 4
racks_per_array = 8
in_service = 2024-09-01
retire = 2024-08-31

[power]
from = 2026-01-01
limit = "300 MW"
"#;
    let source = Source::new("site.toml", text);
    let problems = Site::parse(&source).expect_err("it is broken");
    assert_snapshot!(render(&source, &problems, false), @r#"
    error[not-a-name]: `id` is "colossus 1"
     --> site.toml:1:6
      |
    1 | id = "colossus 1"
      |      ^^^^^^^^^^^^ expected a name: 1 to 64 of letters, digits, `-`, `_`, `.`, starting with a letter or digit

    error[not-a-time-zone]: `time_zone` is "America/Chicgo"
     --> site.toml:3:13
      |
    3 | time_zone = "America/Chicgo"
      |             ^^^^^^^^^^^^^^^^ expected an IANA time zone
      |
      = help: did you mean "America/Chicago"?

    error[not-a-decimal]: `pue` is "0.9"
     --> site.toml:4:7
      |
    4 | pue = "0.9"
      |       ^^^^^ expected a decimal in quotes from "1" to "10"

    error[unknown-key]: unknown key `coolant`
     --> site.toml:5:1
      |
    5 | coolant = "water"
      | ^^^^^^^ expected one of id, landlord, pool, power, pue, sku, time_zone

    error[not-a-power]: `contracted` is "8400"
      --> site.toml:11:52
       |
    11 | node_power = { nameplate = "10.2 kW", contracted = "8400", measured = "7.75 kW" }
       |                                                    ^^^^^^ expected a power of whole watts from "1 W" to "1 MW"

    error[not-a-duration]: `turnover` is a whole number without a unit or quotes
      --> site.toml:12:12
       |
    12 | turnover = 90
       |            ^^ expected a length of whole seconds such as "90 s", "10 min", "8 h" or "2 d"

    error[missing-key]: `gpus_per_node` is missing
      --> site.toml:14:1
       |
    14 | [[sku]]
       | ^^^^^^^ expected `gpus_per_node`: GPUs in a node

    error[duplicate-name]: two skus are named hgx-h100
      --> site.toml:15:6
       |
    15 | id = "hgx-h100"
       |      ^^^^^^^^^^ expected a name of its own

    error[unknown-key]: unknown key `gpus_per_nodes`
      --> site.toml:17:1
       |
    17 | gpus_per_nodes = 8
       | ^^^^^^^^^^^^^^ expected one of gpu, gpus_per_node, id, node_power, turnover
       |
       = help: did you mean `gpus_per_node`?

    error[power-below-nameplate]: `contracted` is above `nameplate`
      --> site.toml:18:52
       |
    18 | node_power = { nameplate = "10.2 kW", contracted = "12 kW", measured = "7.75 kW" }
       |                                                    ^^^^^^^ expected at most 10200 W

    error[unknown-sku]: `sku` is "hgx-h10"
      --> site.toml:23:7
       |
    23 | sku = "hgx-h10"
       |       ^^^^^^^^^ expected a sku of this file: hgx-h100
       |
       = help: did you mean "hgx-h100"?

    error[not-a-count]: `arrays` is 0
      --> site.toml:25:10
       |
    25 | arrays = 0
       |          ^ expected a whole number from 1 to 1000000

    error[not-a-day]: `in_service` is the text "2024-09-01"
      --> site.toml:28:14
       |
    28 | in_service = "2024-09-01"
       |              ^^^^^^^^^^^^ expected a day without quotes, such as 2026-05-01

    error[missing-key]: `nodes_per_rack` is missing
      --> site.toml:30:1
       |
    30 | [[pool]]
       | ^^^^^^^^ expected `nodes_per_rack`: a whole number of at least 1

    error[pool-names-apart]: pool a-1 reads like an array of pool a
      --> site.toml:31:6
       |
    31 | id = "a-1"
       |      ^^^^^ expected a name that is not another pool's followed by `-` and a number

    error[retire-after-service]: `retire` is not after `in_service`
      --> site.toml:37:10
       |
    37 | retire = 2024-08-31
       |          ^^^^^^^^^^ expected a day after 2024-09-01

    error[not-a-table]: `power` is a table
      --> site.toml:39:1
       |
    39 | [power]
       | ^^^^^^^ expected tables [[power]]
    "#);
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
