//! What is read from Slurm, what is wanted of it, and the commands between.

mod commands;
mod crashes;
mod deals;
mod fake;
mod record;
mod removal;
mod settings;
mod watch;
