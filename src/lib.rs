//! patchstore: a storage engine for the browser, over IndexedDB.
//!
//! The layers, from the bottom up: [`backend`] (where records lie), [`codec`] (what bytes
//! mean), [`engine`] (an ordered keyspace with snapshots, atomic commits and transactions,
//! shared by several tabs), [`models`] (key-value stores and document collections) and, on
//! wasm32 only, the `bindings` to JavaScript. `ARCHITECTURE.md` has the map and the terms,
//! `docs/architecture/formats.md` the formats.

pub mod backend;
pub mod blobs;
pub mod codec;
pub mod engine;
pub mod env;
pub mod error;
pub mod limits;
pub mod models;
pub mod record;
pub mod sealed;
mod sorted;

#[cfg(target_arch = "wasm32")]
pub mod bindings;
#[cfg(target_arch = "wasm32")]
mod crossing;
#[cfg(any(not(target_arch = "wasm32"), feature = "simulation"))]
pub mod simulation;

pub use error::{Code, Error, Result};
