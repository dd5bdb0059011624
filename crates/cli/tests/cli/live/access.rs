//! Logging in, tokens, and who did what.

use std::io::{BufRead as _, BufReader};

use super::{Server, mode};
use crate::run::Folder;

#[test]
fn without_a_server_it_is_said_how_to_get_one() {
    let folder = Folder::new("live-nobody");
    insta::assert_snapshot!(folder.outcome("job list"), @r#"
    exit 1
    --- stderr
    error: nothing says which server to ask
    hint: `leasehold login URL` keeps one; `leasehold serve DIR` starts one
    "#);
    folder.write("token", "lh_nothing\n");
    insta::assert_snapshot!(folder.outcome("login http://127.0.0.1:9 --token-file token"), @r#"
    exit 1
    --- stderr
    error: no server answers at http://127.0.0.1:9
    hint: `leasehold serve DIR` starts it; one that is elsewhere is named by `leasehold login URL`
    "#);
    insta::assert_snapshot!(folder.outcome("login http://leasehold.example --token-file token"), @r#"
    exit 1
    --- stderr
    error: http://leasehold.example has no TLS: the token could be read on the way
    hint: use https://; or, on a network that you trust, `leasehold login --insecure-http`
    "#);
    insta::assert_snapshot!(folder.outcome("login 127.0.0.1:7070"), @r#"
    exit 1
    --- stderr
    error: "127.0.0.1:7070" is no address of a server
    hint: write it like https://leasehold.example, http://127.0.0.1:7070 or unix:/run/leasehold.sock
    "#);
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
    insta::assert_snapshot!(said, @r#"
    $ leasehold login http://SERVER --token-file wrong
    error: the token is not valid
    hint: `leasehold login http://SERVER` keeps another token
    exit 1
    $ leasehold login http://SERVER
    error: no token was given
    hint: name its file by --token-file; the first operator's is in the server's data directory, operator.token
    exit 1
    $ leasehold token create books --role finance --out finance.token
    wrote the token tok_0123456789abcdef into finance.token
    $ leasehold login http://SERVER --token-file finance.token
    logged in as books (finance); context finance is in use now
    $ leasehold context list
       name      server
    ───────────────────────────────────
    *  finance   http://SERVER
       operator  http://SERVER
    $ leasehold job list
    error: the role finance does not have the right read_jobs
    hint: Ask somebody in a role that has it; docs/rights.md says which.
    exit 1
    $ leasehold context use operator
    commands ask http://SERVER now
    $ leasehold context list -o json
    {
      "contexts": [
        {
          "in_use": false,
          "name": "finance",
          "url": "http://SERVER"
        },
        {
          "in_use": true,
          "name": "operator",
          "url": "http://SERVER"
        }
      ]
    }
    $ leasehold context remove finance
    forgotten here; the token itself still counts until `leasehold token revoke`
    $ leasehold context use finance
    error: there is no context finance
    hint: there is operator
    exit 1
    $ leasehold --context operator party list
    party  side      leases
    ───────────────────────
    lab    landlord       0
    "#);
    assert_eq!(mode(&server.folder.path("config/leasehold/contexts.toml")), 0o600);
    assert_eq!(mode(&server.folder.path("finance.token")), 0o600);
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let server = Server::with_guest("live-tokens");
    let said = server.session(
        "token list
         token create ci --role party_user --scope jobs --out ci.token
         whoami
         token create boss --role operator",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold token list
    id                    name  role         party  good for    created               expires  revoked
    ──────────────────────────────────────────────────────────────────────────────────────────────────
    tok_0123456789abcdef  ops   party_admin  guest  read write  yyyy-mm-ddThh:mm:ssZ
    $ leasehold token create ci --role party_user --scope jobs --out ci.token
    wrote the token tok_0123456789abcdef into ci.token
    $ leasehold whoami
    name      ops
    role      party_admin
    party     guest
    good for  read write
    id        token:tok_0123456789abcdef
    may       read_own_session read_lease_terms give_notice_as_tenant withdraw_notice_as_tenant elect_remedy read_capacity read_breaches submit_job read_jobs read_job_content cancel_jobs manage_shares read_usage read_invoices dispute_invoice read_own_record read_own_access_log manage_tokens_of_party revoke_tokens_of_party watch_party
    server    http://SERVER
    $ leasehold token create boss --role operator
    error: the role operator belongs to the site and not to the party guest; leave the party out
    hint: ask for what is allowed
    exit 1
    "#);
}

#[test]
fn tokens_of_a_party_are_revoked_and_reads_of_it_are_logged() {
    let server = Server::with_guest("live-parties");
    server.folder.stdout("context use operator");
    server.folder.stdout("lease show one-machine-guest");
    let said = server.session(
        "party add newcomer --dry-run
         party add newcomer
         party list
         party revoke-tokens guest
         --context guest job list
         access list --party guest
         audit verify -o csv",
    );
    insta::assert_snapshot!(said.split("audit verify").next().expect("it is printed"), @r#"
    $ leasehold party add newcomer --dry-run
    nothing was done; this would be: party newcomer is known
      nothing else would change at once
    $ leasehold party add newcomer
    party newcomer is known
    $ leasehold party list
    party     side      leases
    ──────────────────────────
    guest     tenant         1
    lab       landlord       0
    newcomer  tenant         0
    $ leasehold party revoke-tokens guest
    1 token revoked
    $ leasehold --context guest job list
    error: the token was revoked
    hint: `leasehold login http://SERVER` keeps another token
    exit 1
    $ leasehold access list --party guest
    read  at                    who                         role      party  what
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       1  yyyy-mm-ddThh:mm:ssZ  token:tok_0123456789abcdef  operator  guest  read_lease_terms lease one-machine-guest
    $ leasehold
    "#);
    let verified = said.split("audit verify -o csv\n").nth(1).expect("it is printed");
    assert!(verified.starts_with("head,records\nHASH,"), "{verified}");
}

#[test]
fn the_log_is_listed_without_what_is_a_partys_own() {
    let server = Server::with_guest("live-audit");
    server.folder.stdout("job submit --wait --name secret-name -- true");
    server.folder.stdout("--context operator token create Aud --role auditor --save-as auditor");
    let listed = server.folder.stdout("--context auditor audit list -o json");
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let records = listed["records"].as_array().expect("a list");
    let kinds: Vec<&str> =
        records.iter().map(|record| record["kind"].as_str().expect("text")).collect();
    for kind in ["opened", "lease_signed", "job_submitted", "job_started"] {
        assert!(kinds.contains(&kind), "{kind} is missing: {kinds:?}");
    }
    // One that is told of in a later second than it ended in is gone since then.
    let is_over = kinds.iter().any(|kind| matches!(*kind, "job_finished" | "job_gone"));
    assert!(is_over, "the end is missing: {kinds:?}");
    assert!(!listed.to_string().contains("secret-name"), "{listed}");
    let rest = server.folder.stdout("audit list --after 2 --limit 1 -o json");
    let rest: serde_json::Value = serde_json::from_str(&rest).expect("JSON");
    assert_eq!(rest["records"], serde_json::json!([records[2]]));
}

#[test]
fn events_are_told_in_order_and_end_unless_followed() {
    let server = Server::with_guest("live-events");
    server.folder.stdout("job submit --wait -- true");
    insta::assert_snapshot!(server.session("events\nevents --after 3 -o json"), @r#"
    $ leasehold events
    1 yyyy-mm-ddThh:mm:ssZ lease changed lease one-machine-guest
    2 yyyy-mm-ddThh:mm:ssZ lease changed lease one-machine-guest
    3 yyyy-mm-ddThh:mm:ssZ job submitted job 1
    4 yyyy-mm-ddThh:mm:ssZ job started job 1
    5 yyyy-mm-ddThh:mm:ssZ job ended cancelled false job 1
    $ leasehold events --after 3 -o json
    {"at":"yyyy-mm-ddThh:mm:ssZ","number":4,"what":{"job":1,"kind":"job_started"}}
    {"at":"yyyy-mm-ddThh:mm:ssZ","number":5,"what":{"cancelled":false,"job":1,"kind":"job_ended"}}
    "#);
}

/// A server that nobody on the network can reach, for the users that may open its socket.
#[test]
fn a_server_is_asked_over_a_socket_of_this_machine() {
    let mut server = Server::at("live-unix", "unix:sock");
    server.folder.stdout(&format!("lease sign {}", super::example("leases/guest.toml")));
    server.folder.stdout("token create ops --role party_admin --party guest --save-as guest");
    let said = server.session(
        "context list -o csv
         job submit --wait --name here -- echo hello
         job logs 1
         events --after 4 -o json",
    );
    insta::assert_snapshot!(said, @r#"
    $ leasehold context list -o csv
    in_use,name,url
    true,guest,unix:FOLDER/sock
    false,operator,unix:FOLDER/sock
    $ leasehold job submit --wait --name here -- echo hello
    hello
    job 1 is submitted: here; Ctrl-C leaves it running, `leasehold job cancel 1` ends it
    $ leasehold job logs 1
    hello
    $ leasehold events --after 4 -o json
    {"at":"yyyy-mm-ddThh:mm:ssZ","number":5,"what":{"cancelled":false,"job":1,"kind":"job_ended"}}
    "#);
    server.kill_and_start_again();
    assert_eq!(server.folder.stdout("job logs 1"), "hello\n");
    server.stop();
    let said = server.session("job list");
    insta::assert_snapshot!(said, @r#"
    $ leasehold job list
    error: no server answers at unix:FOLDER/sock
    hint: `leasehold serve DIR` starts it; one that is elsewhere is named by `leasehold login URL`
    exit 1
    "#);
}

/// What happens while somebody follows is told at once, each thing once and in order.
#[test]
fn events_are_followed_as_they_happen() {
    let server = Server::with_guest("live-followed-events");
    let mut following = server.spawn("events --after 0 --follow -o json");
    let lines = BufReader::new(following.stdout.take().expect("it is piped")).lines();
    let mut lines = lines.map(|line| -> serde_json::Value {
        serde_json::from_str(&line.expect("text")).expect("JSON")
    });
    let mut numbers = Vec::new();
    for job in 1..=2 {
        server.folder.stdout("job submit -- true");
        for kind in ["job_submitted", "job_started", "job_ended"] {
            let mut told = lines.by_ref().inspect(|event| numbers.push(event["number"].clone()));
            let found = told.find(|event| event["what"]["kind"] == kind);
            assert_eq!(found.expect("it goes on")["what"]["job"], job);
        }
    }
    let all: Vec<serde_json::Value> = (1..=numbers.len()).map(serde_json::Value::from).collect();
    assert_eq!(numbers, all);
    assert!(following.try_wait().expect("it was started here").is_none(), "it goes on");
    following.kill().expect("it runs");
    following.wait().expect("it was started here");
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
    insta::assert_snapshot!(said, @r#"
    $ leasehold db backup backup.db
    error: backup.db is not empty: it holds a file; copy into an empty one
    exit 1
    $ leasehold db verify nothing.db
    error: there is no database nothing.db
    hint: name a file, the data directory of a server, or postgres://…
    exit 1
    $ leasehold db restore backup.db --to again
    error: FOLDER/again/leasehold.db is not empty: it holds rows of record; copy into an empty one
    exit 1
    "#);
}
