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
    folder.write("new.toml", &lease("new", "2026-07-01", "2026-12-31", "12 rack", "rack"));
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
    assert_snapshot!(folder.outcome("calendar --site site.toml signed.toml"), @"");
    assert_snapshot!(folder.outcome("calendar --site site.toml --shape rack --from 2028-07-01"), @"");
}

#[test]
fn the_calendar_for_programs() {
    let folder = folder("calendar-json");
    let window = "calendar --site site.toml signed.toml --from 2026-12-15 --until 2027-01-15";
    assert_snapshot!(folder.outcome(&format!("{window} -o json --shape rack")), @"");
    assert_snapshot!(folder.outcome(&format!("{window} -o csv")), @"");
}

#[test]
fn a_lease_of_another_zone_breaks_a_day_of_the_site() {
    let folder = folder("calendar-zones");
    let tokyo = lease("tokyo", "2026-03-01", "2026-03-31", "1 array", "array");
    folder.write("tokyo.toml", &tokyo.replace("America/Chicago", "Asia/Tokyo"));
    let shown =
        folder.outcome("calendar --site site.toml tokyo.toml --shape array --until 2026-04-02");
    assert_snapshot!(shown, @"");
}

#[test]
fn a_new_lease_is_tried_against_the_signed_ones() {
    let folder = folder("against");
    folder.write("small.toml", &lease("small", "2026-07-01", "2026-12-31", "10 rack", "rack"));
    assert_snapshot!(folder.outcome("check site.toml small.toml --against signed.toml"), @"");
    assert_snapshot!(folder.outcome("check site.toml new.toml --against signed.toml"), @"");
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
    assert_snapshot!(folder.outcome(&format!("check site.toml more.toml {signed}")), @"");
    assert_snapshot!(folder.outcome(&format!("check site.toml too-much.toml {signed}")), @"");
}

#[test]
fn against_takes_a_site_and_a_lease() {
    let folder = folder("against-usage");
    assert_snapshot!(folder.outcome("check new.toml --against signed.toml"), @"");
    assert_snapshot!(folder.outcome("check site.toml --against signed.toml"), @"");
}

#[test]
fn the_example_is_sold_out_until_the_model_deal_ends() {
    let folder = Folder::new("calendar-example");
    let example = example();
    let lease = format!("{example}/leases/anthropic.toml");
    let arguments =
        format!("calendar --site {example}/site.toml {lease} --shape rack --from 2026-06-01");
    assert_snapshot!(folder.stdout(&arguments), @"");
}
