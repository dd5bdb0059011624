//! Documents and leases as FOCUS has them, the specification of cost and usage data of the FinOps
//! Foundation: rows and columns, without files. What a column means for a lease is in docs/focus.md.
//!
//! The rows of a document add up to its total, exactly.

mod commitment;
mod cost;
mod rows;
mod value;

pub use commitment::{
    COMMITMENT_COLUMNS, COMMITMENT_COLUMNS_1_4, CommitmentRow, LifecycleStatus,
    contract_commitments,
};
pub use cost::{
    COST_COLUMNS, CapacityStatus, ChargeCategory, ChargeClass, ChargeFrequency, CostRow, Price,
    Quantity, Sku,
};
pub use rows::{FocusLease, UsedAndIdle};
pub use value::{Cell, Column, ColumnKind, Decimal, SCALE};
