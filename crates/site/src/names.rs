//! Names of nodes: `a-03-07-5` is pool a, array 3, rack 7, node 5, each counted from 1.

use crate::{Pool, Site};

impl Site {
    /// The name of node number `node`: pool, array, rack, node. Arrays and racks have at least two
    /// digits, and as many as the last one of the pool needs.
    pub fn node_name(&self, node: u32) -> String {
        let mut name = String::new();
        self.push_node_name(node, &mut name);
        name
    }

    /// Puts the name of node number `node` behind `text`, where names are written by the million.
    pub fn push_node_name(&self, node: u32, text: &mut String) {
        let pool = &self.pools[self.pool_of(node)];
        let offset = node - pool.first_node;
        let (rack, slot) = (offset / pool.nodes_per_rack, offset % pool.nodes_per_rack);
        let (array, rack) = (rack / pool.racks_per_array, rack % pool.racks_per_array);
        let (wide, less) = (digits(pool.arrays).max(2), digits(pool.racks_per_array).max(2));
        text.push_str(pool.id.as_str());
        for (number, width) in [(array + 1, wide), (rack + 1, less), (slot + 1, 1)] {
            text.push('-');
            text.extend(std::iter::repeat_n('0', width - digits(number).min(width)));
            text.push_str(itoa::Buffer::new().format(number));
        }
    }

    /// The nodes that a name stands for: one node (`a-03-07-5`), a rack (`a-03-07`), an array
    /// (`a-03`) or a pool (`a`).
    pub fn nodes_named(&self, name: &str) -> Option<std::ops::Range<u32>> {
        self.pools.iter().find_map(|pool| nodes_in(pool, name))
    }
}

fn nodes_in(pool: &Pool, name: &str) -> Option<std::ops::Range<u32>> {
    let rest = name.strip_prefix(pool.id.as_str())?;
    let mut parts = rest.split('-');
    if parts.next() != Some("") {
        return None;
    }
    let sizes = [
        (pool.arrays, pool.racks_per_array * pool.nodes_per_rack),
        (pool.racks_per_array, pool.nodes_per_rack),
        (pool.nodes_per_rack, 1),
    ];
    let (mut first, mut width) = (pool.first_node, pool.nodes());
    for ((count, nodes), part) in sizes.into_iter().zip(parts.by_ref()) {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        let number: u32 = digits.then(|| part.parse().ok()).flatten()?;
        if !(1..=count).contains(&number) {
            return None;
        }
        first += (number - 1) * nodes;
        width = nodes;
    }
    parts.next().is_none().then_some(first..first + width)
}

const fn digits(count: u32) -> usize {
    count.ilog10() as usize + 1
}
