//! The end of an engine.

use std::rc::Rc;

use crate::engine::core::instance::Core;
use crate::engine::core::options::Reason;
use crate::engine::core::shut::shut;
use crate::engine::upkeep::{evict, tidy};

/// Refuses newcomers, waits for what was issued, tidies up and closes.
pub async fn close(core: Rc<Core>) {
    core.state.borrow_mut().closing = true;
    core.settled().await;
    tidy::tidy(&core, false).await;
    // What was seen to expire stays so, whatever clock the next one has.
    evict::expire(&core).await;
    shut(&core, Reason::Closed);
}
