//! Ends the run when an input takes far too long, naming that input: a test that hangs names nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Far above what any input takes, also on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(20);

/// The target and the input, and since when.
type Current = Mutex<Option<(Instant, &'static str, Vec<u8>)>>;

/// Watches one thread's inputs.
pub struct Watchdog(Arc<Current>);

impl Watchdog {
    /// Begins to watch.
    #[expect(
        clippy::disallowed_methods,
        reason = "real time, on a real thread, is what a hang is made of"
    )]
    pub fn start() -> Self {
        let current = Arc::new(Current::default());
        let watched = Arc::downgrade(&current);
        std::thread::spawn(move || {
            while let Some(current) = watched.upgrade() {
                bark(&current);
                drop(current);
                std::thread::sleep(PATIENCE / 20);
            }
        });
        Self(current)
    }

    /// The next input begins.
    #[expect(clippy::disallowed_methods, reason = "as above")]
    pub fn begins(&self, target: &'static str, input: &[u8]) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some((Instant::now(), target, input.to_vec()));
    }
}

fn bark(current: &Current) {
    let current = current.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((since, target, input)) = &*current
        && since.elapsed() > PATIENCE
    {
        eprintln!("it takes for ever: {}", super::replay(target, input));
        std::process::abort();
    }
}
