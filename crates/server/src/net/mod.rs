//! Sockets: who may connect, how long they may take, how the server stops.

mod body;

pub use body::BodyTooSlow;
