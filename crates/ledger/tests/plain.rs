//! The journal as plain text: what hledger, ledger-cli and beancount make of it.

mod common;

use common::documents::{Desk, LineSpec, money};
use common::{day, programs};
use leasehold_lease::Side;
use leasehold_ledger::{Request, Revenue, beancount_accounts, to_beancount, to_ledger};

/// Everything that can stand in a journal: taxes on top and inside, prepayments and their use,
/// deposits, interest, credit notes, payments, money on account, disputes won and lost, a
/// correction and a closed period, in currencies of two, no and three digits.
fn everything() -> Desk {
    let mut desk = Desk::new(day("2026-03-01"));
    let (first, last) = (day("2026-03-01"), day("2026-03-31"));
    let (before, eve) = (day("2026-02-01"), day("2026-02-28"));
    let line = |revenue, minor, tax| -> LineSpec { (revenue, first, last, minor, tax) };
    let past = |revenue, minor, tax| -> LineSpec { (revenue, before, eve, minor, tax) };
    let mut numbers = Vec::new();
    for (tenant, unit) in [("acme.gmbh", "USD"), ("acme_gmbh", "JPY"), ("Zenith", "KWD")] {
        let lines = [
            line(Revenue::Fixed, 1_000_003, 0),
            line(Revenue::Tax, 190_001, 190_001),
            past(Revenue::Usage, 11_901, 1_900),
            past(Revenue::Credits, -5_950, -950),
            line(Revenue::Prepayments, 500_000, 0),
            line(Revenue::Deposits, 250_000, 0),
        ];
        numbers.push((tenant, unit, desk.issue(tenant, unit, &lines, 30)));
        let drawn = [
            line(Revenue::Fixed, 400_007, 0),
            line(Revenue::Prepayments, -400_007, 0),
            past(Revenue::Interest, 77, 0),
        ];
        desk.issue(tenant, unit, &drawn, 30);
        desk.issue(tenant, unit, &[past(Revenue::Credits, -1_234, 0)], 0);
    }
    desk.today = day("2026-03-12");
    for (tenant, unit, number) in &numbers {
        desk.must(desk.pay("first; half", tenant, money(600_000, unit), &[number]));
        desk.must(desk.dispute("a", tenant, number, money(70_001, unit)));
        desk.must(desk.dispute("b", tenant, number, money(30_003, unit)));
        desk.must(desk.dispute("c \"open\"", tenant, number, money(10_007, unit)));
    }
    desk.must(Request::Close { through: day("2026-03-10") });
    desk.today = day("2026-03-20");
    for (tenant, unit, number) in &numbers {
        desk.must(desk.resolve("a", tenant, Side::Tenant));
        desk.must(desk.resolve("b", tenant, Side::Landlord));
        let again = desk.issue(tenant, unit, &[past(Revenue::Usage, 9_999, 0)], 14);
        desk.must(desk.correct(&again, vec![(0, money(8_888, unit))]));
        assert!(desk.ask(&desk.correct(number, Vec::new())).is_err(), "it is disputed");
        desk.must(desk.pay("more than all", tenant, money(2_000_000, unit), &[]));
    }
    desk.accounts.recognise_through(day("2026-03-25"));
    desk
}

#[test]
fn three_programs_find_the_balances_of_a_journal_with_everything() {
    programs::agree(everything().accounts.journal().transactions());
}

#[test]
fn accounts_that_beancount_would_not_tell_apart_are_numbered() {
    let desk = everything();
    let names = beancount_accounts(desk.accounts.journal().transactions());
    let name = |account: &str| names[account].as_str();
    assert_eq!(name("assets:receivable:acme.gmbh"), "Assets:Receivable:Acme-gmbh");
    assert_eq!(name("assets:receivable:acme_gmbh"), "Assets:Receivable:Acme-gmbh-2");
    assert_eq!(name("contra-revenue:credits:Zenith-lease"), "Revenue:Contra:Credits:Zenith-lease");
}

#[test]
fn one_document_in_two_formats() {
    let mut desk = Desk::new(day("2026-03-01"));
    let fixed = (Revenue::Fixed, day("2026-03-01"), day("2026-03-31"), 1_190, 190);
    let number = desk.issue("acme", "KWD", &[fixed], 30);
    desk.must(desk.pay("a \"quick\"; one", "acme", money(1_190, "KWD"), &[&number]));
    let entries = desk.accounts.journal().transactions();
    insta::assert_snapshot!(to_ledger(entries), @r#"
    commodity KWD
        format 1000.000 KWD
    tag Lease
    tag Tenant
    tag Due
    tag Document
    account assets:cash
    account assets:receivable:acme
    account liabilities:deferred:acme-lease
    account liabilities:tax:vat

    2026-03-01 * (landlord-2026-000001) Invoice landlord-2026-000001 for acme-lease
        ; Lease: acme-lease
        ; Tenant: acme
        ; Due: 2026-03-31
        assets:receivable:acme            1.190 KWD
        liabilities:tax:vat              -0.190 KWD
        liabilities:deferred:acme-lease  -1.000 KWD

    2026-03-01 * (landlord-2026-000001) Payment a "quick", one of acme for landlord-2026-000001
        ; Lease: acme-lease
        ; Tenant: acme
        assets:cash              1.190 KWD
        assets:receivable:acme  -1.190 KWD
    "#);
    insta::assert_snapshot!(to_beancount(entries), @r#"
    option "name_income" "Revenue"
    2026-03-01 commodity KWD
    2026-03-01 open Assets:Cash
    2026-03-01 open Assets:Receivable:Acme
    2026-03-01 open Liabilities:Deferred:Acme-lease
    2026-03-01 open Liabilities:Tax:Vat

    2026-03-01 * "Invoice landlord-2026-000001 for acme-lease" ^landlord-2026-000001
        lease: "acme-lease"
        tenant: "acme"
        due: 2026-03-31
        Assets:Receivable:Acme            1.190 KWD
        Liabilities:Tax:Vat              -0.190 KWD
        Liabilities:Deferred:Acme-lease  -1.000 KWD

    2026-03-01 * "Payment a \"quick\"; one of acme for landlord-2026-000001" ^landlord-2026-000001
        lease: "acme-lease"
        tenant: "acme"
        Assets:Cash              1.190 KWD
        Assets:Receivable:Acme  -1.190 KWD
    "#);
}
