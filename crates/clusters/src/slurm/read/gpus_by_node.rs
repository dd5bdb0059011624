//! How many GPUs a gang has on each of its nodes, where that is not the same on all.

/// GPUs of a job on some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGpus {
    /// The nodes.
    pub nodes: Vec<String>,
    /// GPUs on each of them.
    pub gpus: u32,
}
