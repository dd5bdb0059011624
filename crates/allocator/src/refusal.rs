//! Why the site cannot carry a lease, and what it could carry instead. Says what is missing, never
//! who has it or how much anybody else holds.

use std::fmt;

use leasehold_lease::Amount;
use leasehold_units::{Day, Gpus, LeaseId, Nodes, Shape, Watts};

/// What runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// There are not enough nodes in service that are not promised.
    Nodes,
    /// There are enough nodes, but not in whole blocks.
    Shape,
    /// The envelope cannot feed what would be promised.
    Power,
    /// It would fit if nothing were set aside for failures.
    Reserve,
    /// The lease is for all, and not all is free.
    All,
}

/// An amount on some days that the site can carry beside everything that it carries already.
///
/// With this amount on these days in the place of the step that was refused, and the lease's other
/// steps as they are on all other days, the plan succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alternative {
    /// First day.
    pub from: Day,
    /// Last day, included.
    pub until: Day,
    /// How much, as a lease would say it.
    pub amount: Amount,
    /// The GPUs that this buys; on the leanest day, where it is all.
    pub gpus: Gpus,
    /// The nodes that they are in.
    pub nodes: Nodes,
    /// Their power on the lease's basis (facility contracted where it has none), rounded down.
    pub watts: Watts,
}

/// A lease that the site cannot carry on some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which lease.
    pub lease: LeaseId,
    /// First day on which it is short.
    pub from: Day,
    /// Last day of the step that is short.
    pub until: Day,
    /// The blocks that it is promised in.
    pub shape: Shape,
    /// What runs out.
    pub constraint: Constraint,
    /// What is short, with its unit; `all` for a lease of all.
    pub short_by: String,
    /// At most three that fit: the most on the days that were asked for, the nearest days before
    /// and after on which all of it fits, and in the place of what is missing of these the longest
    /// parts of the days that were asked for.
    pub alternatives: Vec<Alternative>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = match self.shape {
            Shape::Node => "nodes",
            Shape::Rack => "whole racks",
            Shape::Array => "whole arrays",
        };
        let why = match self.constraint {
            Constraint::Nodes => "are not left",
            Constraint::Shape => "are not left, although there are enough nodes",
            Constraint::Power => "cannot be fed by the envelope",
            Constraint::Reserve => "are set aside for failures",
            Constraint::All => "is asked for and is not free",
        };
        let Self { lease, from, until, short_by, .. } = self;
        write!(
            f,
            "{lease} cannot be carried from {from} to {until}: {short_by} in {shape} {why}; "
        )?;
        if self.alternatives.is_empty() {
            return f.write_str("nothing near it would fit");
        }
        f.write_str("what would fit: ")?;
        for (index, alternative) in self.alternatives.iter().enumerate() {
            let before = if index == 0 { "" } else { ", " };
            write!(f, "{before}{alternative}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until, gpus, nodes, watts, .. } = self;
        match self.amount {
            Amount::All => f.write_str("all"),
            Amount::Power(watts) => write!(f, "{watts} W"),
            Amount::Gpus(gpus) => write!(f, "{gpus} GPU"),
            Amount::Nodes(nodes) => write!(f, "{nodes} node"),
            Amount::Racks(racks) => write!(f, "{racks} rack"),
            Amount::Arrays(arrays) => write!(f, "{arrays} array"),
        }?;
        write!(f, " from {from} to {until} ({gpus} GPU, {nodes} node, {watts} W)")
    }
}

impl std::error::Error for Refusal {}
