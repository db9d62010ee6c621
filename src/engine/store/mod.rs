//! store

pub mod connection;
pub mod garbage;
pub mod load;
pub mod pieces;
pub mod room;
pub mod staging;
