//! What a reader of files sees: values where they are right, and a problem for each that is wrong.

use insta::assert_snapshot;
use leasehold_diagnostics::{Document, Problem, Source, Table, render};
use leasehold_units::{Name, Ratio};

/// The rules that `text` breaks when `read` reads it.
fn rules(text: &str, read: impl Fn(&Table<'_>)) -> Vec<&'static str> {
    problems(text, read).iter().map(|problem| problem.rule).collect()
}

fn problems(text: &str, read: impl Fn(&Table<'_>)) -> Vec<Problem> {
    let source = Source::new("file.toml", text);
    let document = Document::parse(&source);
    read(&document.root());
    document.into_problems()
}

fn rendered(text: &str, read: impl Fn(&Table<'_>)) -> String {
    let source = Source::new("file.toml", text);
    render(&source, &problems(text, read), false)
}

/// What `read` makes of `value`, or the rule that it breaks.
fn one<T: std::fmt::Debug>(
    value: &str,
    read: impl Fn(&Table<'_>) -> Option<leasehold_diagnostics::Field<T>>,
) -> String {
    let source = Source::new("file.toml", format!("key = {value}"));
    let document = Document::parse(&source);
    let field = read(&document.root());
    let rules: Vec<_> = document.into_problems().iter().map(|problem| problem.rule).collect();
    match field {
        Some(field) if rules.is_empty() => {
            assert_eq!(&source.text[field.span], value, "the span is that of the value");
            format!("{:?}", field.value)
        }
        other => {
            assert!(other.is_none(), "a value was read in spite of {rules:?}");
            rules.join(" ")
        }
    }
}

#[test]
fn quantities_are_numbers_with_a_unit() {
    let watts = |value: &str| one(value, |table| table.watts("key"));
    assert_eq!(watts("\"8.4 kW\""), "Watts(8400)");
    assert_eq!(watts("\"300MW\""), "Watts(300000000)");
    assert_eq!(watts("\"6.667 kW\""), "Watts(6667)");
    assert_eq!(watts("\"10200 W\""), "Watts(10200)");
    let wrong = [
        "300",
        "\"300\"",
        "\"0.5 W\"",
        "\"1 kw\"",
        "\"-1 W\"",
        "\"1  W\"",
        "\"kW\"",
        "\"99 999 W\"",
    ];
    for value in wrong {
        assert_eq!(watts(value), "not-a-power", "{value}");
    }
    let seconds = |value: &str| one(value, |table| table.seconds("key"));
    assert_eq!(seconds("\"90 s\""), "90 s");
    assert_eq!(seconds("\"10 min\""), "600 s");
    assert_eq!(seconds("\"1.5 h\""), "5400 s");
    assert_eq!(seconds("\"2 d\""), "172800 s");
    for value in ["90", "\"90\"", "\"90 sec\"", "\"0.5 s\"", "\"999999999999999999 d\"", "00:10:00"]
    {
        assert_eq!(seconds(value), "not-a-duration", "{value}");
    }
    let percent = |value: &str| one(value, |table| table.percent("key"));
    assert_eq!(percent("\"99.5%\""), format!("{:?}", Ratio::new(199, 200)));
    assert_eq!(percent("\"0 %\""), format!("{:?}", Ratio::ZERO));
    for value in ["\"100.1%\"", "\"50\"", "0.5", "\"-1%\"", "\"1.0000000001%\"", "\"%\"", "\"5%%\""]
    {
        assert_eq!(percent(value), "not-a-share", "{value}");
    }
    let decimal =
        |value: &str| one(value, |table| table.decimal_within("key", Ratio::ONE, Ratio::whole(10)));
    assert_eq!(decimal("\"1.2\""), format!("{:?}", Ratio::new(6, 5)));
    for value in ["\"0.9\"", "\"10.1\"", "1.2", "\"1.0000000001\"", "\"\""] {
        assert_eq!(decimal(value), "not-a-decimal", "{value}");
    }
}

#[test]
fn days_and_instants_are_dates_of_toml() {
    let day = |value: &str| one(value, |table| table.day("key"));
    assert_eq!(day("2028-02-29"), "2028-02-29");
    for value in ["\"2026-05-01\"", "2026-05-01T00:00:00Z", "9999-12-31", "0001-01-01", "20260501"]
    {
        assert_eq!(day(value), "not-a-day", "{value}");
    }
    assert_eq!(day("2026-02-30"), "toml-syntax");
    let instant = |value: &str| one(value, |table| table.instant("key"));
    assert_eq!(instant("2026-06-10T14:00:00-05:00"), "2026-06-10T19:00:00Z");
    for value in [
        "2026-06-10T14:00:00",
        "2026-06-10",
        "14:00:00",
        "\"2026-06-10T14:00:00Z\"",
        "9999-12-31T23:59:59Z",
    ] {
        assert_eq!(instant(value), "not-an-instant", "{value}");
    }
}

#[test]
fn counts_names_and_words_are_checked() {
    let count = |value: &str| one(value, |table| table.integer("key", 1, 64));
    assert_eq!(count("8"), "8");
    assert_eq!(count("0x10"), "16");
    for value in ["0", "65", "-1", "8.0", "\"8\"", "99999999999999999999"] {
        assert_eq!(count(value), "not-a-count", "{value}");
    }
    let name = |value: &str| one(value, |table| table.name("key", Name::new));
    assert_eq!(name("\"colossus-1\""), "colossus-1");
    for value in ["\"\"", "\"a b\"", "\"-a\"", "\"ä\"", "\"../x\"", "1"] {
        assert_eq!(name(value), "not-a-name", "{value}");
    }
    let word =
        |value: &str| one(value, |table| table.choice("key", &[("either", 1), ("tenant", 2)]));
    assert_eq!(word("\"tenant\""), "2");
    assert_eq!(word("\"Tenant\""), "not-a-choice");
    assert_eq!(one("\"Europe/Berlin\"", |table| table.zone("key")), "Europe/Berlin");
    assert_eq!(one("\"Europe/Bärlin\"", |table| table.zone("key")), "not-a-time-zone");
}

#[test]
fn tables_are_tables_and_lists_are_lists() {
    let read = |table: &Table<'_>| {
        table.tables("pool");
        table.table("term");
        table.strings("sku");
    };
    assert!(rules("pool = [{}, {}]\nterm = {}\nsku = []", read).is_empty());
    assert!(rules("[[pool]]\n[[pool]]\n[term]", read).is_empty());
    assert_eq!(rules("[pool]\n[[term]]", read), ["not-a-table", "not-a-table"]);
    assert_eq!(rules("pool = [1, {}]\nsku = [\"a\", 2]", read), ["not-a-table", "not-a-text"]);
    assert_eq!(rules("sku = \"a\"", read), ["not-a-list"]);
}

#[test]
fn every_problem_shows_its_place_and_what_was_expected() {
    let text = "id = \"s\"\nid = \"t\"\nturnovr = \"90 s\"\nby = \"eiter\"\nzone = \"America/Chigaco\"\n\
                [term]\nstart = \"2026-05-01\"\nlength = 3\n";
    let read = |table: &Table<'_>| {
        table.required("id", table.name("id", Name::new), "a name");
        table.required("turnover", table.seconds("turnover"), "scrub and health check");
        table.choice("by", &[("either", 1), ("tenant", 2)]);
        table.zone("zone");
        let term = table.table("term").expect("it is there");
        term.day("start");
        term.required("end", term.day("end"), "the last day");
        term.finish();
        table.finish();
    };
    assert_snapshot!(rendered(text, read), @r#"
    error[missing-key]: `turnover` is missing
     --> file.toml:1:1
      |
    1 | id = "s"
      | ^ expected `turnover`: scrub and health check

    error[duplicate-key]: a key is given twice
     --> file.toml:2:1
      |
    2 | id = "t"
      | ^^ expected each key once

    error[unknown-key]: unknown key `turnovr`
     --> file.toml:3:1
      |
    3 | turnovr = "90 s"
      | ^^^^^^^ expected one of by, id, term, turnover, zone
      |
      = help: did you mean `turnover`?

    error[not-a-choice]: `by` is "eiter"
     --> file.toml:4:6
      |
    4 | by = "eiter"
      |      ^^^^^^^ expected one of "either", "tenant"
      |
      = help: did you mean "either"?

    error[not-a-time-zone]: `zone` is "America/Chigaco"
     --> file.toml:5:8
      |
    5 | zone = "America/Chigaco"
      |        ^^^^^^^^^^^^^^^^^ expected an IANA time zone
      |
      = help: did you mean "America/Chicago"?

    error[missing-key]: `end` is missing
     --> file.toml:6:2
      |
    6 | [term]
      |  ^^^^ expected `end`: the last day

    error[not-a-day]: `start` is the text "2026-05-01"
     --> file.toml:7:9
      |
    7 | start = "2026-05-01"
      |         ^^^^^^^^^^^^ expected a day without quotes, such as 2026-05-01

    error[unknown-key]: unknown key `length`
     --> file.toml:8:1
      |
    8 | length = 3
      | ^^^^^^ expected one of end, start
    "#);
}

#[test]
fn what_is_not_toml_is_shown_without_guesses_about_the_rest() {
    let read = |table: &Table<'_>| {
        table.required("id", table.string("id"), "a name");
        table.required("end", table.day("end"), "a day");
        table.finish();
    };
    assert_snapshot!(rendered("id = \"s\nend = 2026-05-01\n", read), @r#"
    error[toml-syntax]: invalid basic string
     --> file.toml:1:8
      |
    1 | id = "s
      |        ^ expected `"`
    "#);
    assert_snapshot!(rendered("id = s\nend = 2026-13-01\n[x\n", read), @r#"
    error[toml-syntax]: a text stands without quotes
     --> file.toml:1:6
      |
    1 | id = s
      |      ^ expected a text in quotes

    error[toml-syntax]: invalid date
     --> file.toml:2:7
      |
    2 | end = 2026-13-01
      |       ^^^^^^^^^^ expected month between 01 and 12

    error[unknown-key]: unknown key `x`
     --> file.toml:3:2
      |
    3 | [x
      |  ^ expected one of end, id

    error[toml-syntax]: unclosed table
     --> file.toml:3:3
      |
    3 | [x
      |   ^ expected `]`
    "#);
}

#[test]
fn colors_are_only_added_on_request() {
    let source = Source::new("file.toml", "a = 1\n");
    let problem = [Problem::new("unknown-key", 0..1, "unknown key `a`", "none")];
    assert!(!render(&source, &problem, false).contains('\u{1b}'));
    assert!(render(&source, &problem, true).contains('\u{1b}'));
}

#[test]
fn places_outside_the_text_or_inside_a_letter_do_no_harm() {
    let source = Source::new("file.toml", "a = \"ä\"\r\nb = 1");
    for span in [0..0, 5..6, 6..7, 7..9, 14..14, 14..99, 99..100] {
        let problem = [Problem::new("r", span, "m", "e")];
        assert!(render(&source, &problem, false).contains("file.toml:"));
    }
    let empty = Source::new("file.toml", "");
    assert!(render(&empty, &[Problem::new("r", 0..0, "m", "e")], false).contains("file.toml:1:1"));
}

#[test]
fn deep_nesting_is_a_problem_and_not_the_end() {
    for deep in ["[".repeat(50_000), "{a=".repeat(50_000), "a.".repeat(50_000)] {
        assert!(!rules(&format!("a = {deep}"), |_| ()).is_empty());
    }
}
