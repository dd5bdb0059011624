//! The programs that the journal is exported for, and the balances that they find.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use leasehold_ledger::{
    Balances, Transaction, balances, beancount_accounts, to_beancount, to_hledger, to_ledger,
};

/// Account and currency code, and the balance as a decimal.
type Found = BTreeMap<(String, String), String>;

/// Loads a journal from stdin, fails on any complaint, and prints `account|currency|balance`.
const BEANCOUNT: &str = r#"
import sys
from beancount import loader
from beancount.core import realization
entries, errors, _ = loader.load_string(sys.stdin.read())
for error in errors:
    print(error, file=sys.stderr)
if errors:
    sys.exit(1)
for account in realization.iter_children(realization.realize(entries)):
    for position in account.balance:
        print(f"{account.account}|{position.units.currency}|{position.units.number}")
"#;

/// Asserts that hledger, ledger-cli and beancount accept `entries` and find our balances. Where a
/// program is missing, says so, and fails if the environment says that all must be there.
pub fn agree(entries: &[Transaction]) {
    let ours = texts(&balances(entries));
    check("hledger", &["--version"], || hledger(&to_hledger(entries)), &ours);
    let codes = codes(&ours);
    check("ledger", &["--version"], || ledger(&to_ledger(entries), &codes), &ours);
    let python = python();
    let names = beancount_accounts(entries);
    let renamed = ours.iter().map(|((account, code), balance)| {
        ((names[account].clone(), code.clone()), balance.clone())
    });
    let renamed: Found = renamed.collect();
    let text = to_beancount(entries);
    let load = || pipe(&python, &["-c", BEANCOUNT], &text).map(|told| parted(&told));
    check(&python, &["-c", "import beancount"], load, &renamed);
}

#[expect(clippy::print_stderr, reason = "a check that did not run has to say so")]
fn check(
    program: &str,
    probe: &[&str],
    ask: impl FnOnce() -> Result<Found, String>,
    expected: &Found,
) {
    let here = Command::new(program).args(probe).output();
    if !here.is_ok_and(|output| output.status.success()) {
        let must = std::env::var_os("LEASEHOLD_BOOKKEEPING").is_some();
        assert!(!must, "{program} {} fails, and it must be here", probe.join(" "));
        eprintln!("NOT CHECKED: `{program} {}` fails; run ./test, which installs it", probe[0]);
        return;
    }
    let found = ask().unwrap_or_else(|why| panic!("{program} refuses the journal: {why}"));
    assert_eq!(&found, expected, "{program} finds other balances");
}

fn hledger(text: &str) -> Result<Found, String> {
    pipe("hledger", &["-f", "-", "check", "--strict", "ordereddates"], text)?;
    let columns = ["balance", "--flat", "--no-total", "-O", "csv", "--layout=bare"];
    let told = pipe("hledger", &[&["-f", "-"], &columns[..]].concat(), text)?;
    let rows = told.lines().skip(1).map(|row| row.trim_matches('"').replace("\",\"", "|"));
    Ok(parted(&rows.collect::<Vec<_>>().join("\n")))
}

fn ledger(text: &str, codes: &[String]) -> Result<Found, String> {
    let mut found = Found::new();
    for code in codes {
        let only = format!("commodity == \"{code}\"");
        let row = format!("%(account)|{code}|%(quantity(display_total))\n");
        let arguments =
            ["-f", "-", "--pedantic", "balance", "--flat", "--no-total", "--limit", &only];
        let told = pipe("ledger", &[&arguments[..], &["--balance-format", &row]].concat(), text)?;
        found.extend(parted(&told));
    }
    Ok(found)
}

/// Our balances that are not zero, as text.
fn texts(ours: &Balances) -> Found {
    let some = ours.iter().filter(|(_, balance)| balance.minor() != 0);
    let text = |((account, code), balance): (&(String, &str), &leasehold_units::Money)| {
        ((account.clone(), (*code).to_owned()), short(&balance.to_string()))
    };
    some.map(text).collect()
}

/// Without zeros at the end, which ledger-cli leaves out.
fn short(balance: &str) -> String {
    let digits = if balance.contains('.') { balance.trim_end_matches('0') } else { balance };
    digits.trim_end_matches('.').to_owned()
}

fn codes(ours: &Found) -> Vec<String> {
    let mut codes: Vec<String> = ours.keys().map(|(_, code)| code.clone()).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn parted(told: &str) -> Found {
    let mut found = Found::new();
    for line in told.lines().filter(|line| !line.is_empty()) {
        let mut fields = line.split('|').map(|field| field.trim().to_owned());
        let mut next = || fields.next().expect("a line has three fields");
        let (account, code, balance) = (next(), next(), next());
        found.insert((account, code), short(&balance));
    }
    found
}

/// The python of the environment that ./test makes, else the system's.
fn python() -> String {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/beancount/bin/python");
    let python = if own.is_file() { own } else { PathBuf::from("python3") };
    python.display().to_string()
}

fn pipe(program: &str, arguments: &[&str], text: &str) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut stdin = child.stdin.take().expect("piped");
    let text = text.to_owned();
    // A journal may be larger than what a pipe holds while the program already answers.
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let written = writer.join().expect("writing does not panic");
    let told = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        return Err(told(&output.stderr));
    }
    written.map_err(|error| error.to_string())?;
    Ok(told(&output.stdout))
}
