//! What concerns a patch as a whole: opening, closing, deleting, copying, counting it.
//!
//! [`open`] makes an engine of what is stored, and gives it the signals by which lower rooms start higher ones.
//! [`lifecycle`] deletes; [`copy`] makes another patch of all that a view shows, going through it by a [`walk`], and [`filling`] its directory;
//! [`export`] makes an archive of it, and [`import`] a patch of that;
//! [`convert`] puts it under another key, over a connection [`onto`] itself;
//! [`unlock`] finds the keys first; [`stats`] counts; [`harden`] makes what was acknowledged survive a power cut; [`probe`] tries what a storage keeps.
//!
//! Called by the engine's door only.

pub mod close;
pub mod convert;
pub mod copy;
pub mod export;
pub mod filling;
pub mod harden;
pub mod import;
pub mod keyring;
pub mod lifecycle;
pub mod onto;
pub mod open;
pub mod probe;
pub mod stats;
pub mod unlock;
pub mod walk;
