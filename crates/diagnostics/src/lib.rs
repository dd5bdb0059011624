//! Reads typed fields out of TOML text and reports every problem with its place and rule.
