//! The data models: key-value stores and collections of documents, as keys and records.
//!
//! Work here is written against [`access`](crate::engine::access): a `step` runs until it is
//! done or stopped, keeps its progress in itself, and goes on from there when it is called
//! again. A work on a batch starts over when the batch says that it is fresh.

pub mod adapter_log;
pub mod ahead;
pub mod contents;
pub mod documents;
pub mod freshness;
pub mod keys;
pub mod kv;
pub mod many;
pub mod migration;
pub mod names;
pub mod nodes;
pub mod op_log;
pub mod pace;
pub mod query;
pub mod scope;
pub mod watch;

pub use scope::Scope;

#[cfg(test)]
mod fake;
