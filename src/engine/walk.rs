//! Walking through everything that a view shows.

use bytes::Bytes;
use std::rc::Rc;

use super::access::KeyRange;
use super::core::Core;
use super::load::{LoadError, overcome};
use super::scan::Scan;
use super::slice::Slice;
use super::view::View;
use crate::codec::cell::Cell;

/// A walk, in slices of time.
pub struct Walk {
    scan: Scan,
    slice: Slice,
}

impl Walk {
    /// A walk through `range`, upwards.
    #[must_use]
    pub fn new(core: &Core, view: &View, range: &KeyRange) -> Self {
        Self {
            scan: Scan::of_view(view, range, false),
            slice: Slice::new(core),
        }
    }

    /// The next cell that is no tombstone.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn next(&mut self, core: &Rc<Core>) -> Result<Option<(Bytes, Cell)>, LoadError> {
        loop {
            self.slice.breathe(core).await;
            match self.scan.next_cell(&core.ground.cache, &mut |_, _| {}) {
                Ok(Some((_, Cell::Tombstone))) => {}
                Ok(found) => return Ok(found),
                Err(stop) => overcome(core, stop).await?,
            }
        }
    }
}
