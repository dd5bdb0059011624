//! Receivables and the journal behind them, against money that moves unit by unit.

mod common;

use std::collections::BTreeMap;

use common::day;
use common::documents::{Desk, LineSpec, documents, money};
use leasehold_lease::Side;
use leasehold_ledger::{
    AccountFact, By, DocumentState, Invoice, LineKind, Request, Revenue, balances, entries_of,
    revenue_report, statements,
};
use leasehold_units::{Day, Ratio};
use proptest::prelude::*;

/// Two tenants, one in two currencies.
const ACCOUNTS: [(&str, &str); 3] = [("acme", "USD"), ("acme", "JPY"), ("zenith", "KWD")];

/// A document as the slow model has it, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Paper {
    owner: (String, &'static str),
    issued: Day,
    due: Day,
    open: i128,
    disputed: i128,
}

/// Money that moves unit by unit: each unit goes where the next one is owed.
#[derive(Debug, Default)]
struct Slow {
    papers: BTreeMap<String, Paper>,
    on_account: BTreeMap<(String, &'static str), i128>,
    disputes: BTreeMap<String, (String, i128)>,
}

impl Slow {
    fn add(&mut self, invoice: &Invoice) {
        let paper = Paper {
            owner: (invoice.tenant.to_string(), invoice.currency.code()),
            issued: invoice.issued,
            due: invoice.due,
            open: invoice.total.minor(),
            disputed: 0,
        };
        self.papers.insert(invoice.number.clone(), paper);
        if let Some(old) = &invoice.corrects {
            self.set_off(&invoice.number, old);
        }
    }

    fn issue(&mut self, invoice: &Invoice) {
        self.add(invoice);
        self.settle(invoice);
    }

    fn settle(&mut self, like: &Invoice) {
        self.settle_for(&(like.tenant.to_string(), like.currency.code()));
    }

    fn settle_for(&mut self, owner: &(String, &'static str)) {
        while let Some(owed) = self.oldest_due(owner, Day::MAX) {
            let credits = self.papers.iter().filter(|(_, p)| p.owner == *owner && p.open < 0);
            let oldest = credits.min_by_key(|(number, p)| (p.issued, (*number).clone()));
            let held = self.on_account.entry(owner.clone()).or_default();
            if let Some((credit, _)) = oldest {
                let credit = credit.clone();
                self.papers.get_mut(&credit).expect("it is there").open += 1;
            } else if *held > 0 {
                *held -= 1;
            } else {
                return;
            }
            self.papers.get_mut(&owed).expect("it is there").open -= 1;
        }
    }

    fn set_off(&mut self, credit: &str, owed: &str) {
        while self.papers[credit].open < 0 && payable(&self.papers[owed]) > 0 {
            self.papers.get_mut(credit).expect("it is there").open += 1;
            self.papers.get_mut(owed).expect("it is there").open -= 1;
        }
    }

    fn oldest_due(&self, owner: &(String, &'static str), by: Day) -> Option<String> {
        let owed = self
            .papers
            .iter()
            .filter(|(_, paper)| paper.owner == *owner && payable(paper) > 0 && paper.issued <= by);
        let oldest = owed.min_by_key(|(number, paper)| (paper.due, (*number).clone()));
        oldest.map(|(number, _)| number.clone())
    }

    fn fold(&mut self, fact: &AccountFact) {
        match fact {
            AccountFact::Paid(payment) => {
                let owner = (payment.tenant.to_string(), payment.amount.currency().code());
                for _ in 0..payment.amount.minor() {
                    let named =
                        payment.documents.iter().find(|n| payable(&self.papers[*n]) > 0).cloned();
                    let free = || self.oldest_due(&owner, payment.day);
                    let to = if payment.documents.is_empty() { free() } else { named };
                    match to {
                        Some(to) => self.papers.get_mut(&to).expect("it is there").open -= 1,
                        None => *self.on_account.entry(owner.clone()).or_default() += 1,
                    }
                }
                self.settle_for(&owner);
            }
            AccountFact::Disputed(dispute) => {
                let amount = dispute.amount.minor();
                self.papers.get_mut(&dispute.document).expect("it is there").disputed += amount;
                self.disputes.insert(dispute.id.clone(), (dispute.document.clone(), amount));
            }
            AccountFact::Resolved { resolution, credit } => {
                let (document, amount) = self.disputes[&resolution.dispute].clone();
                let paper = self.papers.get_mut(&document).expect("it is there");
                paper.disputed -= amount;
                let owner = paper.owner.clone();
                credit.iter().for_each(|credit| self.add(credit));
                self.settle_for(&owner);
            }
            AccountFact::Corrected { credit, replacement } => {
                self.add(credit);
                self.add(replacement);
                self.set_off(&credit.number, &replacement.number);
                self.settle(credit);
            }
            AccountFact::Closed { .. } => {}
        }
    }
}

fn payable(paper: &Paper) -> i128 {
    paper.open - paper.disputed
}

/// Something that is tried; numbers stand for choices among what there is then.
#[derive(Debug, Clone)]
enum Step {
    Issue { account: usize, lines: Vec<(usize, i64, i64, i128, i128)>, due: i64 },
    Pay { account: usize, amount: i128, named: Option<usize> },
    Dispute { document: usize, amount: i128 },
    Resolve { dispute: usize, favour: Side },
    Correct { document: usize, line: usize, amount: i128 },
    Close { back: i64 },
    Pass { days: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let line = (0..6_usize, -20..20_i64, 0..40_i64, -60..200_i128, 0..5_i128);
    let issue = (0..3_usize, proptest::collection::vec(line, 1..4), 0..40_i64)
        .prop_map(|(account, lines, due)| Step::Issue { account, lines, due });
    let pay = (0..3_usize, 1..300_i128, proptest::option::of(0..20_usize))
        .prop_map(|(account, amount, named)| Step::Pay { account, amount, named });
    let dispute = (0..20_usize, 1..150_i128)
        .prop_map(|(document, amount)| Step::Dispute { document, amount });
    let sides = prop_oneof![Just(Side::Landlord), Just(Side::Tenant)];
    let resolve =
        (0..8_usize, sides).prop_map(|(dispute, favour)| Step::Resolve { dispute, favour });
    let correct = (0..20_usize, 0..3_usize, 0..200_i128)
        .prop_map(|(document, line, amount)| Step::Correct { document, line, amount });
    let step = prop_oneof![
        4 => issue,
        4 => pay,
        3 => dispute,
        3 => resolve,
        2 => correct,
        1 => (1..40_i64).prop_map(|back| Step::Close { back }),
        3 => (1..25_i64).prop_map(|days| Step::Pass { days }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// A desk at which steps are tried, beside the slow model.
struct Trial {
    desk: Desk,
    slow: Slow,
    disputes: Vec<(String, String)>,
    asked: Vec<Request>,
}

impl Trial {
    fn new() -> Self {
        let desk = Desk::new(day("2026-03-01"));
        Self { desk, slow: Slow::default(), disputes: Vec::new(), asked: Vec::new() }
    }

    fn take(&mut self, step: &Step) {
        let today = self.desk.today;
        let later = |days: i64| today.saturating_add(jiff::Span::new().days(days));
        match step {
            Step::Issue { account, lines, due } => {
                let (tenant, unit) = ACCOUNTS[*account];
                let lines: Vec<LineSpec> = lines
                    .iter()
                    .map(|(kind, from, days, minor, tax)| {
                        let start = later(*from);
                        let end = start.saturating_add(jiff::Span::new().days(*days));
                        let tax = if minor.abs() > 5 { *tax } else { 0 };
                        (revenue(*kind), start, end, *minor, tax)
                    })
                    .collect();
                self.desk.issue(tenant, unit, &lines, *due);
                self.slow.issue(self.desk.issued.last().expect("one was issued"));
            }
            Step::Pass { days } => self.desk.today = later(*days),
            Step::Close { back } => self.ask(Request::Close { through: later(-back) }),
            Step::Pay { account, amount, named } => {
                let (tenant, unit) = ACCOUNTS[*account];
                let id = format!("payment-{}", self.asked.len());
                let named = named.and_then(|place| self.number(place));
                let named: Vec<&str> = named.iter().map(String::as_str).collect();
                self.ask(self.desk.pay(&id, tenant, money(*amount, unit), &named));
            }
            Step::Dispute { document, amount } => {
                let Some(document) = self.invoice(*document) else { return };
                let (tenant, unit) = (document.tenant.to_string(), document.currency.code());
                let id = format!("dispute-{}", self.asked.len());
                self.disputes.push((id.clone(), tenant.clone()));
                let amount = money(*amount, unit);
                self.ask(self.desk.dispute(&id, &tenant, &document.number, amount));
            }
            Step::Resolve { dispute, favour } => {
                let Some((id, tenant)) = self.disputes.get(*dispute).cloned() else { return };
                self.ask(self.desk.resolve(&id, &tenant, *favour));
            }
            Step::Correct { document, line, amount } => {
                let Some(document) = self.invoice(*document) else { return };
                let right = money(*amount, document.currency.code());
                self.ask(self.desk.correct(&document.number, vec![(*line, right)]));
            }
        }
    }

    fn ask(&mut self, request: Request) {
        if let Ok(Some(fact)) = self.desk.ask(&request) {
            self.slow.fold(&fact);
        }
        self.asked.push(request);
    }

    fn invoice(&self, place: usize) -> Option<Invoice> {
        self.desk.issued.get(place).cloned()
    }

    fn number(&self, place: usize) -> Option<String> {
        self.invoice(place).map(|invoice| invoice.number)
    }
}

fn revenue(kind: usize) -> Revenue {
    [
        Revenue::Fixed,
        Revenue::Usage,
        Revenue::Credits,
        Revenue::Interest,
        Revenue::Prepayments,
        Revenue::Deposits,
    ][kind]
}

/// What is earned of all documents through `through`, in minor units by currency: a line whose days
/// were over when it was billed whole, and of the others the share of the days that have passed.
fn earned(issued: &[Invoice], through: Day) -> BTreeMap<&'static str, i128> {
    let mut sums = BTreeMap::new();
    for invoice in issued {
        for (place, line) in invoice.lines.iter().enumerate() {
            if !line.revenue.is_earned() {
                continue;
            }
            let tax = invoice.taxes.iter().filter(|part| part.line == place);
            let net = line.amount.minor() - tax.map(|part| part.amount.minor()).sum::<i128>();
            let all = i128::from((line.end - line.start).get_days()) + 1;
            let passed = i128::from((through - line.start).get_days()) + 1;
            let over = line.end < invoice.issued;
            let passed = if over { all } else { passed.clamp(0, all) };
            let share = Ratio::new(net * passed, all).round_half_even();
            *sums.entry(invoice.currency.code()).or_default() += share;
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn documents_payments_and_disputes_move_as_money_does_unit_by_unit(steps in steps()) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.take(step);
            let books = &trial.desk.accounts;
            prop_assert_eq!(books.open_unlike_journal(), None);
            let open: Vec<(String, i128, i128)> = books
                .receivables()
                .documents()
                .map(|(number, d)| (number.to_owned(), d.open.minor(), d.disputed.minor()))
                .collect();
            let slow = trial.slow.papers.iter().map(|(n, p)| (n.clone(), p.open, p.disputed));
            prop_assert_eq!(open, slow.collect::<Vec<_>>());
            for (tenant, unit) in ACCOUNTS {
                let party = common::documents::party(tenant);
                let held = books.receivables().on_account(&party, common::currency(unit));
                let slow = trial.slow.on_account.get(&(tenant.to_owned(), unit));
                prop_assert_eq!(held.minor(), slow.copied().unwrap_or(0));
            }
        }
        let entries = trial.desk.accounts.journal().transactions();
        prop_assert!(entries.iter().all(|entry| entry.is_balanced()));
    }

    #[test]
    fn what_is_asked_again_changes_nothing(steps in steps()) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.take(step);
        }
        let before = trial.desk.accounts.clone();
        for request in &trial.asked {
            let again = trial.desk.ask(request);
            // What was refused may be allowed by now; it is no repetition then.
            if before != trial.desk.accounts {
                let fact = again.expect("it changed something").expect("it changed something");
                let known = match (&fact, request) {
                    (AccountFact::Paid(payment), _) => {
                        before.receivables().payment(&payment.tenant, &payment.id).is_some()
                    }
                    (AccountFact::Disputed(dispute), _) => {
                        before.receivables().dispute_of(&dispute.tenant, &dispute.id).is_some()
                    }
                    (AccountFact::Resolved { resolution, .. }, _) => {
                        let (tenant, id) = (&resolution.tenant, &resolution.dispute);
                        let record = before.receivables().dispute_of(tenant, id);
                        record.is_some_and(|record| record.resolution.is_some())
                    }
                    (AccountFact::Corrected { replacement, .. }, _) => {
                        let old = replacement.replaces.as_deref().expect("it replaces one");
                        let document = before.receivables().document(old);
                        document.is_some_and(|document| document.replaced_by.is_some())
                    }
                    (AccountFact::Closed { through }, _) => {
                        before.journal().closed_through() >= Some(*through)
                    }
                };
                prop_assert!(!known, "{:?} was done before", request);
                trial.desk.accounts = before.clone();
                trial.desk.issued.truncate(before.receivables().documents().count());
            }
        }
    }

    #[test]
    fn closed_days_and_issued_documents_never_change(steps in steps()) {
        let mut trial = Trial::new();
        let mut closed = None;
        let mut issued: Vec<Invoice> = Vec::new();
        for step in &steps {
            trial.take(step);
            let journal = trial.desk.accounts.journal();
            if let Some((day, balances)) = &closed {
                prop_assert_eq!(balances, &journal.trial_balance(*day));
            }
            closed = journal.closed_through().map(|day| (day, journal.trial_balance(day)));
            prop_assert_eq!(&trial.desk.issued[..issued.len()], &issued[..]);
            issued.clone_from(&trial.desk.issued);
        }
    }

    #[test]
    fn what_was_billed_is_recognised_or_deferred(steps in steps(), days in 0..60_i64) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.take(step);
        }
        // Corrections of what was corrected hold whatever was closed in between.
        let through = trial.desk.today.saturating_add(jiff::Span::new().days(days));
        trial.desk.accounts.recognise_through(through);
        let entries = trial.desk.accounts.journal().transactions();
        let expected = earned(&trial.desk.issued, through);
        for by in [By::Month, By::Lease, By::Tenant] {
            let report = revenue_report(entries, by);
            for row in report.rows.iter().map(|row| &row.amounts).chain(report.totals.values()) {
                prop_assert_eq!(row.billed, row.recognised.plus(row.deferred));
            }
            for (code, total) in &report.totals {
                let ours = expected.get(code).copied().unwrap_or(0);
                prop_assert_eq!(total.recognised.minor(), ours, "{}", code);
            }
        }
    }

    #[test]
    fn a_credit_note_and_its_replacement_net_to_zero(
        steps in steps(), place in 0..20_usize, days in 0..60_i64,
    ) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.take(step);
        }
        let Some(wrong) = trial.invoice(place) else { return Ok(()) };
        let mut without = trial.desk.accounts.clone();
        let again = trial.desk.correct(&wrong.number, Vec::new());
        if trial.desk.ask(&again).is_err() {
            return Ok(());
        }
        let through = trial.desk.today.saturating_add(jiff::Span::new().days(days));
        without.recognise_through(through);
        trial.desk.accounts.recognise_through(through);
        let nonzero = |books: &leasehold_ledger::Bookkeeping| {
            let mut all = books.journal().balances();
            all.retain(|_, balance| balance.minor() != 0);
            all
        };
        // What is paid may have moved to another document of the tenant, and so from its account.
        let owed = |account: &str| {
            account.starts_with("assets:receivable") || account.contains("on-account")
        };
        let (mut with, mut without) = (nonzero(&trial.desk.accounts), nonzero(&without));
        let mut sums = Vec::new();
        for side in [&mut with, &mut without] {
            let mut sum: BTreeMap<&str, i128> = BTreeMap::new();
            for ((account, code), balance) in side.iter() {
                if owed(account) {
                    *sum.entry(code).or_default() += balance.minor();
                }
            }
            sum.retain(|_, minor| *minor != 0);
            side.retain(|(account, _), _| !owed(account));
            sums.push(sum);
        }
        prop_assert_eq!(with, without);
        prop_assert_eq!(&sums[0], &sums[1]);
    }

    #[test]
    fn statements_and_rows_say_what_the_books_say(steps in steps(), cut in 0..60_i64) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.take(step);
        }
        let (books, today) = (&trial.desk.accounts, trial.desk.today);
        let entries = books.journal().transactions();
        let from = day("2026-03-01").saturating_add(jiff::Span::new().days(cut));
        for (tenant, unit) in ACCOUNTS {
            let party = common::documents::party(tenant);
            let all = statements(entries, &party, (from, Day::MAX));
            let found = all.into_iter().find(|one| one.currency.code() == unit);
            let Some(one) = found else { continue };
            let lines = one.lines.iter().fold(one.opening, |sum, line| sum.plus(line.amount));
            prop_assert_eq!(lines, one.closing);
            prop_assert_eq!(one.ageing.total().minus(one.on_account), one.closing);
            let held = books.receivables().on_account(&party, one.currency);
            prop_assert_eq!(one.on_account, held);
            let all = books.receivables().documents().map(|(_, document)| document);
            let mine: Vec<_> = all.filter(|d| d.tenant == party && d.open.currency() == one.currency).collect();
            let open: i128 = mine.iter().map(|document| document.open.minor()).sum();
            prop_assert_eq!(one.closing.minor(), open - held.minor());
            let now = statements(entries, &party, (from, today.max(from)));
            let overdue: i128 = mine
                .iter()
                .filter(|document| document.due < today && document.open.minor() > 0)
                .map(|document| document.open.minor())
                .sum();
            if let Some(now) = now.into_iter().find(|one| one.currency.code() == unit)
                && from <= today
            {
                let late = now.ageing.total().minus(now.ageing.current);
                prop_assert_eq!(late.minor(), overdue);
            }
        }
        let rows: Vec<_> = read(&leasehold_ledger::to_csv(entries));
        let again = entries_of(&rows).expect("the rows are a journal");
        prop_assert_eq!(again.as_slice(), entries);
    }
}

/// The rows of a CSV text without line breaks in its fields, after the header.
fn read(csv: &str) -> Vec<leasehold_ledger::JournalRow> {
    let row = |line: &str| {
        let mut fields = vec![String::new()];
        let mut quoted = false;
        for letter in line.chars() {
            match letter {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                _ => fields.last_mut().expect("there is one").push(letter),
            }
        }
        leasehold_ledger::JournalRow(fields.try_into().expect("ten columns"))
    };
    csv.lines().skip(1).map(row).collect()
}

fn fixed(minor: i128) -> [LineSpec; 1] {
    [(Revenue::Fixed, day("2026-03-01"), day("2026-03-31"), minor, 0)]
}

#[test]
fn a_document_goes_from_draft_to_paid() {
    let mut desk = Desk::new(day("2026-03-01"));
    let state = |desk: &Desk, number: &str| desk.accounts.receivables().state(number);
    assert_eq!(state(&desk, "landlord-2026-000001"), DocumentState::Draft);
    let number = desk.issue("acme", "USD", &fixed(1000), 30);
    assert_eq!(state(&desk, &number), DocumentState::Issued);
    desk.must(desk.pay("p1", "acme", money(400, "USD"), &[]));
    assert_eq!(state(&desk, &number), DocumentState::PartlyPaid);
    desk.must(desk.dispute("d1", "acme", &number, money(100, "USD")));
    assert_eq!(state(&desk, &number), DocumentState::Disputed);
    desk.must(desk.pay("p2", "acme", money(600, "USD"), &[]));
    assert_eq!(
        desk.accounts.journal().balances()[&balance("liabilities:prepayments:on-account:acme")]
            .minor(),
        -100
    );
    desk.must(desk.resolve("d1", "acme", Side::Landlord));
    assert_eq!(state(&desk, &number), DocumentState::Paid);
    let left = balances(desk.accounts.journal().transactions());
    assert_eq!(left[&balance("liabilities:prepayments:on-account:acme")].minor(), 0);
}

fn balance(account: &str) -> (String, &'static str) {
    (account.to_owned(), "USD")
}

#[test]
fn a_dispute_won_is_credited_line_by_line_with_its_tax() {
    let mut desk = Desk::new(day("2026-04-01"));
    let (first, last) = (day("2026-03-01"), day("2026-03-31"));
    let lines = [
        (Revenue::Fixed, first, last, 1190, 190),
        (Revenue::Usage, first, last, 119, 19),
        (Revenue::Tax, first, last, 33, 33),
        (Revenue::Prepayments, first, last, 1000, 0),
    ];
    let number = desk.issue("acme", "USD", &lines, 30);
    desk.must(desk.dispute("d1", "acme", &number, money(1171, "USD")));
    let fact = desk.must(desk.resolve("d1", "acme", Side::Tenant));
    let credit = documents(&fact).next().expect("a credit note");
    assert_eq!(credit.corrects.as_deref(), Some(number.as_str()));
    assert_eq!(credit.total, money(-1171, "USD"));
    let told: Vec<(LineKind, Revenue, i128)> =
        credit.lines.iter().map(|line| (line.kind, line.revenue, line.amount.minor())).collect();
    // Half of the document: 595, 59.5, 16.5 and 500, running totals rounded.
    let kind = LineKind::DisputeCredit;
    assert_eq!(
        told,
        [
            (kind, Revenue::Credits, -595),
            (kind, Revenue::Credits, -59),
            (kind, Revenue::Tax, -17),
            (kind, Revenue::Prepayments, -500)
        ]
    );
    let taxes: Vec<i128> = credit.taxes.iter().map(|part| part.amount.minor()).collect();
    assert_eq!(taxes, [-95, -9, -17]);
    let all = desk.accounts.journal().balances();
    let of = |account: &str| all[&balance(account)].minor();
    assert_eq!(of("contra-revenue:credits:acme-lease"), 500 + 50);
    assert_eq!(of("liabilities:tax:vat"), -(190 + 19 + 33) + 95 + 9 + 17);
    assert_eq!(of("liabilities:prepayments:acme-lease"), -500);
    assert_eq!(of("assets:disputed:acme"), 0);
}

#[test]
fn a_correction_gives_back_issues_again_and_links_both_ways() {
    let mut desk = Desk::new(day("2026-03-10"));
    let wrong = desk.issue("acme", "USD", &fixed(1000), 30);
    desk.must(desk.pay("p1", "acme", money(700, "USD"), &[&wrong]));
    let other = desk.issue("acme", "USD", &fixed(50), 30);
    desk.today = day("2026-03-20");
    let fact = desk.must(desk.correct(&wrong, vec![(0, money(900, "USD"))]));
    let [credit, again] = documents(&fact).collect::<Vec<_>>()[..] else { panic!("two") };
    assert_eq!(
        (credit.number.as_str(), again.number.as_str()),
        ("landlord-2026-000003", "landlord-2026-000004")
    );
    assert_eq!(credit.corrects.as_deref(), Some(wrong.as_str()));
    assert_eq!(again.replaces.as_deref(), Some(wrong.as_str()));
    assert_eq!(again.due, day("2026-04-19"), "thirty days, as before");
    let books = desk.accounts.receivables();
    let open = |number: &str| books.document(number).expect("it was issued").open.minor();
    assert_eq!(
        books.document(&wrong).expect("it was issued").replaced_by.as_ref(),
        Some(&again.number)
    );
    // The 700 that were paid of the first go to the second before anything else.
    let all = [&wrong, &other, &credit.number, &again.number].map(|number| open(number));
    assert_eq!(all, [0, 50, 0, 200]);
    let refused = desk.ask(&desk.correct(&wrong, Vec::new())).expect_err("it was corrected");
    assert!(refused.to_string().starts_with("corrects-once: "), "{refused}");
}

#[test]
fn a_document_ages_by_days_after_it_was_due() {
    let mut desk = Desk::new(day("2026-03-01"));
    desk.issue("acme", "USD", &fixed(1000), 0);
    desk.issue("acme", "USD", &fixed(-1), 0);
    desk.must(desk.pay("p1", "zenith", money(5, "USD"), &[]));
    let entries = desk.accounts.journal().transactions();
    let mut told = Vec::new();
    for after in [0, 1, 30, 31, 60, 61, 90, 91] {
        let on = day("2026-03-01").saturating_add(jiff::Span::new().days(after));
        let found = statements(entries, &common::documents::party("acme"), (desk.today, on));
        let [one] = &found[..] else { panic!("one currency") };
        let leasehold_ledger::Ageing { current, days_1_30, days_31_60, days_61_90, over_90 } =
            one.ageing;
        let all = [current, days_1_30, days_31_60, days_61_90, over_90];
        let place = all.iter().position(|amount| amount.minor() == 999);
        told.push((after, place.expect("all of it is in one bucket")));
    }
    let expected = [(0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4)];
    assert_eq!(told, expected);
}

#[test]
fn what_comes_late_is_entered_on_the_first_open_day_and_says_so() {
    let mut desk = Desk::new(day("2026-04-02"));
    desk.must(Request::Close { through: day("2026-03-31") });
    let usage = [(Revenue::Usage, day("2026-03-01"), day("2026-03-31"), 500, 0)];
    desk.issue("acme", "USD", &usage, 30);
    let entry = &desk.accounts.journal().transactions()[0];
    assert_eq!(entry.date, day("2026-04-01"));
    assert_eq!(entry.description, "A line of usage (late: of 2026-03-31, which is closed)");
}

#[test]
fn refusals_have_stable_names() {
    let mut desk = Desk::new(day("2026-03-10"));
    let number = desk.issue("acme", "USD", &fixed(1000), 30);
    desk.must(desk.pay("p1", "acme", money(300, "USD"), &[]));
    desk.must(desk.dispute("d1", "acme", &number, money(200, "USD")));
    desk.must(Request::Close { through: day("2026-03-05") });
    let usd = |minor| money(minor, "USD");
    let early = |request| match request {
        Request::Pay(payment) => {
            Request::Pay(leasehold_ledger::Payment { day: day("2026-03-05"), ..payment })
        }
        other => other,
    };
    let asked = [
        desk.pay("p2", "acme", usd(501), &[&number]),
        desk.pay("p2", "acme", money(5, "JPY"), &[&number]),
        desk.pay("p2", "acme", usd(0), &[]),
        desk.pay("p1", "acme", usd(301), &[]),
        desk.pay("p2", "zenith", usd(1), &[&number]),
        early(desk.pay("p2", "acme", usd(1), &[])),
        desk.dispute("d2", "acme", &number, usd(501)),
        desk.dispute("d2", "acme", "landlord-2026-000009", usd(1)),
        desk.resolve("d2", "acme", Side::Tenant),
        desk.resolve("d1", "zenith", Side::Tenant),
        desk.correct(&number, Vec::new()),
        desk.correct("landlord-2026-000009", Vec::new()),
        Request::Close { through: day("2026-03-10") },
    ];
    let before = desk.accounts.clone();
    let mut told = String::new();
    for request in &asked {
        let refusal = desk.ask(request).expect_err("it is refused");
        told.push_str(&format!("{refusal}\n"));
    }
    assert_eq!(before, desk.accounts, "a refusal changes nothing");
    insta::assert_snapshot!(told, @r#"
    within-what-is-open: 5.01 USD is more than the 5.00 USD that are open and not disputed
    same-currency: landlord-2026-000001 is in USD, not in JPY
    amount-is-positive: 0.00 is no amount to pay or dispute
    one-name-one-thing: p1 is the name of another one
    document-is-known: there is no document landlord-2026-000001 of this tenant
    period-is-open: 2026-03-05 is closed, as is every day through 2026-03-05
    within-what-is-open: 5.01 USD is more than the 5.00 USD that are open and not disputed
    document-is-known: there is no document landlord-2026-000009 of this tenant
    dispute-is-known: there is no dispute d2
    dispute-is-known: there is no dispute d1
    corrects-once: landlord-2026-000001 is disputed; resolve that first
    document-is-known: there is no document landlord-2026-000009 of this tenant
    day-has-come: 2026-03-10 is still to come or not over; it is 2026-03-10
    "#);
}
