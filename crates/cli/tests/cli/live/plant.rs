//! Nodes, power, what was used and what is for sale.

use super::Server;

#[test]
fn nodes_are_drained_resumed_and_taken_down() {
    let server = Server::with_guest("live-nodes");
    let said = server.session(
        "node list
         node drain a-01 --for 2h
         context use operator
         node show a-01-01-1 -o csv
         node drain a-02-02 --from 2098-01-01 --until 2098-01-02 --id works --what fans --dry-run
         node drain a-02-02 --from 2098-01-01 --until 2098-01-02 --id works --what fans
         node resume works
         node down a-02-02-1
         node resume a-02-02-1
         node drain a-02
         node down b-01",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold node list
    node       sku       GPUs  condition  holding            used  borrowed
    ───────────────────────────────────────────────────────────────────────
    a-01-01-1  emulated     8  up         one-machine-guest     0
    a-01-01-2  emulated     8  up         one-machine-guest     0
    a-01-01-3  emulated     8  up         one-machine-guest     0
    a-01-01-4  emulated     8  up         one-machine-guest     0
    a-01-02-1  emulated     8  up         one-machine-guest     0
    a-01-02-2  emulated     8  up         one-machine-guest     0
    a-01-02-3  emulated     8  up         one-machine-guest     0
    a-01-02-4  emulated     8  up         one-machine-guest     0
    $ leasehold node drain a-01 --for 2h
    error: the role party_admin does not have the right plan_maintenance
    hint: Ask somebody in a role that has it; docs/rights.md says which.
    exit 1
    $ leasehold context use operator
    commands ask http://SERVER now
    $ leasehold node show a-01-01-1 -o csv
    node,sku,gpus,condition,holding,gpus_used,gpus_borrowed,draining
    a-01-01-1,emulated,8,up,one-machine-guest,0,0,false
    $ leasehold node drain a-02-02 --from 2098-01-01 --until 2098-01-02 --id works --what fans --dry-run
    nothing was done; this would be: 4 nodes out of service as works, yyyy-mm-ddThh:mm:ssZ to yyyy-mm-ddThh:mm:ssZ
      nothing else would change at once
    $ leasehold node drain a-02-02 --from 2098-01-01 --until 2098-01-02 --id works --what fans
    4 nodes out of service as works, yyyy-mm-ddThh:mm:ssZ to yyyy-mm-ddThh:mm:ssZ
    $ leasehold node resume works
    called off: works
    $ leasehold node down a-02-02-1
    1 node down
    $ leasehold node resume a-02-02-1
    1 node back
    $ leasehold node drain a-02
    error: the following required arguments were not provided:
      <--until <WHEN>|--for <DURATION>>

    Usage: leasehold node drain <--until <WHEN>|--for <DURATION>> <NODES>

    For more information, try '--help'.
    exit 2
    $ leasehold node down b-01
    error: there is no node b-01
    hint: name a node (a-03-07-5), a rack (a-03-07), an array (a-03) or a pool (a)
    exit 1
    "#);
}

#[test]
fn power_is_shown_and_lowered() {
    let server = Server::start("live-power");
    let said = server.session(
        "power show
         power event --limit 100kW --cause test --for 1h --dry-run
         power event --limit 100kW --cause planned --from 2098-01-01 --until 2098-01-02
         power show
         power show -o csv
         power event --cause test --for 1h
         power event --limit much --cause test --for 1h",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold power show
    may be drawn  200 kW
    drawn         28.8 kW
    $ leasehold power event --limit 100kW --cause test --for 1h --dry-run
    nothing was done; this would be: the envelope is 100 kW, yyyy-mm-ddThh:mm:ssZ to yyyy-mm-ddThh:mm:ssZ
      nodes switched off: 7
    $ leasehold power event --limit 100kW --cause planned --from 2098-01-01 --until 2098-01-02
    the envelope is 100 kW, yyyy-mm-ddThh:mm:ssZ to yyyy-mm-ddThh:mm:ssZ
    $ leasehold power show
    may be drawn  200 kW
    drawn         28.8 kW

    from                  until                  limit  cause    announced
    ─────────────────────────────────────────────────────────────────────────────────
    yyyy-mm-ddThh:mm:ssZ  yyyy-mm-ddThh:mm:ssZ  100 kW  planned  yyyy-mm-ddThh:mm:ssZ
    $ leasehold power show -o csv
    limit_watts,drawn_watts
    200000,28800
    $ leasehold power event --cause test --for 1h
    error: the following required arguments were not provided:
      <--limit <POWER>|--reduce <POWER>>

    Usage: leasehold power event --cause <CAUSE> <--limit <POWER>|--reduce <POWER>> <--until <WHEN>|--for <DURATION>>

    For more information, try '--help'.
    exit 2
    $ leasehold power event --limit much --cause test --for 1h
    error: invalid value 'much' for '--limit <POWER>': expected power in W, kW, MW or GW, such as "200 MW"

    For more information, try '--help'.
    exit 2
    "#);
}

#[test]
fn what_is_for_sale_and_what_was_used_is_asked_of_the_server() {
    let server = Server::with_guest("live-usage");
    let said = server.session(
        "calendar
         context use operator
         calendar --from 2030-01-01
         calendar --shape rack --from 2036-01-01 -o csv
         usage --month 2098-01
         usage --month soon",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold calendar
    error: the role party_admin does not have the right read_calendar
    hint: Ask somebody in a role that has it; docs/rights.md says which.
    exit 1
    $ leasehold context use operator
    commands ask http://SERVER now
    $ leasehold calendar --from 2030-01-01
    from        until       pool  sku        headroom  nodes  racks  arrays
    ───────────────────────────────────────────────────────────────────────
    2026-01-01  2035-12-31  a     emulated  119.36 kW      8      2       1
    2036-01-01              a     emulated     200 kW     16      4       2
    $ leasehold calendar --shape rack --from 2036-01-01 -o csv
    from,until,pool,sku,headroom_watts,racks
    2036-01-01,,a,emulated,200000,4
    $ leasehold usage --month 2098-01
    lease              tenant  month    GPU-hours entitled  delivered  held  used  reclaims  missed  until
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    one-machine-guest  guest   2098-01                 0.0        0.0   0.0   0.0         0       0  yyyy-mm-ddThh:mm:ssZ
    $ leasehold usage --month soon
    error: "soon" is no month
    hint: write it like 2026-05
    exit 1
    "#);
}

/// What runs is counted up to now, although nothing happens to its nodes; it is no bill's figure yet.
#[test]
fn usage_of_the_running_month_counts_what_goes_on() {
    let server = Server::with_guest("live-going-on");
    server.folder.stdout("job submit --gpus 8 -- sleep 1000");
    server.until("job show 1", "running");
    let usage = || -> serde_json::Value {
        let said = server.folder.stdout("usage -o json");
        let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        said["usage"][0].clone()
    };
    let used = |usage: &serde_json::Value| -> u64 {
        usage["used_gpu_seconds"].as_str().expect("text").parse().expect("a count")
    };
    let deadline = std::time::Instant::now() + super::START_MAX;
    let mut seen = usage();
    while used(&seen) < 16 {
        assert!(std::time::Instant::now() < deadline, "what goes on is never counted: {seen}");
        seen = usage();
    }
    assert_eq!((used(&seen) % 8, &seen["provisional"]), (0, &true.into()), "{seen}");
    let seen_later = usage();
    assert!(used(&seen_later) >= used(&seen), "{seen_later}");
    let shown = server.folder.stdout("job show 1 -o json");
    assert!(shown.contains("\"running\""), "it goes on: {shown}");
}
