//! The live control plane: the loop, the HTTP API, rights, metrics.
