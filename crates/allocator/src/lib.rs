//! From entitlement and supply to holdings: how many whole blocks, and which nodes.
