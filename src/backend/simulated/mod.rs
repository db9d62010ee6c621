//! A backend whose transactions take virtual time and fail on demand. Native, and in the
//! wasm of tests (feature `simulation`).
//!
//! One [`SimDatabase`] is what all tabs of an origin share; each tab opens it through a
//! [`SimConnector`] of its own. Readwrite and readonly transactions alike take effect one after
//! the other in the order in which they were issued, each after a delay drawn by the seed, and
//! settle after a further delay, those of one connection in order. What belongs to a tab (its
//! callbacks) runs in the tab's realm, so that a frozen tab holds a flip open, and with it the
//! whole database, and a killed one lets go of it.

mod connection;
mod connector;
mod database;
mod disk;
mod fault;
mod timing;

pub use connector::SimConnector;
pub use database::SimDatabase;
pub use fault::Fault;
pub use timing::Timing;
