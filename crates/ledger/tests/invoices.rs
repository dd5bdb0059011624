//! What a lease's invoices say, and when they are issued.

mod common;

use common::{all_invoices, day, fine, schedule, terms, usd};
use leasehold_ledger::{BilledLease, Biller, Invoice};
use leasehold_units::Ratio;

/// One line a document: issue day, number, total; then its lines.
fn outline(invoices: &[Invoice]) -> String {
    let mut text = String::new();
    for invoice in invoices {
        text += &format!("{} {} {}\n", invoice.issued, invoice.number, invoice.total);
        for line in &invoice.lines {
            text += &format!("    {:>16} {}\n", line.amount.to_string(), line.description);
        }
    }
    text
}

#[test]
fn twelve_of_thirty_one_days_in_advance_are_exact() {
    let terms = [terms("2026-05-20", "2026-06-30")];
    let periods = schedule(&terms[0], terms[0].end, |_| (Ratio::ONE, 1));
    let lease = BilledLease { versions: &terms, periods: &periods };
    let mut biller = Biller::new();
    let invoices = all_invoices(&mut biller, &lease, day("2026-05-01"), &fine);
    assert_eq!(invoices[0].total, usd("483870967.74"));
    insta::assert_snapshot!(outline(&invoices), @r#"
    2026-05-20 xai-2026-000001 483870967.74
            483870967.74 Fixed fee, May 2026 (2026-05-20 to 2026-05-31), 12 of 31 days
    2026-06-01 xai-2026-000002 1250000062.00
                   62.00 Energy, May 2026 (2026-05-20 to 2026-05-31): 1000.000 kWh at 0.062 USD
           1250000000.00 Fixed fee, June 2026
    2026-07-01 xai-2026-000003 62.00
                   62.00 Energy, June 2026: 1000.000 kWh at 0.062 USD
    "#);
}
