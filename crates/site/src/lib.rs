//! The plant: skus, pools, halls, racks, nodes and the power envelope.
