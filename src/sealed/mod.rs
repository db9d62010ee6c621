//! Encryption at rest.
//!
//! A decorator of [`Backend`](crate::backend::Backend): what the engine writes are plain records; they are sealed before a
//! transaction has them, and opened when they were read. The engine knows of it only that a head may have a key table, that
//! it keeps, and that large records are best sealed before a transaction is begun (`Backend::seal`).
//!
//! From the bottom up: [`aead`] (ciphers, by crates), [`table`] (what the head says of keys), [`keys`] (from a credential to the
//! keys), [`vault`] (the keys of an open patch), [`record`] (the format), [`backend`] and [`connector`]; [`archive`] (the chunks of archives).

pub mod aead;
pub mod archive;
pub mod backend;
pub mod connector;
pub mod keys;
pub mod record;
pub mod table;
pub mod vault;

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod kinds_tests;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod patch_tests;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tabs_tests;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
