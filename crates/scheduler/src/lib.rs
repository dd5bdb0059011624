//! Queues, gang placement, backfill, borrowing and reclaim.
