//! An ordered map of bytes to bytes with snapshots and atomic commits, shared by several tabs.

pub mod access;
