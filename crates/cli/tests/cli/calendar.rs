//! `calendar` and `check --against`: what can still be sold, and what fits beside what is signed.

use insta::assert_snapshot;

use super::run::{Folder, example};

/// A folder of the test's own with a small site, a signed lease and one that is asked for.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write(
        "site.toml",
        "id = \"north\"\nlandlord = \"owner\"\ntime_zone = \"America/Chicago\"\npue = \"1.2\"\n\
         [[sku]]\nid = \"h100\"\ngpu = \"H100\"\ngpus_per_node = 8\nturnover = \"90 s\"\n\
         node_power = { nameplate = \"10 kW\", contracted = \"8 kW\", measured = \"7 kW\" }\n\
         [[pool]]\nid = \"a\"\nsku = \"h100\"\nhall = \"h\"\narrays = 4\nracks_per_array = 8\n\
         nodes_per_rack = 8\nin_service = 2026-01-01\nreserve = \"2 rack\"\n\
         [[pool]]\nid = \"b\"\nsku = \"h100\"\nhall = \"h\"\narrays = 40\nracks_per_array = 1\n\
         nodes_per_rack = 18\nin_service = 2026-06-01\nretire = 2029-01-01\n\
         [[power]]\nfrom = 2026-01-01\nlimit = \"4 MW\"\n\
         [[power]]\nfrom = 2027-01-01\nlimit = \"12 MW\"\n",
    );
    folder.write("signed.toml", &lease("signed", "2026-03-01", "2027-06-30", "20 rack", "rack"));
    folder.write("new.toml", &lease("new", "2026-07-01", "2026-12-31", "30 rack", "rack"));
    folder
}

fn lease(id: &str, start: &str, end: &str, amount: &str, shape: &str) -> String {
    format!(
        "id = \"{id}\"\nsite = \"north\"\nlandlord = \"owner\"\ntenant = \"tenant-{id}\"\n\
         signed = 2026-02-01\ntime_zone = \"America/Chicago\"\n\
         [term]\nstart = {start}\nend = {end}\n\
         [capacity]\namount = \"{amount}\"\nshape = \"{shape}\"\nsku = [\"h100\"]\n\
         [fee]\ncurrency = \"USD\"\nfixed = \"100.00\"\nproration = \"actual\"\n\
         invoice = \"advance\"\ndue_days = 30\n"
    )
}

#[test]
fn what_can_still_be_sold_is_told_between_all_changes() {
    let folder = folder("calendar");
    assert_snapshot!(folder.outcome("calendar --site site.toml signed.toml"), @r#"
    exit 0
    --- stdout
    Available to promise at north

    from        until       pool  sku   nodes  racks  arrays  facility MW
    ─────────────────────────────────────────────────────────────────────
    2026-01-01  2026-02-28  a     h100    240     30       3        4.000
    2026-01-01  2026-02-28  b     h100      0      0       0        4.000
    2026-03-01  2026-05-31  a     h100     80     10       1        2.464
    2026-03-01  2026-05-31  b     h100      0      0       0        2.464
    2026-06-01  2026-12-31  a     h100     80     10       1        2.464
    2026-06-01  2026-12-31  b     h100    256     14      14        2.464
    2027-01-01  2027-06-30  a     h100     80     10       1       10.464
    2027-01-01  2027-06-30  b     h100    720     40      40       10.464
    2027-07-01  2028-12-31  a     h100    240     30       3       12.000
    2027-07-01  2028-12-31  b     h100    720     40      40       12.000
    2029-01-01  -           a     h100    240     30       3       12.000
    2029-01-01  -           b     h100      0      0       0       12.000

    Whole blocks beyond the reserves that the envelope can feed. Shapes stand for each other, and pools share the power.
    "#);
    assert_snapshot!(folder.outcome("calendar --site site.toml --shape rack --from 2028-07-01"), @r#"
    exit 0
    --- stdout
    Available to promise at north

    from        until       pool  sku   racks  facility MW
    ──────────────────────────────────────────────────────
    2028-07-01  2028-12-31  a     h100     30       12.000
    2028-07-01  2028-12-31  b     h100     40       12.000
    2029-01-01  -           a     h100     30       12.000
    2029-01-01  -           b     h100      0       12.000

    Whole blocks beyond the reserves that the envelope can feed. Shapes stand for each other, and pools share the power.
    "#);
}

#[test]
fn the_calendar_for_programs() {
    let folder = folder("calendar-json");
    let window = "calendar --site site.toml signed.toml --from 2026-12-15 --until 2027-01-15";
    assert_snapshot!(folder.outcome(&format!("{window} -o json --shape rack")), @r#"
    exit 0
    --- stdout
    {
      "site": "north",
      "spans": [
        {
          "from": "2026-12-15",
          "until": "2026-12-31",
          "starts_at": "2026-12-15T06:00:00Z",
          "ends_at": "2027-01-01T06:00:00Z",
          "headroom_watts": 2464000,
          "pools": [
            {
              "pool": "a",
              "sku": "h100",
              "racks": 10
            },
            {
              "pool": "b",
              "sku": "h100",
              "racks": 14
            }
          ]
        },
        {
          "from": "2027-01-01",
          "until": "2027-01-15",
          "starts_at": "2027-01-01T06:00:00Z",
          "ends_at": "2027-01-16T06:00:00Z",
          "headroom_watts": 10464000,
          "pools": [
            {
              "pool": "a",
              "sku": "h100",
              "racks": 10
            },
            {
              "pool": "b",
              "sku": "h100",
              "racks": 40
            }
          ]
        }
      ]
    }
    "#);
    assert_snapshot!(folder.outcome(&format!("{window} -o csv")), @r#"
    exit 0
    --- stdout
    from,until,starts_at,ends_at,headroom_watts,pool,sku,nodes,racks,arrays
    2026-12-15,2026-12-31,2026-12-15T06:00:00Z,2027-01-01T06:00:00Z,2464000,a,h100,80,10,1
    2026-12-15,2026-12-31,2026-12-15T06:00:00Z,2027-01-01T06:00:00Z,2464000,b,h100,256,14,14
    2027-01-01,2027-01-15,2027-01-01T06:00:00Z,2027-01-16T06:00:00Z,10464000,a,h100,80,10,1
    2027-01-01,2027-01-15,2027-01-01T06:00:00Z,2027-01-16T06:00:00Z,10464000,b,h100,720,40,40
    "#);
}

#[test]
fn a_lease_of_another_zone_breaks_a_day_of_the_site() {
    let folder = folder("calendar-zones");
    let tokyo = lease("tokyo", "2026-03-01", "2026-03-31", "1 array", "array");
    folder.write("tokyo.toml", &tokyo.replace("America/Chicago", "Asia/Tokyo"));
    let shown =
        folder.outcome("calendar --site site.toml tokyo.toml --shape array --until 2026-04-02");
    assert_snapshot!(shown, @r#"
    exit 0
    --- stdout
    Available to promise at north

    from                  until                 pool  sku   arrays  facility MW
    ───────────────────────────────────────────────────────────────────────────
    2026-01-01            2026-02-28T15:00:00Z  a     h100       3        4.000
    2026-01-01            2026-02-28T15:00:00Z  b     h100       0        4.000
    2026-02-28T15:00:00Z  2026-03-31T15:00:00Z  a     h100       2        3.385
    2026-02-28T15:00:00Z  2026-03-31T15:00:00Z  b     h100       0        3.385
    2026-03-31T15:00:00Z  2026-04-02            a     h100       3        4.000
    2026-03-31T15:00:00Z  2026-04-02            b     h100       0        4.000

    Whole blocks beyond the reserves that the envelope can feed. Shapes stand for each other, and pools share the power.
    "#);
}

#[test]
fn a_new_lease_is_tried_against_the_signed_ones() {
    let folder = folder("against");
    folder.write("small.toml", &lease("small", "2026-07-01", "2026-12-31", "10 rack", "rack"));
    assert_snapshot!(folder.outcome("check site.toml small.toml --against signed.toml"), @r#"
    exit 0
    --- stdout
    ok     id     says
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    site   north  7,808 GPUs in 976 nodes
    lease  small  fits beside 1 signed lease, 1 step, at most 640 GPUs, last day of service 2026-12-31, fixed fees USD 600.00

    All files are sound, and the site carries its leases.
    "#);
    assert_snapshot!(folder.outcome("check site.toml new.toml --against signed.toml"), @r#"
    exit 1
    --- stderr
    no-oversell: new cannot be carried from 2026-07-01 to 2026-12-31: 1760000 W in whole racks cannot be fed by the envelope; what would fit: 19 rack from 2026-07-01 to 2026-12-31 (1936 GPU, 242 node, 2323200 W), 30 rack from 2027-01-01 to 2027-07-03 (3520 GPU, 440 node, 4224000 W)
    error: 1 problem found; nothing was done
    "#);
}

#[test]
fn an_amendment_is_tried_in_the_place_of_its_lease() {
    let folder = folder("against-amendment");
    let version = |amount: &str| {
        let text = lease("signed", "2026-03-01", "2027-06-30", amount, "rack");
        format!("version = 2\neffective = 2026-09-01\n{text}")
    };
    folder.write("more.toml", &version("24 rack")).write("too-much.toml", &version("50 rack"));
    let other = lease("other", "2026-05-01", "2027-06-30", "4 rack", "rack");
    folder.write("other.toml", &other);
    let signed = "--against signed.toml other.toml";
    assert_snapshot!(folder.outcome(&format!("check site.toml more.toml {signed}")), @r#"
    exit 0
    --- stdout
    ok     id      says
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    site   north   7,808 GPUs in 976 nodes
    lease  signed  fits beside 1 signed lease, 2 steps, at most 1,536 GPUs, last day of service 2027-06-30, fixed fees USD 1,600.00

    All files are sound, and the site carries its leases.
    "#);
    assert_snapshot!(folder.outcome(&format!("check site.toml too-much.toml {signed}")), @r#"
    exit 1
    --- stderr
    no-oversell: signed cannot be carried from 2026-09-01 to 2027-06-30: 2451200 W in whole racks cannot be fed by the envelope; what would fit: 35 rack from 2026-09-01 to 2027-06-30 (2960 GPU, 370 node, 3552000 W), 50 rack from 2027-01-01 to 2027-10-30 (5120 GPU, 640 node, 6144000 W), 50 rack from 2027-01-01 to 2027-06-30 (5120 GPU, 640 node, 6144000 W)
    error: 1 problem found; nothing was done
    "#);
}

#[test]
fn against_takes_a_site_and_a_lease() {
    let folder = folder("against-usage");
    assert_snapshot!(folder.outcome("check new.toml --against signed.toml"), @r#"
    exit 1
    --- stderr
    error: `--against` takes one site, to see whether it can carry all
    hint: give the site's file before `--against`
    "#);
    assert_snapshot!(folder.outcome("check site.toml --against signed.toml"), @r#"
    exit 1
    --- stderr
    error: no lease was given to be tried against the signed ones
    hint: give its file before `--against`
    "#);
}

#[test]
fn the_example_is_sold_out_until_the_model_deal_ends() {
    let folder = Folder::new("calendar-example");
    let example = example();
    let lease = format!("{example}/leases/anthropic.toml");
    let arguments =
        format!("calendar --site {example}/site.toml {lease} --shape rack --from 2026-06-01");
    assert_snapshot!(folder.stdout(&arguments), @r#"
    Available to promise at colossus-1

    from        until       pool  sku         racks  facility MW
    ────────────────────────────────────────────────────────────
    2026-06-01  2026-06-30  a     hgx-h100        0       75.014
    2026-06-01  2026-06-30  b     hgx-h200      338       75.014
    2026-06-01  2026-06-30  c     gb200-tray    278       75.014
    2026-07-01  2029-05-31  a     hgx-h100        0        7.724
    2026-07-01  2029-05-31  b     hgx-h200        0        7.724
    2026-07-01  2029-05-31  c     gb200-tray      0        7.724
    2029-06-01  -           a     hgx-h100    2,344      300.000
    2029-06-01  -           b     hgx-h200      784      300.000
    2029-06-01  -           c     gb200-tray    278      300.000

    Whole blocks beyond the reserves that the envelope can feed. Shapes stand for each other, and pools share the power.
    "#);
}

#[test]
fn what_a_quote_sets_aside_is_for_sale_again_when_it_runs_out() {
    let folder = folder("quoted");
    let calendar = "calendar --site site.toml --from 2026-07-01 --until 2026-12-31 --shape rack";
    let held = format!("{calendar} --hold new.toml@2026-06-01T17:00:00-05:00");
    let over = |as_of: &str| folder.outcome(&format!("{held} --as-of {as_of}"));
    assert_eq!(over("2026-06-02"), folder.outcome(calendar));
    assert_eq!(over("2026-06-01"), folder.outcome(&held));
    assert_ne!(over("2026-06-01"), folder.outcome(calendar));
    // Nobody else can take it, and nobody hears whose it is.
    folder.write("more.toml", &lease("more", "2026-07-01", "2026-12-31", "16 rack", "rack"));
    let check = "check site.toml more.toml --against other.toml --hold new.toml@2026-06-01";
    folder.write("other.toml", &lease("other", "2026-03-01", "2026-04-30", "2 rack", "rack"));
    let told = folder.outcome(check);
    assert!(told.starts_with("exit 1") && !told.contains("tenant-new"), "{told}");
    let later = folder.outcome(&format!("{check} --as-of 2026-06-01"));
    assert!(later.starts_with("exit 0"), "{later}");
}

#[test]
fn what_the_site_declares_to_be_out_is_not_for_sale() {
    let folder = folder("out");
    let site = std::fs::read_to_string(folder.path("site.toml")).expect("it is there");
    let outage = "[[outage]]\nnodes = [\"a-01\", \"a-02-03\"]\nfrom = 2026-03-05\n\
                  until = 2026-03-09T12:00:00-06:00\nwhat = \"switchgear\"\n";
    folder.write("site.toml", &format!("{site}{outage}"));
    let all = folder.outcome("calendar --site site.toml --shape rack --until 2026-03-31");
    assert!(all.contains("2026-03-05            2026-03-09T18:00:00Z  a     h100     21"), "{all}");
    folder.write("site.toml", &format!("{site}{}", outage.replace("a-02-03", "a-02-09")));
    let wrong = folder.outcome("check site.toml");
    assert!(wrong.contains("unknown-node"), "{wrong}");
}
