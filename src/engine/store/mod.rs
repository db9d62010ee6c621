//! The stored records: reading them, writing them ahead, deleting them.
//!
//! [`connection`] reads, opens a lost connection again and says what a failure means; [`load`] brings into the cache
//! what attempts lack, once for all who want it; [`staging`] writes segments and [`pieces`] before the transaction that
//! makes them live; [`garbage`] deletes what is not referred to any more, unless it is [`held`]; [`room`] finds room where a quota is hit,
//! from where [`sources`] says.
//!
//! Called by the log, upkeep and writing. It decides nothing about what is live.

pub mod connection;
pub mod garbage;
pub mod held;
pub mod load;
pub mod pieces;
pub mod room;
pub mod sources;
pub mod staging;
