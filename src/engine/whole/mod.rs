//! whole

pub mod close;
pub mod copy;
pub mod lifecycle;
pub mod open;
pub mod stats;
pub mod walk;
