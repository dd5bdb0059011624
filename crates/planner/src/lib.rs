//! Reads everything and writes nothing: schedule, headline and firm revenue.
