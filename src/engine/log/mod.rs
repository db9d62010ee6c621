//! The log, which is the truth: taking in frames, and finding out what became of one's own.
//!
//! [`intake`] reads the frames that other tabs have committed, and [`replay`] applies them; [`reload`] builds the committed
//! layers anew after their flips; [`life`] closes the engine where the patch is another's by now. [`flight`] brings this
//! realm's frame in flight to its end; [`recover`] finds out what became of it when its transaction did not say; [`reading`]
//! goes on with a read whose view was cleared away.
//!
//! Called by upkeep and writing, and by whatever must know what is stored now.

pub mod flight;
pub mod intake;
pub mod life;
pub mod reading;
pub mod recover;
pub mod reload;
pub mod replay;
pub mod stored;
