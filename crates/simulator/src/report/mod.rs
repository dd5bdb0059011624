//! `report.html`: one self-contained page that shows what a run came to.
//!
//! Drawn here, as SVG; the page loads nothing, and its own small script only shows numbers under
//! the pointer.

mod capacity;
mod chart;
mod leases;
mod money;
mod page;
mod reclaim;
pub(crate) mod words;

pub use page::{Heading, render};
