//! keyspace

pub mod access;
pub mod cache;
pub mod draft;
pub mod entries;
pub mod estimate;
pub mod footprint;
pub mod ground;
pub mod memtable;
pub mod ranges;
pub mod scan;
pub mod segments;
pub mod snapshot;
pub mod source;
pub mod tree;
pub mod view;
