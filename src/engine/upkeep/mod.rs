//! upkeep

pub mod collect;
pub mod cut;
pub mod dead;
pub mod directory;
pub mod flip;
pub mod flush;
pub mod maintain;
pub mod merge;
pub mod poll;
