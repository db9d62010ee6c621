//! keyspace

pub mod access;
pub mod cache;
pub mod draft;
pub mod entries;
pub mod footprint;
pub mod memtable;
pub mod ranges;
pub mod scan;
pub mod segments;
pub mod source;
pub mod tree;
pub mod view;
