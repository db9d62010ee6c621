//! Keeping the stored form small: flushes, merges, and deleting what is dead.
//!
//! [`flip`] is the transaction that makes a new [`directory`] live. [`flush`] turns the frames in memory into runs, and
//! [`cut`] their range tombstones into cuts; [`merge`] moves runs and levels downwards; [`expire`] takes out what is past;
//! [`dead`] finds pieces that newer cells hide, [`collect`] records that nothing refers to.
//!
//! [`maintain`] decides what is due, [`evict`] when to collect what has expired, [`poll`] when to look; [`tidy`] is for when
//! nothing else is to be done. [`fill`] says how full it is; [`relief`] takes the steps of the quota policy, [`compact`] all of them to the end.
//!
//! All of it holds the maintenance gate. Called by writing (a full log) and by whole-patch operations.

pub mod collect;
pub mod compact;
pub mod cut;
pub mod dead;
pub mod directory;
pub mod evict;
pub mod expire;
pub mod fill;
pub mod flip;
pub mod flush;
pub mod maintain;
pub mod merge;
pub mod policy;
pub mod poll;
pub mod relief;
pub mod tidy;
