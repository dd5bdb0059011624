//! Help, reference, man pages, completions, usage errors.

use insta::assert_snapshot;

use crate::run::Folder;

#[test]
fn wrong_usage_exits_with_two_and_says_what_was_meant() {
    let folder = Folder::new("usage");
    assert_snapshot!(folder.outcome("chekc site.toml"), @r#"
    exit 2
    --- stderr
    error: unrecognized subcommand 'chekc'

      tip: a similar subcommand exists: 'check'

    Usage: leasehold [OPTIONS] <COMMAND>

    For more information, try '--help'.
    "#);
    assert_snapshot!(folder.outcome("schedule lease.toml --site s.toml --notice 2026-07-01"), @r#"
    exit 2
    --- stderr
    error: the following required arguments were not provided:
      --by <SIDE>

    Usage: leasehold schedule --site <FILE> --notice <DAY> --by <SIDE> <LEASE>...

    For more information, try '--help'.
    "#);
    assert_snapshot!(folder.outcome("backlog lease.toml --site s.toml --as-of 2026-7-1"), @r#"
    exit 2
    --- stderr
    error: invalid value '2026-7-1' for '--as-of <DAY>': expected a day of the calendar such as 2026-07-01

    For more information, try '--help'.
    "#);
    assert_snapshot!(folder.outcome("replay t.swf --nodes 0 --policy easy --out s.csv"), @r#"
    exit 2
    --- stderr
    error: invalid value '0' for '--nodes <N>': 0 is not in 1..=4294967295

    For more information, try '--help'.
    "#);
}

#[test]
fn man_writes_a_page_a_command() {
    let folder = Folder::new("man");
    assert_snapshot!(folder.outcome("man pages/man1"), @r#"
    exit 0
    --- stderr
    wrote 79 pages into pages/man1
    "#);
    let listed = std::fs::read_dir(folder.path("pages/man1")).expect("it was made").count();
    assert_eq!(listed, 79);
    assert!(folder.read("pages/man1/leasehold-check.1").starts_with(".ie"));
}

#[test]
fn completions_know_the_commands() {
    let folder = Folder::new("completions");
    for shell in ["bash", "zsh", "fish"] {
        assert!(folder.stdout(&format!("completions {shell}")).contains("simulate"));
    }
}

#[test]
fn every_command_is_in_the_reference() {
    let reference = Folder::new("reference").stdout("reference");
    let commands = [
        "check",
        "schedule",
        "backlog",
        "calendar",
        "replay",
        "simulate",
        "revenue",
        "statement",
        "export journal",
        "export focus",
        "completions",
        "man",
    ];
    for command in commands {
        assert!(reference.contains(&format!("## leasehold {command}\n")), "{command} is missing");
    }
}

#[test]
fn every_command_explains_itself() {
    let folder = Folder::new("explained");
    let reference = folder.stdout("reference");
    let commands: Vec<&str> =
        reference.lines().filter_map(|line| line.strip_prefix("## leasehold ")).collect();
    assert!(commands.contains(&"job submit"), "{commands:?}");
    for command in commands {
        for help in ["-h", "--help"] {
            assert!(folder.stdout(&format!("{command} {help}")).contains("Usage:"), "{command}");
        }
    }
}
