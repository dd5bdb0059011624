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
         node list -o csv
         node resume a-02-02-1
         node drain a-02
         node down b-01",
    );
    insta::assert_snapshot!(said, @"");
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
    insta::assert_snapshot!(said, @"");
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
    insta::assert_snapshot!(said, @"");
}
