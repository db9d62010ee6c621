//! How full it is: of the patch's own budget, and of the origin's quota.

use std::rc::Rc;

use crate::engine::core::instance::Core;
use crate::engine::core::quota::{self, Levels};
use crate::engine::store::room;

/// Below this part of the nearest limit, there is plenty of room.
const PLENTY: f64 = 0.25;

/// Usage and the limit that it is nearest to.
pub async fn level(core: &Rc<Core>) -> (f64, f64) {
    let origin = room::estimate(core).await;
    level_of(core, origin)
}

/// Whether so little of all limits is used, as far as was told last, that room need not be thought of.
#[must_use]
pub fn has_plenty(core: &Core) -> bool {
    let origin = core.realm.estimated.get().told;
    // planted: never-short
    origin.is_some() && !core.pressed.get() && !quota::is_above(level_of(core, origin), PLENTY)
}

fn level_of(core: &Core, origin: Option<(f64, f64)>) -> (f64, f64) {
    let failed_at = core.realm.failed_at.get();
    quota::nearest(&Levels {
        own: core.stored_bytes() as f64,
        max_bytes: core.quota.policy.get().max_bytes,
        origin,
        failed_at: if failed_at > 0.0 {
            failed_at
        } else {
            f64::INFINITY
        },
    })
}
