//! Lease terms and their versions: notice, entitlement and fee as step functions over civil days.
