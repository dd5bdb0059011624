//! `report.html`: one self-contained page that shows what a run came to.
//!
//! Drawn here, as SVG under HTML labels; the page loads nothing, and its own small script only
//! shows numbers under the pointer and opens the invoices for printing.

mod capacity;
mod chart;
mod events;
mod guarantee;
mod leases;
mod money;
mod page;
mod parties;
mod power;
mod stretches;
mod table;
pub(crate) mod words;

pub use page::{Heading, render};
