//! Usage intervals, charges, invoices and the journal.
