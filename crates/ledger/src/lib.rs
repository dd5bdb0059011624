//! From usage intervals to charges, invoices and the journal, with service credits.
//!
//! Everything is exact: GPU-seconds are integers, energy and prices are ratios, and an amount is
//! rounded once, at its line. Nothing here updates or deletes what was issued or posted: a
//! correction is a new line of a new document.

mod audit;
mod basis;
mod billing;
mod bookkeeping;
mod calendar;
mod charges;
mod chart;
mod conservation;
mod correction;
mod delivery;
mod document;
pub mod focus;
mod formula;
mod interest;
mod invoice;
mod journal;
mod meter;
mod plain;
mod readings;
mod receivables;
mod record;
mod rederive;
mod revenue;
mod service;
mod statement;
mod usage;
mod wording;

pub use audit::{Audit, AuditFinding};
pub use basis::BillingBasis;
pub use billing::{BilledLease, Biller, OpenDocument, standing_days, tax_inside};
pub use bookkeeping::{AccountFact, AccountRefusal, Bookkeeping, Numbers, Request};
pub use conservation::{Conservation, ConservationError, NodeImbalance, StateImbalance};
pub use correction::{Correction, credit_note, dispute_credit, replacement};
pub use document::*;
pub use formula::{FormulaError, evaluate, number};
pub use interest::{InterestDue, InterestSpan, late_interest};
pub use invoice::{Derivation, DueLine, Invoice, Line, LineKind, Revenue, TaxPart, TermsDigest};
pub use journal::{Balances, Journal, Posting, Transaction, balances};
pub use leasehold_lease::FeePeriod;
pub use meter::Meter;
pub use plain::{
    JOURNAL_COLUMNS, JournalRow, RowError, beancount_accounts, entries_of, to_beancount, to_csv,
    to_hledger, to_ledger,
};
pub use readings::PeriodReadings;
pub use receivables::{
    Dispute, DisputeRecord, DocumentState, Movement, MovementKind, Payment, Receivable,
    Receivables, Resolution,
};
pub use record::{Fact, Record, RecordDigest, RecordError};
pub use rederive::{Rederivation, RederiveError, UsageError};
pub use revenue::{
    By, LeaseToDate, MajorTenant, RevenueAmounts, RevenueReport, RevenueRow, revenue_report,
    to_date,
};
pub use service::*;
pub use statement::{Ageing, Statement, StatementKind, StatementLine, statements};
pub use usage::{GpuState, LeaseIndex, PartyIndex, StateTotals, UsageInterval};
pub use wording::month_name;
