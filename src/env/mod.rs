//! Time, randomness and scheduling: everything the engine wants of the world besides storage.
//!
//! They come in through this trait so that a simulation can decide them; clippy forbids the
//! real ones inside the engine.

#[cfg(target_arch = "wasm32")]
pub mod browser;

use futures_util::future::LocalBoxFuture;

/// The world as the engine sees it. Single-threaded: futures need not be `Send`.
pub trait Env {
    /// Wall-clock time, milliseconds since the epoch.
    fn now_ms(&self) -> f64;
    /// A clock that never goes back, milliseconds since some moment.
    fn monotonic_ms(&self) -> f64;
    /// Steps of long work between two looks at that clock: a look may cost more than many steps.
    fn steps_per_look(&self) -> u32 {
        64
    }
    /// Fills `bytes` with random bytes, cryptographically strong outside simulations.
    fn fill_random(&self, bytes: &mut [u8]);
    /// Resolves after at least `ms` milliseconds.
    fn sleep(&self, ms: u32) -> LocalBoxFuture<'static, ()>;
    /// Resolves in a later task, so that the host can do other work in between.
    fn yield_now(&self) -> LocalBoxFuture<'static, ()>;
    /// Runs a future to its end in the background.
    fn spawn(&self, future: LocalBoxFuture<'static, ()>);
}
