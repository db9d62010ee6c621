//! The ordered map of bytes to bytes, as one realm sees it at one moment.
//!
//! A [`view`] stacks layers: the realm's own pending groups and the frames above the directory as
//! [`memtable`]s, then the runs and levels of the directory, whose segments the [`cache`] holds. Reads go
//! through a [`scan`] that merges the [`source`]s of a view; work runs against a [`snapshot`] or builds a
//! [`draft`], and a [`footprint`] says what it read and wrote. What is not in memory is asked for by
//! [`access::Need`], never loaded here: nothing in this room waits, writes, or knows of tabs. The [`catalog`] alone is all in
//! memory, beside the layers.
//!
//! Anyone in the engine may call it. It knows the codec, and nothing of the engine.

pub mod access;
pub mod cache;
pub mod cached;
pub mod catalog;
pub mod cited;
pub mod clock;
pub mod context;
pub mod draft;
pub mod entries;
pub mod estimate;
pub mod footprint;
pub mod landings;
pub mod letting_go;
pub mod memtable;
pub mod needs;
pub mod now;
pub mod ranges;
pub mod read_set;
pub mod scan;
pub mod segments;
pub mod snapshot;
pub mod source;
pub mod tree;
pub mod view;
