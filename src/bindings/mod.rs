//! The JavaScript surface: what the facade (`src/facade`) calls.
//!
//! Exported objects are *ports*: every method takes `&self`, holds no borrow over an await, and is
//! one synchronous call; what must be loaded or committed comes as a promise. [`values`] carries
//! values in both directions, [`strings`] strings, [`collect`] results in bulk.

pub mod adapter;
pub mod batch;
pub mod changes;
pub mod collect;
pub mod db;
pub mod errors;
pub mod hooks;
mod host;
pub mod kv;
mod lifecycle;
pub mod outcome;
pub mod patch;
pub mod range;
mod scope;
pub mod session;
pub mod strings;
pub mod transaction;
pub mod update;
pub mod values;
pub mod watch;
#[cfg(feature = "simulation")]
pub mod world;
