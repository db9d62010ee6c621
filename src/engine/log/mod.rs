//! log

pub mod flight;
pub mod intake;
pub mod reading;
pub mod recover;
