//! Every form of a rendering holds every amount, shows hostile texts as texts, and is well made.

use insta::assert_snapshot;
use leasehold_ledger::{
    Derivation, DueLine, Invoice, Line, LineKind, RecordDigest, Revenue, SigningKey, TaxPart,
    TermsDigest,
};
use leasehold_renderings::{Paper, SealCheck, Sheet, page, pdf, text};
use leasehold_units::{Currency, Day, LeaseId, Money, Name, PartyId};

fn line(kind: LineKind, revenue: Revenue, description: &str, amount: Money) -> Line {
    let day = Day::constant(2026, 5, 20);
    let formula = "0 + amount".to_owned();
    let inputs = vec![("amount".to_owned(), amount.to_string())];
    let derivation = Derivation { terms_version: 1, formula, inputs, ..Derivation::default() };
    let description = description.to_owned();
    Line { kind, revenue, description, start: day, end: day, amount, derivation }
}

/// An invoice of these lines in minor units of `code`.
fn invoice(code: &str, lines: &[(LineKind, Revenue, &str, i128)]) -> Invoice {
    let currency = Currency::from_code(code).expect("a currency");
    let money = |minor| Money::from_minor(minor, currency);
    let lines: Vec<Line> = lines
        .iter()
        .map(|(kind, revenue, description, minor)| {
            line(*kind, *revenue, description, money(*minor))
        })
        .collect();
    Invoice {
        number: "owner-2026-000007".into(),
        landlord: PartyId::new("owner").expect("a name"),
        tenant: PartyId::new("renter").expect("a name"),
        lease: LeaseId::new("l").expect("a name"),
        terms: vec![TermsDigest { version: 1, sha256: [0xab; 32] }],
        record: RecordDigest { facts: 1, sha256: [0xcd; 32] },
        currency,
        issued: Day::constant(2026, 6, 1),
        due: Day::constant(2026, 7, 1),
        total: lines.iter().fold(money(0), |sum, line| sum.plus(line.amount)),
        lines,
        taxes: Vec::new(),
        corrects: None,
        replaces: None,
    }
}

fn sheet(invoice: &Invoice) -> Sheet {
    assert_eq!(invoice.check(), Ok(()), "the document holds by itself");
    Sheet::of(&SigningKey::of_simulation(1).seal(invoice), SealCheck::NotChecked)
}

/// A fee, a contained tax, a tax on top, an adjustment with what is due, and money drawn.
fn every_kind(code: &str) -> Invoice {
    let mut invoice = invoice(
        code,
        &[
            (LineKind::Fixed, Revenue::Fixed, "Fixed fee, May 2026", 1_234_567_890_123),
            (
                LineKind::Adjustment,
                Revenue::Usage,
                "Adjustment of the metered charges",
                -45_678_901,
            ),
            (LineKind::LateInterest, Revenue::Interest, "Interest on owner-2026-000001", 12_345),
            (LineKind::Tax, Revenue::Tax, "City tax", 987_654_321),
            (LineKind::DrawDown, Revenue::Prepayments, "Drawn from the prepayment", -2_222_222),
        ],
    );
    let name = |name| Name::new(name).expect("a name");
    let money = |minor| Money::from_minor(minor, invoice.currency);
    let part = |tax, line, minor| TaxPart { name: name(tax), line, amount: money(minor) };
    invoice.taxes = vec![part("vat", 0, 34_567_001), part("city-tax", 3, 987_654_321)];
    let adjusted = &mut invoice.lines[1];
    let due = line(LineKind::Fixed, Revenue::Usage, "Energy", money(54_321_099));
    adjusted.derivation.formula = "due - billed_before".into();
    let input = |name: &str, minor| (name.to_owned(), money(minor).to_string());
    adjusted.derivation.inputs =
        vec![input("due", 54_321_099), input("billed_before", 100_000_000)];
    adjusted.derivation.due_lines = vec![DueLine {
        description: due.description,
        amount: due.amount,
        derivation: due.derivation,
    }];
    invoice
}

/// Every amount that `invoice` states, as people read it.
fn amounts(invoice: &Invoice) -> Vec<String> {
    let lines = invoice.lines.iter().map(|line| line.amount);
    let due = invoice.lines.iter().flat_map(|line| &line.derivation.due_lines);
    let taxes = invoice.taxes.iter().map(|part| part.amount);
    let all = lines.chain(due.map(|due| due.amount)).chain(taxes).chain([invoice.total]);
    all.map(|amount| grouped(&amount.to_string())).collect()
}

/// Thousands by a way of its own: from the point to the left.
fn grouped(plain: &str) -> String {
    let (whole, part) = plain.split_once('.').map_or((plain, None), |(w, p)| (w, Some(p)));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |w| ("-", w));
    let bytes: Vec<&[u8]> = whole.as_bytes().rchunks(3).rev().collect();
    let groups = bytes.iter().map(|group| std::str::from_utf8(group).expect("digits"));
    let whole = format!("{sign}{}", groups.collect::<Vec<_>>().join(","));
    part.map_or(whole.clone(), |part| format!("{whole}.{part}"))
}

/// The texts that a PDF sets, in order, a line each. Its streams are not compressed, and its strings
/// are literal ones.
fn set_texts(pdf: &[u8]) -> String {
    let latin_1: String = pdf.iter().map(|byte| char::from(*byte)).collect();
    let mut texts = String::new();
    for line in latin_1.lines() {
        if let Some(text) = line.strip_suffix(" Tj").and_then(|line| line.strip_prefix('(')) {
            let text = text.strip_suffix(')').expect("a string ends");
            texts += &(text.replace("\\(", "(").replace("\\)", ")").replace("\\\\", "\\") + "\n");
        }
    }
    texts
}

/// Names of the elements that `page` opens; each must be closed in its turn.
fn elements(page: &str) -> Vec<String> {
    const VOID: [&str; 1] = ["meta"];
    let (mut seen, mut open) = (Vec::new(), Vec::<String>::new());
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("it says what it is");
    while let Some(start) = rest.find('<') {
        let (text, from) = rest.split_at(start);
        assert!(!text.contains('>') || open.last().is_some_and(|name| name == "style"), "{text}");
        let (tag, after) = from[1..].split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in its turn");
            continue;
        }
        let name = tag.split(' ').next().expect("a tag has a name").to_owned();
        if !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        seen.push(name);
    }
    assert!(open.is_empty(), "left open: {open:?}");
    seen
}

#[test]
fn every_form_holds_every_amount_with_the_digits_of_its_currency() {
    for code in ["USD", "JPY", "KWD"] {
        let invoice = every_kind(code);
        let sheet = sheet(&invoice);
        let forms = [text(&sheet), page(&sheet), set_texts(&pdf(&sheet, Paper::A4))];
        for amount in amounts(&invoice) {
            for form in &forms {
                assert!(form.contains(&amount), "{code} {amount} is missing in\n{form}");
            }
        }
    }
}

#[test]
fn the_text_of_a_document_with_every_kind_of_line() {
    let text = text(&sheet(&every_kind("KWD")));
    let (document, _) = text.split_once("Rests on").expect("it says what it rests on");
    assert_snapshot!(document, @r#"
    Invoice owner-2026-000007
    To pay: KWD 1,235,507,655.666 by 2026-07-01

    From      owner
    To        renter
    Lease     l
    Issued    2026-06-01
    Due       2026-07-01
    Currency  KWD

                                                                                         KWD
    ────────────────────────────────────────────────────────────────────────────────────────
    Service of May 2026
     1  Fixed fee, May 2026                                                1,234,567,890.123
          0 + amount
          = 0 + 1,234,567,890.123 = 1,234,567,890.123
          contains 34,567.001 vat
          For 2026-05-20; terms version 1
     2  Adjustment of the metered charges                                        -45,678.901
          due - billed_before
          = 54,321.099 - 100,000.000 = -45,678.901
          due: Energy: 54,321.099
            0 + amount
            = 0 + 54,321.099 = 54,321.099
            terms version 1
          For 2026-05-20; terms version 1
        Service of May 2026                                                1,234,522,211.222

    Interest on late payments
     3  Interest on owner-2026-000001                                                 12.345
          0 + amount
          = 0 + 12.345 = 12.345
          For 2026-05-20; terms version 1

        Sub-total before tax                                               1,234,487,656.566

        vat, contained in the amounts above                                       34,567.001

    Taxes
     4  City tax                                                                 987,654.321
          0 + amount
          = 0 + 987,654.321 = 987,654.321
          For 2026-05-20; terms version 1

        Sub-total with tax                                                 1,235,509,877.888

    Drawn from prepayments
     5  Drawn from the prepayment                                                 -2,222.222
          0 + amount
          = 0 + (-2,222.222) = -2,222.222
          For 2026-05-20; terms version 1

    ────────────────────────────────────────────────────────────────────────────────────────
        Total to pay                                                       1,235,507,655.666
    ════════════════════════════════════════════════════════════════════════════════════════
    "#);
}

#[test]
fn a_credit_note_says_what_it_corrects_and_a_replacement_what_it_replaces() {
    let kind = (LineKind::Correction, Revenue::Fixed, "Fixed fee, given back: late", -310_000);
    let mut note = invoice("JPY", &[kind]);
    note.corrects = Some("owner-2026-000003".into());
    let note = sheet(&note);
    for form in [text(&note), page(&note), set_texts(&pdf(&note, Paper::A4))] {
        assert!(form.contains("Credit note") && form.contains("Corrects owner-2026-000003"));
        assert!(form.contains("Total credited") && form.contains("-310,000"), "{form}");
        assert!(form.contains("JPY 310,000"), "{form}");
    }
    let mut new = invoice("JPY", &[(LineKind::Fixed, Revenue::Fixed, "Fixed fee", 310_000)]);
    new.replaces = Some("owner-2026-000003".into());
    let new = sheet(&new);
    for form in [text(&new), page(&new), set_texts(&pdf(&new, Paper::Letter))] {
        assert!(form.contains("Invoice") && form.contains("Replaces owner-2026-000003"));
        assert!(form.contains("Total to pay") && !form.contains("Credit"), "{form}");
    }
}

/// Texts that would break out of where they are put.
const HOSTILE: &str = "</style><script src=\"//x.invalid\">alert(1)</script><img src=x> ) Tj \\ (\u{1b}[2J\u{202e}9.99 中";

#[test]
fn hostile_texts_are_shown_and_do_nothing() {
    let mut invoice = invoice("USD", &[(LineKind::Fixed, Revenue::Fixed, HOSTILE, 100)]);
    invoice.number = HOSTILE.into();
    invoice.corrects = Some(HOSTILE.into());
    invoice.lines[0].derivation.inputs.push(("reason".into(), HOSTILE.into()));
    let sheet = sheet(&invoice);
    let (page, text) = (page(&sheet), text(&sheet));
    let known = [
        "html", "head", "meta", "title", "style", "body", "main", "header", "div", "p", "h1", "h2",
        "span", "strong", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "code",
        "section", "footer",
    ];
    for element in elements(&page) {
        assert!(known.contains(&element.as_str()), "<{element}> was smuggled in");
    }
    for form in [&page, &text] {
        assert!(!form.contains('\u{1b}') && !form.contains('\u{202e}') && form.contains('中'));
    }
    let texts = set_texts(&pdf(&sheet, Paper::A4));
    assert!(texts.contains(r"\u{4e2d}") && texts.contains("Total to pay"), "{texts}");
    assert!(!sheet.file.contains('/') && !sheet.file.contains('<'), "{}", sheet.file);
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let page = page(&sheet(&every_kind("USD")));
    elements(&page);
    for word in
        ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "javascript"]
    {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_long_document_goes_on_over_numbered_pages_with_the_head_of_the_table() {
    let fee = (LineKind::Fixed, Revenue::Fixed, "Fixed fee, 1 May 2026, 1 of 31 days", 1_000_000);
    for (paper, lines) in
        [Paper::A4, Paper::Letter].into_iter().flat_map(|p| (90..110).map(move |n| (p, n)))
    {
        let long = sheet(&invoice("USD", &vec![fee; lines]));
        let bytes = pdf(&long, paper);
        let texts = set_texts(&bytes);
        let count = |text: &str| texts.lines().filter(|line| *line == text).count();
        let pages = texts.lines().filter(|line| line.starts_with("Page ")).count();
        assert!(pages > 5, "{pages} pages");
        assert!((pages - 1..=pages).contains(&count("Description")), "the head is repeated");
        assert_eq!(
            count("Invoice owner-2026-000007"),
            pages - 1,
            "all but the first say what they are"
        );
        assert_eq!(
            (1..=pages).filter(|n| count(&format!("Page {n} of {pages}")) == 1).count(),
            pages
        );
        assert_eq!(count("10,000.00"), lines);
        let (_, last) = texts.rsplit_once("Description\n").expect("the last page of the table");
        assert!(
            last.contains("Fixed fee") && last.contains("Total to pay"),
            "a total is not alone"
        );
    }
}

#[test]
fn a_pdf_has_its_parts_where_it_says_and_the_document_attached() {
    let sheet = sheet(&every_kind("USD"));
    let bytes = pdf(&sheet, Paper::A4);
    assert_eq!(bytes, pdf(&sheet, Paper::A4), "the same bytes each time");
    assert!(bytes.starts_with(b"%PDF-1.7") && bytes.ends_with(b"%%EOF"));
    let latin_1: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    assert!(bytes.windows(sheet.json.len()).any(|part| part == sheet.json.as_bytes()));
    let (_, table) = latin_1.rsplit_once("startxref\n").expect("it says where its table is");
    let table: usize = table.lines().next().and_then(|n| n.parse().ok()).expect("a number");
    let rows: Vec<&str> = latin_1[table..].lines().skip(2).take_while(|l| l.len() > 15).collect();
    let used = rows.iter().enumerate().filter(|(_, row)| row.contains(" n"));
    for (id, row) in used {
        let at: usize = row[..10].parse().expect("an offset");
        assert!(latin_1[at..].starts_with(&format!("{id} 0 obj")), "object {id} at {at}");
    }
}
