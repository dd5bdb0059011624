//! The GPUs that are really there.

use super::wire::{Node, NodeShare};
use nvml_wrapper::Nvml;

/// The UUIDs of all GPUs in NVML's order; none where there is no NVML.
pub(crate) fn found() -> Vec<String> {
    let Ok(nvml) = Nvml::init() else { return Vec::new() };
    let count = nvml.device_count().unwrap_or(0);
    (0..count)
        .filter_map(|index| nvml.device_by_index(index).and_then(|device| device.uuid()).ok())
        .collect()
}

/// The value of `CUDA_VISIBLE_DEVICES` for what a run uses, or `None` where no GPU was found and nothing is to be hidden.
///
/// GPUs of all nodes are counted through in the nodes' order; the n-th is the n-th that was found. One beyond what was
/// found is emulated and maps to nothing, so a run never sees a GPU that is not its own.
pub(crate) fn visible(found: &[String], nodes: &[Node], shares: &[NodeShare]) -> Option<String> {
    if found.is_empty() {
        return None;
    }
    let mut visible = Vec::new();
    for share in shares {
        let before = nodes.iter().take_while(|node| node.name != share.name);
        let first: usize = before.map(|node| usize::from(node.gpus)).sum();
        visible.extend(
            share.gpus.iter().filter_map(|&gpu| found.get(first + usize::from(gpu))).cloned(),
        );
    }
    Some(visible.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_sees_its_own_gpus_and_no_others() {
        let found: Vec<String> = (0..3).map(|n| format!("GPU-{n}")).collect();
        let node = |name: &str| Node { name: name.into(), gpus: 2 };
        let share = |name: &str, gpus: &[u8]| NodeShare { name: name.into(), gpus: gpus.into() };
        let nodes = [node("a"), node("b")];
        assert_eq!(visible(&[], &nodes, &[share("a", &[0])]), None);
        assert_eq!(
            visible(&found, &nodes, &[share("a", &[1]), share("b", &[0])]).as_deref(),
            Some("GPU-1,GPU-2")
        );
        assert_eq!(
            visible(&found, &nodes, &[share("b", &[1])]).as_deref(),
            Some(""),
            "beyond what is there"
        );
        assert_eq!(visible(&found, &nodes, &[]).as_deref(), Some(""), "no GPU asked for");
    }
}
