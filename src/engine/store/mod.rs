//! store

pub mod load;
pub mod room;
pub mod staging;
