//! The log, which is the truth: taking in frames, and finding out what became of one's own.
//!
//! [`intake`] applies the frames that other tabs have committed, and builds the committed layers anew after their
//! flips; [`flight`] brings this realm's frame in flight to its end; [`recover`] finds out what became of it when its
//! transaction did not say; [`reading`] goes on with a read whose view was cleared away.
//!
//! Called by upkeep and writing, and by whatever must know what is stored now.

pub mod flight;
pub mod intake;
pub mod reading;
pub mod recover;
pub mod stored;
