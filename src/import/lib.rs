//! Reads databases in the plain layout: an object store `kv` with string keys beside its values.
//!
//! This is a separate wasm, which the facade loads on the first import. Pages that never import do not
//! pay for it.
#![cfg(target_arch = "wasm32")]

mod refusal;
mod source;

pub use refusal::Refusal;
pub use source::{PlainSource, open_source};
