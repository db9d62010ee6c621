//! What is switched on in a patch, and the time and stamps that it goes by.

use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::Engine;
use super::access::{Catalog, Session};
use crate::codec::feature::Feature;
use crate::codec::frame;
use crate::codec::head::OpLog;
use crate::codec::stamp::Stamp;
use crate::error::Result;

impl Engine {
    /// Switches a feature on, for good: older libraries cannot open the patch any more. Fine if it is on. Calls issued
    /// later run with it.
    ///
    /// # Errors
    /// `Conflict` when other tabs have written all the while, `StorageQuotaExceeded`, `ConnectionLost`, …
    #[must_use]
    pub fn switch_on(&self, feature: Feature) -> LocalBoxFuture<'static, Result<()>> {
        self.write(Box::new(move |w| {
            w.need(feature);
            Ok(())
        }))
    }

    /// Whether a feature is on, as far as this realm knows.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.0.state.borrow().head.features().has(feature)
    }

    /// What the head says of the op-log; `None`: writes are not logged.
    #[must_use]
    pub fn op_log(&self) -> Option<OpLog> {
        self.0.context.op_log.borrow().clone()
    }

    /// The catalog as readers see it now.
    #[must_use]
    pub fn catalog(&self) -> Rc<Catalog> {
        self.0.state.borrow().view.catalog.clone()
    }

    /// The least stamp that a write issued now gets.
    #[must_use]
    pub fn now(&self) -> Stamp {
        let wall_ms = frame::wall_ms(self.0.env().now_ms());
        self.0.context.next_stamp.get().not_before(wall_ms)
    }

    /// The time by which it judges what has expired, in ms since the epoch: never goes back while it is open.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    /// Whether anything that can expire has been met: what was read may be gone without any commit.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.0.context.clock.is_dated()
    }
}
