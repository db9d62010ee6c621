//! A deterministic world for tests: virtual time, seeded randomness, and an executor that picks
//! among the ready tasks by the seed. Native, and in the wasm of tests (feature `simulation`).
//!
//! The same seed replays the same run, poll for poll. Time stands still while anything is
//! ready, but for a microsecond at each look at the clock and each poll, and jumps to the
//! next timer when nothing is.

mod env;
mod executor;
mod turnstile;

pub use env::SimEnv;
pub use turnstile::{Gate, Turnstile};
