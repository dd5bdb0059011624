//! Readers of job traces.

pub mod swf;
