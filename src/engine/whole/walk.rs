//! Walking through everything that a view shows.

use bytes::Bytes;
use std::rc::Rc;

use crate::codec::cell::{Cell, PieceRef};
use crate::codec::kinds::key::OF_LOG;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::access::{KeyRange, Need};
use crate::engine::keyspace::now::Now;
use crate::engine::keyspace::scan::Scan;
use crate::engine::keyspace::view::View;
use crate::engine::store::load::{load, overcome};

/// A walk, in slices of time.
pub struct Walk {
    scan: Scan,
    slice: Slice,
    now: Now,
    /// Whether it stops at what has expired, too.
    pub keep_expired: bool,
}

impl Walk {
    /// A walk through `range`, upwards.
    #[must_use]
    pub fn new(core: &Core, view: &View, range: &KeyRange) -> Self {
        Self {
            scan: Scan::of_view(view, range, false),
            slice: Slice::new(core),
            now: Now::default(),
            keep_expired: false,
        }
    }

    /// The next cell that is no tombstone and has not expired, unless that is kept.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn next(&mut self, core: &Rc<Core>) -> Result<Option<(Bytes, Cell)>, LoadError> {
        loop {
            self.slice.breathe(core).await;
            match self.scan.next_cell(&core.context.cache, &mut |_, _| {}) {
                Ok(Some((_, cell)))
                    if cell.is_tombstone()
                        || !self.keep_expired
                            && self.now.is_past(&core.context, cell.marks.as_slice()) => {}
                Ok(found) => return Ok(found),
                Err(stop) => overcome(core, stop).await?,
            }
        }
    }
}

/// The value that a piece has.
///
/// # Errors
/// [`LoadError`].
pub async fn value_of(core: &Rc<Core>, piece: &PieceRef) -> Result<Bytes, LoadError> {
    loop {
        if let Some(value) = core.context.cache.piece(piece.id) {
            return Ok(value);
        }
        load(core, Need::Piece(piece.id).into()).await?;
    }
}

/// Whether a key is that of an entry of the op-log, which a copy does not have.
#[must_use]
pub fn is_of_log(key: &[u8]) -> bool {
    let kind = key.first().copied().unwrap_or_default();
    // planted: log-copied
    (OF_LOG.0..=OF_LOG.1).contains(&kind)
}
