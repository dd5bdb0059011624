//! Logging in, tokens, and who did what.

use super::{Server, mode};
use crate::run::Folder;

#[test]
fn without_a_server_it_is_said_how_to_get_one() {
    let folder = Folder::new("live-nobody");
    insta::assert_snapshot!(folder.outcome("job list"), @"");
    folder.write("token", "lh_nothing\n");
    insta::assert_snapshot!(folder.outcome("login http://127.0.0.1:9 --token-file token"), @"");
    insta::assert_snapshot!(folder.outcome("login http://leasehold.example --token-file token"), @"");
    insta::assert_snapshot!(folder.outcome("login 127.0.0.1:7070"), @"");
}

#[test]
fn contexts_are_kept_for_their_owner_alone() {
    let server = Server::start("live-contexts");
    server.folder.write("wrong", "lh_wrong\n");
    let url = &server.url;
    let said = server.session(&format!(
        "login {url} --token-file wrong
         login {url}
         token create books --role finance --out finance.token
         login {url} --token-file finance.token
         context list
         job list
         context use operator
         context list -o json
         context remove finance
         context use finance
         --context operator party list"
    ));
    insta::assert_snapshot!(said, @"");
    assert_eq!(mode(&server.folder.path("config/leasehold/contexts.toml")), 0o600);
    assert_eq!(mode(&server.folder.path("finance.token")), 0o600);
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let server = Server::with_guest("live-tokens");
    let said = server.session(
        "token create ci --role party_user --scope jobs --out ci.token
         token list
         whoami
         token create boss --role operator
         context use operator
         lease show one-machine-guest
         party add newcomer --dry-run
         party add newcomer
         party list
         party revoke-tokens guest
         --context guest job list
         access list --party guest
         audit verify -o csv",
    );
    insta::assert_snapshot!(said.split("audit verify").next().expect("it is printed"), @"");
    let verified = said.split("audit verify -o csv\n").nth(1).expect("it is printed");
    assert!(verified.starts_with("head,records\nHASH,"), "{verified}");
}

#[test]
fn events_are_told_in_order_and_end_unless_followed() {
    let server = Server::with_guest("live-events");
    server.folder.stdout("job submit --wait -- true");
    insta::assert_snapshot!(server.session("events\nevents --after 4 -o json"), @"");
}

#[test]
fn a_database_is_checked_backed_up_and_restored() {
    let server = Server::with_guest("live-db");
    server.folder.stdout("job submit --wait -- true");
    server.folder.stdout("db backup backup.db");
    server.folder.stdout("db restore backup.db --to again");
    server.folder.stdout("db copy again copy.db");
    let all: Vec<String> = ["leasehold-data", "backup.db", "again", "copy.db"]
        .iter()
        .map(|place| {
            let verified = server.folder.stdout(&format!("db verify {place}"));
            verified.lines().skip(1).collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert!(all[1].contains("every invariant holds"), "{}", all[1]);
    assert!(all[1..].iter().all(|verified| *verified == all[1]), "{all:?}");
    assert_eq!(mode(&server.folder.path("backup.db")), 0o600);
    let said = server
        .session("db backup backup.db\ndb verify nothing.db\ndb restore backup.db --to again");
    insta::assert_snapshot!(said, @"");
}
