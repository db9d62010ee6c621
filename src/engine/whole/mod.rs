//! whole

pub mod close;
pub mod copy;
pub mod harden;
pub mod lifecycle;
pub mod open;
pub mod probe;
pub mod stats;
pub mod walk;
