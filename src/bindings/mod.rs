//! The JavaScript surface: what the facade (`src/facade`) calls.
//!
//! Exported objects are *ports*: every method takes `&self`, holds no borrow across an await, and is
//! one synchronous call; it returns a promise if data must be loaded or committed. [`values`] and
//! [`strings`] convert in both directions; [`collect`] returns results in bulk.

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
pub mod op_log;
pub mod open;
mod outcome;
pub mod patch;
pub mod range;
mod scope;
pub mod session;
pub mod strings;
pub mod subscription;
pub mod transaction;
pub mod update;
pub mod values;
pub mod watch;
#[cfg(feature = "simulation")]
pub mod world;
