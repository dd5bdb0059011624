//! Slurm's answers as values. A field that cannot be read is an error that names command, line, field and what was expected;
//! nothing is guessed, except where a version of Slurm leaves a field out, and then the type says that it may be absent.

pub mod accounting;
pub mod accounts;
pub mod config;
pub mod gpus_by_node;
pub mod jobs;
pub mod jobs_json;
pub mod nodes;
pub mod partitions;
pub mod reservations;
mod text;

pub use accounting::{NodeDowntime, Run};
pub use accounts::{AccountRow, AssociationRow, QosRow, UserRow};
pub use config::SlurmConfig;
pub use gpus_by_node::NodeGpus;
pub use jobs::{ArrayTask, JobState, SlurmJob};
pub use nodes::{NodeBase, NodeCondition, NodeReason, SlurmNode};
pub use partitions::SlurmPartition;
pub use reservations::SlurmReservation;
