//! Step functions: a value that holds from one key until the next.

use serde::{Deserialize, Serialize};

/// A step function over `K`: sorted breakpoints, each with the value that holds from there on.
/// Before the first breakpoint there is no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps<K, V> {
    steps: Vec<(K, V)>,
}

impl<K: Ord + Copy, V> Steps<K, V> {
    /// A function without a step.
    pub const fn new() -> Self {
        Self { steps: Vec::new() }
    }

    /// The function with these breakpoints, in any order. Of two at one key, the later wins.
    pub fn from_breakpoints(breakpoints: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut steps: Vec<(K, V)> = Vec::new();
        let mut sorted: Vec<(K, V)> = breakpoints.into_iter().collect();
        sorted.sort_by_key(|(key, _)| *key);
        for (key, value) in sorted {
            if steps.last().is_some_and(|(last, _)| *last == key) {
                steps.pop();
            }
            steps.push((key, value));
        }
        Self { steps }
    }

    /// The value that holds at `key`, or nothing before the first breakpoint.
    pub fn at(&self, key: K) -> Option<&V> {
        let after = self.steps.partition_point(|(from, _)| *from <= key);
        after.checked_sub(1).map(|index| &self.steps[index].1)
    }

    /// The first breakpoint after `key`.
    pub fn next_after(&self, key: K) -> Option<K> {
        let after = self.steps.partition_point(|(from, _)| *from <= key);
        self.steps.get(after).map(|(from, _)| *from)
    }

    /// The breakpoints in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (K, &V)> {
        self.steps.iter().map(|(key, value)| (*key, value))
    }

    /// Whether there is no step at all.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl<K: Ord + Copy, V> Default for Steps<K, V> {
    fn default() -> Self {
        Self::new()
    }
}
