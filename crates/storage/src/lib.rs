//! The event log: SQLite by default, PostgreSQL where the state must outlive the machine.
