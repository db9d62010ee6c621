//! What one open engine consists of, and what of it changes.
//!
//! [`instance::Core`] holds the parts; [`state::State`] is everything that changes, behind one `RefCell` that is
//! never borrowed across an await. The [`queue`] keeps uncommitted calls in program order, gathered into
//! [`group`]s of which each becomes a frame. [`notice`] and [`interest`] tell others of changes; [`gate`] and
//! [`slice`](mod@slice) order and pace work; [`turns`] is what a realm knows of turns at the log.
//!
//! Nothing here touches the storage. What must start work that lies above does so by [`instance::Signals`].
//! Every room above may call it.

pub mod budget;
pub mod bury;
pub mod done;
pub mod fitting;
pub mod gate;
pub mod group;
pub mod instance;
pub mod interest;
pub mod invariant;
pub mod loading;
pub mod notice;
pub mod options;
pub mod pace;
pub mod queue;
pub mod quota;
pub mod recent;
pub mod shut;
pub mod slice;
pub mod slot;
pub mod state;
pub mod turns;
