//! The live control plane: the loop, the HTTP API, rights, metrics.

pub mod auth;
pub mod documentation;
pub mod limits;
pub mod net;
pub mod problem;
#[cfg(test)]
mod testing;
