//! The books of a run: payments, disputes and corrections of a scenario, exports and reports.

#[path = "../../../ledger/tests/common/programs.rs"]
mod programs;

use insta::assert_snapshot;
use leasehold_ledger::{JOURNAL_COLUMNS, JournalRow, Transaction, entries_of};

use super::run::{Folder, example};

/// The model deal over four and a half months without a job: its tenant pays, disputes, and is
/// corrected.
const EVENTS: &str = r#"
[[payer]]
party = "anthropic"
days = 40
[[event]]
at = 2026-05-20T12:00:00-05:00
kind = "dispute"
id = "d1"
tenant = "anthropic"
document = "xai-2026-000001"
amount = "1000000.01"
currency = "USD"
[[event]]
at = 2026-06-20T12:00:00-05:00
kind = "resolution"
dispute = "d1"
tenant = "anthropic"
favour = "tenant"
[[event]]
at = 2026-07-10T12:00:00-05:00
kind = "correction"
document = "xai-2026-000002"
reason = "the price was wrong"
line = 2
amount = "937000000.00"
currency = "USD"
[[event]]
at = 2026-07-12T12:00:00-05:00
kind = "close-books"
through = 2026-06-30
[[event]]
at = 2026-07-13T12:00:00-05:00
kind = "payment"
id = "wire 9"
tenant = "anthropic"
amount = "1500000000.00"
currency = "USD"
[[event]]
at = 2026-07-14T12:00:00-05:00
kind = "payment"
id = "wire 10"
tenant = "anthropic"
amount = "9999999999.00"
currency = "USD"
documents = ["xai-2026-000004"]
if_refused = "go-on"
"#;

fn scenario(folder: &Folder, events: &str) {
    let example = example();
    let text = format!(
        "site = \"{example}/site.toml\"\nleases = [\"{example}/leases/*.toml\"]\n\
         from = 2026-05-01\nuntil = 2026-09-15\nseed = 7\n{events}"
    );
    folder.write("scenario.toml", &text);
}

fn played(name: &str) -> Folder {
    let folder = Folder::new(name);
    scenario(&folder, EVENTS);
    folder.stdout("simulate scenario.toml --out out");
    folder
}

fn entries(folder: &Folder) -> Vec<Transaction> {
    let mut reader = csv::Reader::from_path(folder.path("out/journal.csv")).expect("it is there");
    assert!(reader.headers().expect("a header").iter().eq(JOURNAL_COLUMNS));
    let row = |record: csv::StringRecord| {
        let fields: Vec<String> = record.iter().map(str::to_owned).collect();
        JournalRow(fields.try_into().expect("ten columns"))
    };
    let rows: Vec<_> = reader.records().map(|record| row(record.expect("a row"))).collect();
    entries_of(&rows).expect("the rows are a journal")
}

#[test]
fn three_programs_find_the_balances_of_the_model_deal() {
    let folder = played("books-programs");
    programs::agree(&entries(&folder));
    let exported = |format| folder.stdout(&format!("export journal --format {format} out"));
    assert_eq!(exported("csv"), folder.read("out/journal.csv"));
    assert_eq!(exported("hledger"), folder.read("out/journal.hledger"));
    assert!(exported("ledger").contains("    ; Due: 2026-05-31"));
    assert!(exported("beancount").contains("    due: 2026-05-31"));
}

#[test]
fn a_document_of_its_own_for_every_number_without_a_gap() {
    let folder = played("books-numbers");
    let names = std::fs::read_dir(folder.path("out/invoices")).expect("the run left a folder");
    let mut names: Vec<String> = names
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expected: Vec<String> = (1..=8).map(|n| format!("xai-2026-{n:06}.json")).collect();
    assert_eq!(names, expected);
    let read = |number: u32| -> serde_json::Value {
        let text = folder.read(&format!("out/invoices/xai-2026-{number:06}.json"));
        serde_json::from_str(&text).expect("it is JSON")
    };
    assert_eq!(read(3)["corrects"], "xai-2026-000001");
    assert_eq!(read(3)["total"], "-1000000.01");
    assert_eq!(read(5)["corrects"], "xai-2026-000002");
    assert_eq!(read(6)["replaces"], "xai-2026-000002");
    assert_eq!(read(2).get("replaces"), None, "an issued document is never touched");
}

#[test]
fn credit_notes_and_replacements_follow_from_what_they_correct() {
    let folder = played("books-verify");
    let verify = |number: u32, arguments: &str| {
        folder.outcome(&format!(
            "invoice verify out/invoices/xai-2026-{number:06}.json --key out/xai.public.pem {arguments}"
        ))
    };
    let evidence = "--evidence out/evidence/colossus-1-anthropic";
    for number in 1..=8 {
        let told = verify(number, evidence);
        assert!(told.starts_with("exit 0") && told.contains("derived again"), "{told}");
    }
    let documents = "out/evidence/colossus-1-anthropic/documents";
    for number in [1, 2] {
        let name = format!("{documents}/xai-2026-{number:06}.json");
        std::fs::remove_file(folder.path(&name)).expect("it was there");
    }
    let told = verify(3, evidence);
    assert!(told.contains("document xai-2026-000001, which it corrects or replaces"), "{told}");
}

#[test]
fn revenue_by_month_lease_and_tenant() {
    let folder = played("books-revenue");
    assert_snapshot!(folder.stdout("revenue out --by month"), @r#"
    month    currency            billed        recognised        deferred         collected       credits
    ─────────────────────────────────────────────────────────────────────────────────────────────────────
    2026-05  USD         625,000,000.00    626,144,889.58   -1,144,889.58              0.00          0.00
    2026-06  USD         937,644,889.57    938,161,936.48     -517,046.91    623,999,999.99  1,000,000.01
    2026-07  USD       1,251,161,936.49  1,251,730,072.55     -568,136.06  1,500,000,000.00          0.00
    2026-08  USD       1,252,230,072.55  1,252,230,072.55            0.00    689,806,826.07          0.00
    2026-09  USD       1,252,230,072.55    583,333,333.33  668,896,739.22  1,252,230,072.55          0.00
    total    USD       5,318,266,971.16  4,651,600,304.49  666,666,666.67  4,066,036,898.61  1,000,000.01

    Billed is recognised and deferred together, without taxes, prepayments and deposits; collected is with them.
    Tenants with 10 % or more of the recognised revenue: anthropic 100 % of USD.
    "#);
    assert_snapshot!(folder.stdout("revenue out --by tenant"), @r#"
    tenant       currency            billed        recognised        deferred         collected       credits
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    anthropic *  USD       5,318,266,971.16  4,651,600,304.49  666,666,666.67  4,066,036,898.61  1,000,000.01
    total        USD       5,318,266,971.16  4,651,600,304.49  666,666,666.67  4,066,036,898.61  1,000,000.01

    Billed is recognised and deferred together, without taxes, prepayments and deposits; collected is with them.
    Tenants with 10 % or more of the recognised revenue: anthropic 100 % of USD.
    "#);
    assert_snapshot!(folder.stdout("revenue out --by lease -o json"), @r#"
    {
      "by": "lease",
      "rows": [
        {
          "key": "colossus-1-anthropic",
          "currency": "USD",
          "billed": "5318266971.16",
          "recognised": "4651600304.49",
          "deferred": "666666666.67",
          "collected": "4066036898.61",
          "credits": "1000000.01",
          "major": null
        }
      ],
      "total": [
        {
          "key": null,
          "currency": "USD",
          "billed": "5318266971.16",
          "recognised": "4651600304.49",
          "deferred": "666666666.67",
          "collected": "4066036898.61",
          "credits": "1000000.01",
          "major": null
        }
      ],
      "major_tenants": [
        {
          "tenant": "anthropic",
          "currency": "USD",
          "share": "1"
        }
      ]
    }
    "#);
    assert_snapshot!(folder.stdout("revenue out --by tenant -o csv"), @r#"
    tenant,currency,billed,recognised,deferred,collected,credits,major
    anthropic,USD,5318266971.16,4651600304.49,666666666.67,4066036898.61,1000000.01,true
    "#);
}

#[test]
fn the_statement_of_a_tenant() {
    let folder = played("books-statement");
    let asked = "statement out --tenant anthropic --from 2026-07-01 --until 2026-09-05";
    assert_snapshot!(folder.stdout(asked), @r#"
    Account of anthropic, 2026-07-01 to 2026-09-05

    date        what                                                                            due                       USD           balance
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    2026-07-01  opening balance                                                                                                  938,644,889.58
    2026-07-01  Invoice xai-2026-000004 for colossus-1-anthropic                                2026-07-31   1,251,661,936.49  2,190,306,826.07
    2026-07-10  Credit note xai-2026-000005 for colossus-1-anthropic, corrects xai-2026-000002                -938,644,889.58  1,251,661,936.49
    2026-07-10  Invoice xai-2026-000006 for colossus-1-anthropic, replaces xai-2026-000002      2026-08-09     938,144,889.58  2,189,806,826.07
    2026-07-13  Payment wire 9 of anthropic for xai-2026-000004                                             -1,251,661,936.49    938,144,889.58
    2026-07-13  Payment wire 9 of anthropic for xai-2026-000006                                               -248,338,063.51    689,806,826.07
    2026-08-01  Invoice xai-2026-000007 for colossus-1-anthropic                                2026-08-31   1,252,230,072.55  1,942,036,898.62
    2026-08-19  Payment xai-2026-000006/1 of anthropic for xai-2026-000006                                    -689,806,826.07  1,252,230,072.55
    2026-09-01  Invoice xai-2026-000008 for colossus-1-anthropic                                2026-10-01   1,252,230,072.55  2,504,460,145.10
    2026-09-05  closing balance                                                                                                2,504,460,145.10

    Open by days overdue, USD
             not due         1-30 days  31-60  61-90  over 90  disputed  on account
    ───────────────────────────────────────────────────────────────────────────────
    1,252,230,072.55  1,252,230,072.55   0.00   0.00     0.00      0.00        0.00
    "#);
    assert_snapshot!(folder.stdout(&format!("{asked} -o csv")), @r#"
    date,kind,document,lease,due,description,amount,balance,currency
    2026-07-01,invoice,xai-2026-000004,colossus-1-anthropic,2026-07-31,Invoice xai-2026-000004 for colossus-1-anthropic,1251661936.49,2190306826.07,USD
    2026-07-10,credit_note,xai-2026-000005,colossus-1-anthropic,,"Credit note xai-2026-000005 for colossus-1-anthropic, corrects xai-2026-000002",-938644889.58,1251661936.49,USD
    2026-07-10,invoice,xai-2026-000006,colossus-1-anthropic,2026-08-09,"Invoice xai-2026-000006 for colossus-1-anthropic, replaces xai-2026-000002",938144889.58,2189806826.07,USD
    2026-07-13,payment,xai-2026-000004,colossus-1-anthropic,,Payment wire 9 of anthropic for xai-2026-000004,-1251661936.49,938144889.58,USD
    2026-07-13,payment,xai-2026-000006,colossus-1-anthropic,,Payment wire 9 of anthropic for xai-2026-000006,-248338063.51,689806826.07,USD
    2026-08-01,invoice,xai-2026-000007,colossus-1-anthropic,2026-08-31,Invoice xai-2026-000007 for colossus-1-anthropic,1252230072.55,1942036898.62,USD
    2026-08-19,payment,xai-2026-000006,colossus-1-anthropic,,Payment xai-2026-000006/1 of anthropic for xai-2026-000006,-689806826.07,1252230072.55,USD
    2026-09-01,invoice,xai-2026-000008,colossus-1-anthropic,2026-10-01,Invoice xai-2026-000008 for colossus-1-anthropic,1252230072.55,2504460145.10,USD
    "#);
    let json: serde_json::Value =
        serde_json::from_str(&folder.stdout(&format!("{asked} -o json"))).expect("it is JSON");
    let one = &json["statements"][0];
    assert_eq!(one["currency"], "USD");
    assert_eq!(one["lines"][0]["kind"], "invoice");
    assert_eq!(one["ageing"]["days_1_30"], "1252230072.55");
    assert_snapshot!(folder.outcome("statement out --tenant nobody"), @r#"
    exit 1
    --- stderr
    error: the books know no tenant nobody
    hint: tenants there: anthropic
    "#);
    assert_snapshot!(folder.outcome("statement . --tenant anthropic"), @r#"
    exit 1
    --- stderr
    error: ./journal.csv does not exist
    hint: name a directory that `leasehold simulate` has finished
    "#);
}

#[test]
fn the_backlog_beside_the_books() {
    let folder = played("books-backlog");
    let example = example();
    let asked = format!(
        "backlog {example}/leases/anthropic.toml --site {example}/site.toml --as-of 2026-08-01"
    );
    let plain = folder.stdout(&asked);
    let beside = folder.stdout(&format!("{asked} --books out"));
    assert!(beside.starts_with(&plain), "what was there stays as it was");
    assert_snapshot!(&beside[plain.len()..], @r#"
    Before 2026-08-01, from the books: recognised fixed fees, documents, payments on them

    lease                        delivered          invoiced         collected           headline  firm if landlord    firm if tenant
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
    colossus-1-anthropic  2,812,000,000.00  2,813,806,826.06  2,123,999,999.99  42,500,000,000.00  3,709,677,419.35  3,709,677,419.35
    total                 2,812,000,000.00  2,813,806,826.06  2,123,999,999.99  42,500,000,000.00  3,709,677,419.35  3,709,677,419.35

    to come     from        until                headline  firm if landlord    firm if tenant
    ─────────────────────────────────────────────────────────────────────────────────────────
    this month  2026-08-01  2026-08-31   1,250,000,000.00  1,250,000,000.00  1,250,000,000.00
    3 months    2026-09-01  2026-10-31   2,500,000,000.00  2,459,677,419.35  2,459,677,419.35
    12 months   2026-11-01  2027-07-31  11,250,000,000.00              0.00              0.00
    24 months   2027-08-01  2028-07-31  15,000,000,000.00              0.00              0.00
    later       2028-08-01  2029-05-31  12,500,000,000.00              0.00              0.00
    "#);
    let parse =
        |text: &str| -> serde_json::Value { serde_json::from_str(text).expect("it is JSON") };
    let plain = parse(&folder.stdout(&format!("{asked} -o json")));
    let mut beside = parse(&folder.stdout(&format!("{asked} -o json --books out")));
    let bands = beside["bands"].as_array().expect("a list").clone();
    // Two digits after the point, everywhere: cents without it.
    let cents = |amount: &serde_json::Value| -> i128 {
        let text = amount.as_str().expect("text").replace('.', "");
        text.parse().expect("a decimal")
    };
    for key in ["headline", "firm_if_landlord_gives_notice", "firm_if_tenant_gives_notice"] {
        let sum: i128 = bands.iter().map(|band| cents(&band[key])).sum();
        assert_eq!(sum, cents(&beside["total"][key]), "{key}");
    }
    for key in ["delivered", "invoiced", "collected"] {
        assert_eq!(beside["to_date"][key], beside["leases"][0][key]);
        beside["leases"][0].as_object_mut().expect("an object").remove(key);
    }
    for key in ["to_date", "bands"] {
        beside.as_object_mut().expect("an object").remove(key);
    }
    assert_eq!(beside, plain);
}

#[test]
fn what_the_books_do_not_allow_stops_the_run_and_says_so() {
    let folder = Folder::new("books-refused");
    let strict = EVENTS.replace("if_refused = \"go-on\"\n", "");
    scenario(&folder, &strict);
    assert_snapshot!(folder.outcome("simulate scenario.toml --out out"), @r#"
    exit 1
    --- stderr
    seed 7
    error: at 2026-07-14T17:00:00Z, the scenario asks for what cannot be: within-what-is-open: 9999999999.00 USD is more than the 0.00 USD that are open and not disputed
    "#);
    let wrong = "[[payer]]\nparty = \"xai\"\ndays = 3\n[[event]]\nat = 2026-06-01T00:00:00Z\n\
                 kind = \"payment\"\nid = \"a\"\namount = \"1.001\"\ncurrency = \"USD\"\n";
    scenario(&folder, wrong);
    let refused = folder.outcome("simulate scenario.toml --out out");
    assert!(refused.contains("not-an-amount") && refused.contains("`tenant`"), "{refused}");
    scenario(&folder, &wrong[..wrong.find("[[event]]").expect("it has one")]);
    let refused = folder.outcome("simulate scenario.toml --out out");
    assert!(refused.contains("payer-is-a-tenant"), "{refused}");
}
