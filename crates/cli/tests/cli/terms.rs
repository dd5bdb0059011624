//! `check`, `schedule` and `backlog`, on the model deal and on broken files.

use insta::assert_snapshot;

use super::run::{Folder, example};

const BROKEN_LEASE: &str = "id = \"l\"\nsite = \"elsewhere\"\nlandlord = \"xai\"\ntenant = \"xai\"\n\
         signed = \"2026-05-03\"\ntime_zone = \"America/Chigaco\"\n\
         [term]\nstart = 2026-05-01\nend = 2025-05-31\n\
         [capacity]\namount = \"300 megawatt\"\nshpe = \"rack\"\n\
         [fee]\ncurrency = \"JPY\"\nfixed = \"12.50\"\nproration = \"actual\"\n\
         invoice = \"advance\"\ndue_days = 30\n[service]\nidle_use = \"landlord\"\n";

/// What a run prints in a folder of the test's own, in which the example lies as `EXAMPLE`.
fn at(arguments: &str) -> String {
    let thread = std::thread::current();
    let test = thread.name().expect("a test has a name").replace("::", "-");
    let folder = Folder::new(&test);
    for name in ["site.toml", "leases/anthropic.toml", "scenario.toml"] {
        let text = std::fs::read_to_string(format!("{}/{name}", example()));
        folder.write(&format!("EXAMPLE/{name}"), &text.expect("the example is there"));
    }
    folder.outcome(arguments)
}

#[test]
fn the_model_deal_is_sound() {
    assert_snapshot!(at("check EXAMPLE/site.toml EXAMPLE/leases/anthropic.toml EXAMPLE/scenario.toml"), @r#"
    exit 0
    --- stdout
    ok        id                     says
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    site      colossus-1             220,208 GPUs in 30,028 nodes
    lease     colossus-1-anthropic   3 steps, at most 220,208 GPUs, last day of service 2029-05-31, fixed fees USD 45,312,500,000.00
    scenario  EXAMPLE/scenario.toml  2026-05-01 to 2026-08-01

    All files are sound, and the site carries its leases.
    "#);
    assert_snapshot!(at("check EXAMPLE/scenario.toml -o json"), @r#"
    exit 0
    --- stdout
    {
      "files": 1,
      "checked": [
        {
          "kind": "site",
          "id": "colossus-1",
          "gpus": 220208,
          "nodes": 30028
        },
        {
          "kind": "lease",
          "id": "colossus-1-anthropic",
          "tenant": "anthropic",
          "versions": 1,
          "last_day": "2029-05-31",
          "currency": "USD",
          "total": "45312500000.00",
          "steps": 3,
          "gpus_max": 220208
        },
        {
          "kind": "scenario",
          "file": "EXAMPLE/scenario.toml",
          "from": "2026-05-01",
          "until": "2026-08-01"
        }
      ]
    }
    "#);
    assert_snapshot!(at("check EXAMPLE/leases/anthropic.toml"), @r#"
    exit 0
    --- stdout
    ok     id                    says
    ─────────────────────────────────────────────────────────────────────────────────────────────
    lease  colossus-1-anthropic  last day of service 2029-05-31, fixed fees USD 45,312,500,000.00

    All files are sound; whether a site carries the leases shows when it is given too.
    "#);
    assert_snapshot!(at("check EXAMPLE/site.toml -o csv"), @r#"
    exit 0
    --- stdout
    kind,id,says
    site,colossus-1,"220,208 GPUs in 30,028 nodes"
    "#);
}

#[test]
fn the_schedule_under_notice_ends_ninety_days_later() {
    let lease = "EXAMPLE/leases/anthropic.toml --site EXAMPLE/site.toml";
    assert_snapshot!(at(&format!("schedule {lease} --notice 2026-07-01 --by landlord")), @r#"
    exit 0
    --- stdout
    colossus-1-anthropic: anthropic at colossus-1, 2026-05-01 to 2026-09-29, under notice by the landlord from 2026-07-01

    Entitlement
    from        until          GPUs   nodes  facility MW    fee
    ───────────────────────────────────────────────────────────
    2026-05-01  2026-05-31  119,040  14,880      149.990   50 %
    2026-06-01  2026-06-30  178,560  22,320      224.986   75 %
    2026-07-01  2026-09-29  220,208  30,028      292.276  100 %

    Fixed fee
    start       end         days  of               USD
    ──────────────────────────────────────────────────
    2026-05-01  2026-05-31    31  31    625,000,000.00
    2026-06-01  2026-06-30    30  30    937,500,000.00
    2026-07-01  2026-07-31    31  31  1,250,000,000.00
    2026-08-01  2026-08-31    31  31  1,250,000,000.00
    2026-09-01  2026-09-29    29  30  1,208,333,333.33

    Total USD 5,270,833,333.33: the fixed fees of 5 periods, usage fees and credits not included.
    "#);
}

#[test]
fn a_window_of_the_schedule_in_json() {
    let lease = "EXAMPLE/leases/anthropic.toml --site EXAMPLE/site.toml";
    assert_snapshot!(at(&format!("schedule {lease} --from 2026-06-01 --until 2026-07-12 -o json")), @r#"
    exit 0
    --- stdout
    {
      "lease": "colossus-1-anthropic",
      "currency": "USD",
      "entitlement": [
        {
          "from": "2026-06-01",
          "until": "2026-06-30",
          "gpus": 178560,
          "nodes": 22320,
          "watts": 224985600,
          "fee": "0.75"
        },
        {
          "from": "2026-07-01",
          "until": "2026-07-12",
          "gpus": 220208,
          "nodes": 30028,
          "watts": 292275921,
          "fee": "1"
        }
      ],
      "periods": [
        {
          "start": "2026-06-01",
          "end": "2026-06-30",
          "days": 30,
          "days_in_month": 30,
          "amount": "937500000.00"
        },
        {
          "start": "2026-07-01",
          "end": "2026-07-12",
          "days": 12,
          "days_in_month": 31,
          "amount": "483870967.74"
        }
      ],
      "total": "1421370967.74",
      "shortfalls": [],
      "ended": null,
      "total_after_shortfalls": "1421370967.74"
    }
    "#);
}

#[test]
fn the_whole_schedule_comes_to_the_published_total() {
    let lease = "EXAMPLE/leases/anthropic.toml --site EXAMPLE/site.toml";
    let printed = at(&format!("schedule {lease} -o json"));
    let json = printed.strip_prefix("exit 0\n--- stdout\n").expect("it succeeds and is silent");
    let schedule: serde_json::Value = serde_json::from_str(json).expect("it is JSON");
    assert_eq!(schedule["total"], "45312500000.00");
    assert_eq!(schedule["periods"].as_array().expect("a list").len(), 37);
    assert_eq!(schedule["entitlement"].as_array().expect("a list").len(), 3);
    assert_eq!(schedule["entitlement"][2]["until"], "2029-05-31");
}

#[test]
fn a_window_that_ends_before_it_begins_is_refused() {
    let lease = "EXAMPLE/leases/anthropic.toml --site EXAMPLE/site.toml";
    assert_snapshot!(at(&format!("schedule {lease} --from 2026-09-01 --until 2026-08-31")), @r#"
    exit 1
    --- stderr
    error: --until 2026-08-31 is before --from 2026-09-01
    hint: both days are included: give --until 2026-09-01 or a later day
    "#);
}

#[test]
fn watts_stand_under_the_basis_that_the_lease_counts_them_on() {
    let folder = Folder::new("it-basis");
    let lease = std::fs::read_to_string(format!("{}/leases/anthropic.toml", example()));
    let lease = lease.expect("the example is there");
    folder.write("it.toml", &lease.replace("facility contracted", "it contracted"));
    let printed = folder.stdout(&format!("schedule it.toml --site {}/site.toml", example()));
    assert_snapshot!(printed.lines().skip(2).take(6).collect::<Vec<_>>().join("\n"), @r#"
    Entitlement
    from        until          GPUs   nodes    IT MW    fee
    ───────────────────────────────────────────────────────
    2026-05-01  2026-05-31  142,848  17,856  149.990   50 %
    2026-06-01  2026-06-30  209,048  27,238  224.962   75 %
    2026-07-01  2029-05-31  220,208  30,028  243.563  100 %
    "#);
}

#[test]
fn a_notice_that_the_terms_do_not_allow_is_refused() {
    let lease = "EXAMPLE/leases/anthropic.toml --site EXAMPLE/site.toml";
    assert_snapshot!(at(&format!("schedule {lease} --notice 2026-04-01 --by tenant")), @r#"
    exit 1
    --- stderr
    error: notice-after-lock-in: colossus-1-anthropic may be given notice from 2026-05-01 on, not on 2026-04-01
    "#);
}

#[test]
fn headline_and_firm_of_the_model_deal() {
    let lease = "EXAMPLE/leases/anthropic.toml --site EXAMPLE/site.toml";
    assert_snapshot!(at(&format!("backlog {lease} --as-of 2026-07-01")), @r#"
    exit 0
    --- stdout
    Backlog as of 2026-07-01, USD

    lease                 tenant              headline  firm if landlord  last day      firm if tenant  last day
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
    colossus-1-anthropic  anthropic  43,750,000,000.00  3,708,333,333.33  2026-09-29  3,708,333,333.33  2026-09-29
    total                            43,750,000,000.00  3,708,333,333.33              3,708,333,333.33

    Headline: fixed fees for service from that day on. Firm: what is left of them if that side gives notice then, or as soon as it may.
    Share of the monthly run-rate: anthropic 100 %.
    "#);
    assert_snapshot!(at(&format!("backlog {lease} --as-of 2026-07-01 -o json")), @r#"
    exit 0
    --- stdout
    {
      "as_of": "2026-07-01",
      "currency": "USD",
      "leases": [
        {
          "lease": "colossus-1-anthropic",
          "tenant": "anthropic",
          "headline": "43750000000.00",
          "firm_if_landlord_gives_notice": "3708333333.33",
          "firm_if_tenant_gives_notice": "3708333333.33",
          "last_day_if_landlord_gives_notice": "2026-09-29",
          "last_day_if_tenant_gives_notice": "2026-09-29"
        }
      ],
      "total": {
        "headline": "43750000000.00",
        "firm_if_landlord_gives_notice": "3708333333.33",
        "firm_if_tenant_gives_notice": "3708333333.33"
      },
      "concentration": [
        {
          "tenant": "anthropic",
          "share": "1"
        }
      ]
    }
    "#);
}

#[test]
fn after_the_term_nothing_is_left() {
    let lease = "EXAMPLE/leases/anthropic.toml --site EXAMPLE/site.toml";
    assert_snapshot!(at(&format!("backlog {lease} --as-of 2029-06-01")), @r#"
    exit 0
    --- stdout
    Backlog as of 2029-06-01, USD

    lease                 tenant     headline  firm if landlord  last day    firm if tenant  last day
    ───────────────────────────────────────────────────────────────────────────────────────────────────
    colossus-1-anthropic  anthropic      0.00              0.00  2029-05-31            0.00  2029-05-31
    total                                0.00              0.00                        0.00

    Headline: fixed fees for service from that day on. Firm: what is left of them if that side gives notice then, or as soon as it may.
    No fixed fee runs on 2029-06-01.
    "#);
}

#[test]
fn every_problem_of_a_lease_is_told_with_its_place() {
    let folder = Folder::new("broken-lease");
    folder.write("lease.toml", BROKEN_LEASE);
    assert_snapshot!(folder.outcome("check lease.toml"), @r#"
    exit 1
    --- stderr
    error[two-parties]: xai is landlord and tenant
     --> lease.toml:4:10
      |
    4 | tenant = "xai"
      |          ^^^^^ expected a tenant other than the landlord

    error[not-a-day]: `signed` is the text "2026-05-03"
     --> lease.toml:5:10
      |
    5 | signed = "2026-05-03"
      |          ^^^^^^^^^^^^ expected a day without quotes, such as 2026-05-01

    error[not-a-time-zone]: `time_zone` is "America/Chigaco"
     --> lease.toml:6:13
      |
    6 | time_zone = "America/Chigaco"
      |             ^^^^^^^^^^^^^^^^^ expected an IANA time zone
      |
      = help: did you mean "America/Chicago"?

    error[term-in-order]: the term ends on 2025-05-31, before it starts
     --> lease.toml:9:7
      |
    9 | end = 2025-05-31
      |       ^^^^^^^^^^ expected 2026-05-01 or a later day

    error[missing-key]: `shape` is missing
      --> lease.toml:10:2
       |
    10 | [capacity]
       |  ^^^^^^^^ expected `shape`: the whole blocks that it is promised in

    error[not-an-amount]: `amount` is "300 megawatt"
      --> lease.toml:11:10
       |
    11 | amount = "300 megawatt"
       |          ^^^^^^^^^^^^^^ expected "all", "300 MW", "4096 GPU", "512 node", "16 rack" or "4 array"

    error[unknown-key]: unknown key `shpe`
      --> lease.toml:12:1
       |
    12 | shpe = "rack"
       | ^^^^ expected one of amount, basis, isolation, ramp, shape, sku
       |
       = help: did you mean `shape`?

    error[too-many-digits]: `fixed` is "12.50"
      --> lease.toml:15:9
       |
    15 | fixed = "12.50"
       |         ^^^^^^^ expected an amount in quotes with at most 0 digits after the point

    error[missing-key]: `reclaim_within` is missing
      --> lease.toml:19:2
       |
    19 | [service]
       |  ^^^^^^^ expected `reclaim_within`: the bound within which lent nodes come back, such as "10 min"

    error: 9 problems found; nothing was done
    "#);
}

#[test]
fn every_problem_of_a_site_is_told_with_its_place() {
    let folder = Folder::new("broken-site");
    folder.write(
        "site.toml",
        "id = \"s\"\nlandlord = \"xai\"\ntime_zone = \"UTC\"\npue = \"0.9\"\n\
         [[sku]]\nid = \"k\"\ngpu = \"G\"\ngpus_per_node = 0\nturnover = \"soon\"\n\
         node_power = { nameplate = \"8 kW\", contracted = \"8.4 kW\" }\n\
         [[pool]]\nid = \"p\"\nsku = \"z\"\nhall = \"h\"\narrays = 1\nracks_per_array = 1\n\
         nodes_per_rack = 1\nin_service = 2026-01-01\nretires = 2027-01-01\n",
    );
    assert_snapshot!(folder.outcome("check site.toml"), @r#"
    exit 1
    --- stderr
    error[missing-key]: `power` is missing
     --> site.toml:1:1
      |
    1 | id = "s"
      | ^ expected at least one [[power]]: `from` and `limit`, a step of the envelope

    error[not-a-decimal]: `pue` is "0.9"
     --> site.toml:4:7
      |
    4 | pue = "0.9"
      |       ^^^^^ expected a decimal in quotes from "1" to "10"

    error[not-a-count]: `gpus_per_node` is 0
     --> site.toml:8:17
      |
    8 | gpus_per_node = 0
      |                 ^ expected a whole number from 1 to 64

    error[not-a-duration]: `turnover` is "soon"
     --> site.toml:9:12
      |
    9 | turnover = "soon"
      |            ^^^^^^ expected a length of whole seconds such as "90 s", "10 min", "8 h" or "2 d"

    error[missing-key]: `measured` is missing
      --> site.toml:10:1
       |
    10 | node_power = { nameplate = "8 kW", contracted = "8.4 kW" }
       | ^^^^^^^^^^ expected `measured`: IT power of a node, such as "8.4 kW"

    error[unknown-sku]: `sku` is "z"
      --> site.toml:13:7
       |
    13 | sku = "z"
       |       ^^^ expected a sku of this file: k

    error[unknown-key]: unknown key `retires`
      --> site.toml:19:1
       |
    19 | retires = 2027-01-01
       | ^^^^^^^ expected one of arrays, delayed, hall, id, in_service, nodes_per_rack, racks_per_array, reserve, retire, sku
       |
       = help: did you mean `retire`?

    error: 7 problems found; nothing was done
    "#);
}

/// The example with a broken site and lease, and beside it a file of no kind and one cut short.
fn broken_together(test: &str) -> Folder {
    let folder = Folder::new(test);
    let read = |name: &str| {
        std::fs::read_to_string(format!("{}/{name}", example())).expect("the example is there")
    };
    let lease = read("leases/anthropic.toml");
    folder
        .write("site.toml", &read("site.toml").replace("pue = \"1.2\"", "pue = \"0.2\""))
        .write("leases/lease.toml", &lease.replace("due_days = 30", "due_days = \"30\""))
        .write("other.toml", "site = \"here\"\n")
        .write("cut.toml", "id = \"cut\ntenant = \"")
        .write("scenario.toml", &read("scenario.toml"));
    folder
}

#[test]
fn problems_of_all_files_are_told_together() {
    let folder = broken_together("broken-together");
    let files = "scenario.toml other.toml cut.toml leases/lease.toml site.toml";
    assert_snapshot!(folder.outcome(&format!("check {files}")), @r#"
    exit 1
    --- stderr
    error[not-a-decimal]: `pue` is "0.2"
     --> site.toml:8:7
      |
    8 | pue = "0.2"                                   # facility watts per IT watt
      |       ^^^^^ expected a decimal in quotes from "1" to "10"

    error[not-a-count]: `due_days` is the text "30"
      --> leases/lease.toml:54:12
       |
    54 | due_days = "30"
       |            ^^^^ expected a whole number from 0 to 3660

    error[kind-of-file]: this is no site, lease or scenario
     --> other.toml:1:1
      |
    1 | site = "here"
      | ^ expected keys of a site (pool, sku), a lease (tenant, term) or a scenario (leases, workload)

    error[toml-syntax]: invalid basic string
     --> cut.toml:1:10
      |
    1 | id = "cut
      |          ^ expected `"`

    error[not-a-name]: `tenant` is ""
     --> cut.toml:2:10
      |
    2 | tenant = "
      |          ^ expected a name: 1 to 64 of letters, digits, `-`, `_`, `.`, starting with a letter or digit

    error[toml-syntax]: invalid basic string
     --> cut.toml:2:11
      |
    2 | tenant = "
      |           ^ expected `"`

    error: 6 problems found; nothing was done
    "#);
}

#[test]
fn problems_of_a_site_and_its_lease_are_told_together() {
    let folder = broken_together("broken-both");
    assert_snapshot!(folder.outcome("schedule leases/lease.toml --site site.toml"), @r#"
    exit 1
    --- stderr
    error[not-a-decimal]: `pue` is "0.2"
     --> site.toml:8:7
      |
    8 | pue = "0.2"                                   # facility watts per IT watt
      |       ^^^^^ expected a decimal in quotes from "1" to "10"

    error[not-a-count]: `due_days` is the text "30"
      --> leases/lease.toml:54:12
       |
    54 | due_days = "30"
       |            ^^^^ expected a whole number from 0 to 3660

    error: 2 problems found; nothing was done
    "#);
}

#[test]
fn a_lease_must_name_the_site_its_landlord_and_its_skus() {
    let folder = Folder::new("another-site");
    let lease = std::fs::read_to_string(format!("{}/leases/anthropic.toml", example()));
    let lease = lease.expect("the example is there");
    let astray = lease
        .replace("site = \"colossus-1\"", "site = \"colossus-2\"")
        .replace("landlord = \"xai\"", "landlord = \"someone\"")
        .replace("[capacity]", "[capacity]\nsku = [\"hgx-h100\", \"tpu\"]");
    folder.write("lease.toml", &astray);
    let site = format!("{}/site.toml", example());
    assert_snapshot!(folder.outcome(&format!("check lease.toml {site}")), @r#"
    exit 1
    --- stderr
    error[site-of-lease]: `site` is "colossus-2"
      --> lease.toml:10:1
       |
    10 | site = "colossus-2"
       | ^^^^^^^^^^^^^^^^^^^ expected "colossus-1", the site's name

    error[landlord-of-site]: `landlord` is "someone"
      --> lease.toml:11:1
       |
    11 | landlord = "someone"
       | ^^^^^^^^^^^^^^^^^^^^ expected "xai", who owns the site

    error[unknown-sku]: `sku` is "tpu"
      --> lease.toml:29:1
       |
    29 | sku = ["hgx-h100", "tpu"]
       | ^^^^^^^^^^^^^^^^^^^^^^^^^ expected skus of the site: hgx-h100, hgx-h200, gb200-tray

    error: 3 problems found; nothing was done
    "#);
}

#[test]
fn leases_that_the_site_cannot_carry_are_refused() {
    let folder = Folder::new("oversold");
    let lease = std::fs::read_to_string(format!("{}/leases/anthropic.toml", example()));
    let lease = lease.expect("the example is there");
    let second = lease
        .replace("id = \"colossus-1-anthropic\"", "id = \"second\"")
        .replace("tenant = \"anthropic\"", "tenant = \"other\"")
        .replace("signed = 2026-05-03", "signed = 2026-05-03\n# signed later on that day");
    folder.write("first.toml", &lease).write("second.toml", &second);
    let site = format!("{}/site.toml", example());
    assert_snapshot!(folder.outcome(&format!("check {site} first.toml second.toml")), @r#"
    exit 1
    --- stderr
    no-oversell: second cannot be carried from 2026-05-01 to 2026-05-31: 7704879 W in whole racks are not left; what would fit: 142285522 W from 2026-05-01 to 2026-05-31 (101168 GPU, 15148 node, 142285521 W), 150000000 W from 2029-06-01 to 2029-07-01 (119040 GPU, 14880 node, 149990400 W)
    no-oversell: second cannot be carried from 2026-06-01 to 2026-06-30: 157695279 W in whole racks are not left; what would fit: 67290322 W from 2026-06-01 to 2026-06-30 (41648 GPU, 7708 node, 67290321 W), 225000000 W from 2029-06-01 to 2029-06-30 (178560 GPU, 22320 node, 224985600 W)
    no-oversell: second cannot be carried from 2026-07-01 to 2029-05-31: all in whole racks is asked for and is not free; what would fit: all from 2029-06-01 to 2032-05-01 (220208 GPU, 30028 node, 292275921 W)
    error: 3 problems found; nothing was done
    "#);
}

#[test]
fn a_file_given_twice_is_one_file() {
    let lease = "EXAMPLE/leases/anthropic.toml";
    let site = "EXAMPLE/site.toml";
    let same = "EXAMPLE/leases/../leases/anthropic.toml";
    assert_eq!(
        at(&format!("backlog {lease} {same} --site {site} --as-of 2026-07-01")),
        at(&format!("backlog {lease} --site {site} --as-of 2026-07-01"))
    );
    assert_snapshot!(at(&format!("check {site} {lease} {site} {same}")), @r#"
    exit 0
    --- stdout
    ok     id                    says
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    site   colossus-1            220,208 GPUs in 30,028 nodes
    lease  colossus-1-anthropic  3 steps, at most 220,208 GPUs, last day of service 2029-05-31, fixed fees USD 45,312,500,000.00

    All files are sound, and the site carries its leases.
    "#);
}

#[test]
fn what_is_no_file_is_told_so() {
    assert_snapshot!(at("check nowhere.toml"), @r#"
    exit 1
    --- stderr
    error: nowhere.toml does not exist
    hint: check the spelling; paths are relative to where you are
    "#);
    assert_snapshot!(at("backlog EXAMPLE/leases/anthropic.toml --site EXAMPLE --as-of 2026-07-01"), @r#"
    exit 1
    --- stderr
    error: EXAMPLE is a directory, not a file
    hint: name the files in it, for example with `DIR/*.toml`
    "#);
    assert_snapshot!(at("simulate EXAMPLE --out here"), @r#"
    exit 1
    --- stderr
    error: EXAMPLE is a directory, not a file
    hint: name the files in it, for example with `DIR/*.toml`
    "#);
}

#[test]
fn check_tells_what_a_late_pool_leaves_short_below_its_lease() {
    let folder = Folder::new("check-late-pool");
    let example = format!("{}/../../examples/three-tenants", env!("CARGO_MANIFEST_DIR"));
    let asked = format!("check {example}/site.toml {example}/leases/nodes.toml");
    assert_snapshot!(folder.stdout(&asked), @r#"
    ok     id             says
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    site   three-tenants  220,208 GPUs in 30,028 nodes
    lease  nodes          3 steps, at most 110,000 GPUs, last day of service 2028-05-14, fixed fees USD 11,572,365,591.39
                          short from 2026-06-15 to 2026-06-29, 71,552 of 80,000 GPUs (grace through 2026-06-29, then pro-rata)
                          short from 2026-06-30 to 2026-07-09, 71,552 of 80,000 GPUs (past the grace: pro-rata)

    All files are sound, and the site carries its leases.
    "#);
}
