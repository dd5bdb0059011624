//! A running server, asked over its API: where it is and who asks, one request or command at a time, what
//! is printed of the answer. No rule of the product lives here; the server decides.

pub mod client;
pub mod columns;
pub mod contexts;
pub mod duration;
pub mod events;
pub mod place;
pub mod print;
pub mod script;
pub mod unix;

pub use client::{Ask, Client};
pub use place::client;
