//! core

pub mod bury;
pub mod done;
pub mod gate;
pub mod instance;
pub mod interest;
pub mod notice;
pub mod options;
pub mod queue;
pub mod realm;
pub mod recent;
pub mod slice;
pub mod slot;
pub mod state;
