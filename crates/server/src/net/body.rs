//! Bodies of requests, which have to arrive in time.

use std::error::Error;

/// The body of a request did not arrive in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body of the request did not arrive in time")]
pub struct BodyTooSlow;

impl BodyTooSlow {
    /// Whether `error` goes back to a body that was too slow.
    pub fn caused(error: &(dyn Error + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}
