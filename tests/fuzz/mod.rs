//! Inputs, decoders, and the memory that they take.

pub mod corpus;
pub mod memory;
pub mod targets;
