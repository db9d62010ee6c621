//! The JavaScript surface.

pub mod env;
pub mod errors;
pub mod hooks;
pub mod outcome;
pub mod session;
