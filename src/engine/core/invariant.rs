//! States that cannot be.
//!
//! What must hold is asserted where it is relied upon: before something is written, and again after it was read, on
//! both sides of a border. In a test a broken invariant panics; elsewhere it ends this one engine with `Internal`,
//! before anything is written that could do harm. What was committed is as it was, and opening again recovers.
//! (Bytes from the store are no invariant: what is wrong with them is `Corrupt`.)

use std::rc::Rc;

use super::instance::Core;
use super::options::Reason;
use super::shut::shut;
use crate::error::{Error, Result};

/// Goes on only if the condition holds: else it panics in tests, and elsewhere ends the engine.
macro_rules! invariant {
    ($core:expr, $holds:expr, $what:expr) => {
        if !$holds {
            return Err($crate::engine::core::invariant::broken($core, $what).into());
        }
    };
}
pub(in crate::engine) use invariant;

/// The same of what was checked by somebody else.
///
/// # Errors
/// `Internal`.
pub fn checked(core: &Rc<Core>, holds: std::result::Result<(), &'static str>) -> Result<()> {
    holds.map_err(|what| broken(core, what))
}

/// The same where no caller can be given an error; whether it holds.
pub fn must(core: &Rc<Core>, holds: bool, what: &'static str) -> bool {
    if !holds {
        drop(broken(core, what));
    }
    holds
}

/// Panics in tests; elsewhere ends the engine. The state must not be borrowed.
pub fn broken(core: &Rc<Core>, what: &'static str) -> Error {
    debug_assert!(false, "an invariant is broken: {what}");
    end(core, what)
}

fn end(core: &Rc<Core>, what: &'static str) -> Error {
    shut(core, Reason::Broken(what));
    Error::broken(what)
}

#[cfg(test)]
mod tests;
