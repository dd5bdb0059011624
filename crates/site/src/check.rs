//! What must hold between the names of a site file.

use leasehold_diagnostics::{Field, Table};

/// Reports each name that an earlier one of its `kind` has already.
pub fn names_differ(root: &Table<'_>, kind: &str, names: &[Field<&str>]) {
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.value == name.value) {
            let message = format!("two {kind}s are named {}", name.value);
            root.report("duplicate-name", name.span.clone(), message, "a name of its own");
        }
    }
}

/// Reports each pool whose name reads like blocks of another pool: with a pool `a`, a pool `a-01`
/// would leave open which of the two the node name `a-01-02` begins with.
pub fn pool_names_stay_apart(root: &Table<'_>, names: &[Field<&str>]) {
    for name in names {
        let reads_like = |other: &&Field<&str>| {
            let rest = name.value.strip_prefix(other.value).and_then(|rest| rest.strip_prefix('-'));
            let part = rest.and_then(|rest| rest.split('-').next()).unwrap_or_default();
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
        };
        if let Some(other) = names.iter().find(reads_like) {
            let message =
                format!("pool {} reads like an array of pool {}", name.value, other.value);
            let expected = "a name that is not another pool's followed by `-` and a number";
            root.report("pool-names-apart", name.span.clone(), message, expected);
        }
    }
}
