//! Reads databases in the plain layout: an object store `kv` with string keys beside its values.
//!
//! A wasm of its own, which the facade loads when something is first imported: pages that import
//! nothing do not pay for it.
#![cfg(target_arch = "wasm32")]

mod refusal;
mod source;

pub use refusal::Refusal;
pub use source::{PlainSource, open_source};
