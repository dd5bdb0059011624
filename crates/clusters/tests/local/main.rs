//! Real processes on this machine: what is ordered happens once, ends in time, and is reported until it is forgotten.

mod faults;
mod host;
mod logs;
mod runs;
mod turnovers;
