//! The quantities that every other floor speaks in.
//!
//! Everything here is an integer or an exact ratio of integers: seconds, GPUs, watts, minor units
//! of a currency. Nothing here reads a clock, holds a float or does I/O.

mod basis;
pub mod decimal;
mod grouped;
mod id;
mod money;
mod quantity;
mod ratio;
mod steps;
mod stored;
mod time;

pub use basis::{PowerBasis, Shape};
pub use grouped::grouped;
pub use id::{LeaseId, Name, NameError, OutageId, PartyId, PoolId, SiteId, SkuId};
pub use money::{Currency, Money, MoneyError};
pub use quantity::{GpuSeconds, Gpus, Nodes, WattSeconds, Watts};
pub use ratio::{Ratio, RatioError};
pub use steps::Steps;
pub use time::{Day, Instant, Interval, Month, Seconds, Zone, ZoneError};
