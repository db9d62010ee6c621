//! From where on a live query finds.
//!
//! Where it goes on behind a document, the place of that is found out once, on what is committed, and stays the same, whatever
//! becomes of the document. The document may wait to be committed itself: then so does the first evaluation.

use futures_util::FutureExt;
use std::rc::Rc;

use super::Shared;
use super::watcher::{Behind, Pending, Watcher};
use crate::error::Result;
use crate::models::documents::after::unknown;

impl Shared {
    /// Whether it is known from where on a live query finds. Where it is not yet, it is marked again once it is.
    ///
    /// # Errors
    /// `InvalidArgument` where there is no such document; `Closed`, `ConnectionLost`, …
    pub(super) async fn is_placed(self: &Rc<Self>, watcher: &Rc<Watcher>) -> Result<bool> {
        let behind = watcher.behind.borrow().clone();
        let (after, pending) = match behind {
            Behind::Known(_) => return Ok(true),
            Behind::Asked(after, pending) => (after, pending),
        };
        let (collection, asked) = (watcher.collection.clone(), after.clone());
        let settled = self
            .read(Box::new(move |r| asked.settled(&collection, r)))
            .await?;
        if let Some(settled) = settled {
            let known = Behind::Known(Some(Rc::new(settled)));
            // planted: watch-unsettled
            watcher.behind.replace(known);
            return Ok(true);
        }
        match pending {
            Pending::Over => return Err(unknown()),
            Pending::Awaited => return Ok(false),
            Pending::Unknown => {}
        }
        let awaited = Behind::Asked(after.clone(), Pending::Awaited);
        watcher.behind.replace(awaited);
        let (shared, watcher) = (self.clone(), watcher.clone());
        self.env.spawn(
            async move {
                shared.engine.settled().await;
                let is_over = Behind::Asked(after, Pending::Over);
                let before = watcher.behind.replace(is_over);
                if let Behind::Known(_) = before {
                    watcher.behind.replace(before);
                }
                shared.mark(&watcher);
                shared.wake();
            }
            .boxed_local(),
        );
        Ok(false)
    }
}
