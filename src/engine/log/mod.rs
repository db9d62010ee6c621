//! log

pub mod flight;
pub mod intake;
pub mod recover;
