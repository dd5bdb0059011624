//! The API does what its description says: schemathesis makes requests from it, good and bad, and judges the answers.

use std::path::Path;
use std::process::Command;

use super::{Server, example};

/// Requests of a kind that are tried of each route; `LEASEHOLD_EXAMPLES` has more tried.
const EXAMPLES: &str = "12";

/// What ends no request, or the token that all of them are made with.
const LEFT_OUT: &str = "/api/v1/(events|tokens/.*|parties/.*/tokens)$";

#[test]
#[expect(clippy::print_stderr, reason = "a check that did not run has to say so")]
fn no_answer_breaks_what_the_description_promises() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = root.join("target/schemathesis/bin/schemathesis");
    if !program.exists() {
        let required = std::env::var_os("LEASEHOLD_SCHEMATHESIS").is_some();
        assert!(!required, "schemathesis is missing, and it must be here");
        eprintln!("NOT CHECKED: schemathesis is missing; run ./test, which installs it");
        return;
    }
    let server = Server::start_with("live-contract", &["--rate-limit", "off"]);
    server.folder.stdout(&format!("lease sign {}", example("leases/guest.toml")));
    let made = |what: &str| {
        let made = server.folder.stdout(&format!("token create {what} -o json"));
        let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
        made["token"].as_str().expect("a secret").to_owned()
    };
    let people = [
        ("operator", server.folder.read("leasehold-data/operator.token").trim().to_owned()),
        ("finance", made("Fin --role finance")),
        ("party_admin", made("ops --role party_admin --party guest")),
    ];
    let given = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/live/contract");
    for file in ["schemathesis.toml", "hooks.py"] {
        let text = std::fs::read_to_string(given.join(file)).expect("it is there");
        server.folder.write(file, &text);
    }
    for (who, token) in people {
        let said = judged(&server, &program, &token);
        assert!(said.is_ok(), "as {who}:\n{}", said.unwrap_or_else(|said| said));
    }
}

/// What schemathesis says of all routes, asked with `token`.
fn judged(server: &Server, program: &Path, token: &str) -> Result<String, String> {
    let examples = std::env::var("LEASEHOLD_EXAMPLES").unwrap_or_else(|_| EXAMPLES.into());
    let output = Command::new(program)
        .args(["run", &format!("{}/api/v1/openapi.json", server.url)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--exclude-path-regex", LEFT_OUT, "--max-examples", &examples])
        .args(["--seed", "1", "--generation-deterministic"])
        .args(["--continue-on-failure"])
        .env("NO_COLOR", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", server.folder.path(""))
        .current_dir(server.folder.path(""))
        .output()
        .expect("schemathesis starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(said) }
}
