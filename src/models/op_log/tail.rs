//! Hearing of new entries.

use std::rc::Rc;

use crate::codec::kinds::key::LOGGED;
use crate::engine::{Engine, Notice, Subscription};

/// Who is told when there may be new entries, by any tab, until it is dropped. It reads them itself, from the last one
/// that it knows: what a large batch wrote is not told one by one, nor what a cut log held.
pub struct Tail {
    _subscription: Subscription,
}

impl Tail {
    /// Calls `told` at such commits. It must not call back into the engine.
    #[must_use]
    pub fn new(engine: &Engine, told: Rc<dyn Fn()>) -> Self {
        let hear = move |notice: &Notice| {
            let concerned = match notice {
                Notice::Commit { writes, .. } => {
                    let is_entry = |key: &[u8]| key.first() == Some(&LOGGED);
                    writes.keys().iter().any(|key| is_entry(key))
                        || (writes.segments().iter()).any(|(first, last)| {
                            first.first() <= Some(&LOGGED) && last.first() >= Some(&LOGGED)
                        })
                }
                Notice::Cut => true,
                Notice::Closed(_) | Notice::Expiry | Notice::Quota { .. } => false,
            };
            if concerned {
                told();
            }
        };
        Self {
            _subscription: engine.subscribe(Rc::new(hear)),
        }
    }
}
