//! A virtual clock over the control state machine: workloads, trace readers, faults, reports.
