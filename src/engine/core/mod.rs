//! core

pub mod bury;
pub mod done;
pub mod fitting;
pub mod gate;
pub mod group;
pub mod instance;
pub mod interest;
pub mod loading;
pub mod notice;
pub mod options;
pub mod pace;
pub mod queue;
pub mod recent;
pub mod shut;
pub mod slice;
pub mod slot;
pub mod state;
pub mod turns;
