//! The server seen from outside: who may do what, what each party is told of the others, and what becomes
//! of hostile requests.

mod commands;
mod confidential;
mod hostile;
mod rights;
mod support;
