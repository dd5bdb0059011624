//! Where jobs run: carries out what is desired, reports what is.
//!
//! Nothing here decides what runs where, and no reading is invented.

pub mod local;
pub mod slurm;
