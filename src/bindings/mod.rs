//! The JavaScript surface: what the facade (`src/facade`) calls.
//!
//! Exported objects are *ports*: every method takes `&self`, holds no borrow across an await, and is
//! one synchronous call; it returns a promise if data must be loaded or committed. [`values`] and
//! [`strings`] convert in both directions; [`collect`] returns results in bulk.

pub mod access;
pub mod adapter;
pub mod archive;
pub mod batch;
mod callback;
pub mod changes;
pub mod collect;
pub mod contents;
pub mod db;
pub mod db_watch;
pub mod errors;
pub mod hooks;
mod host;
pub mod keyring;
pub mod kv;
mod lifecycle;
mod migration;
pub mod op_log;
pub mod open;
mod outcome;
pub mod patch;
pub mod range;
pub mod reads;
mod refused;
mod scope;
pub mod session;
pub mod strings;
pub mod subscription;
pub mod subtle;
pub mod transaction;
pub mod update;
pub mod upload;
pub mod values;
pub mod watch;
#[cfg(feature = "simulation")]
pub mod world;
