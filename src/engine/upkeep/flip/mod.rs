//! Flips: the small transactions that make new segments live.
//!
//! Here is what one consists of; what it changes of the [`head`], how it is [`run`], its [`transaction`], and what it then
//! makes of the engine's state ([`install`]) are beside it.

mod head;
mod install;
mod run;
mod transaction;

use bytes::Bytes;
use std::rc::Rc;

use crate::backend::{Id, RecordKey};
use crate::codec::expiry::Expiry;
use crate::codec::head::Head;
use crate::codec::marks::{NEVER, expiry_of};
use crate::codec::root::{Garbage, Root};
use crate::engine::core::instance::Core;
use crate::engine::core::state::Frozen;
use crate::engine::keyspace::catalog::Catalog;
use crate::engine::store::staging::{KEPT_PART, Staging};

/// A flip under construction: the head it builds upon and the root it will install.
pub struct Flip {
    base: Head,
    /// The directory that it installs.
    pub root: Root,
    /// The records that it replaces.
    pub garbage: Vec<Garbage>,
    /// Bytes of pieces among them whose cells lie in the directory still.
    pub hides: u64,
    /// What was written ahead for it.
    pub staging: Staging,
    /// The log is cut through here; the head's own position when nothing is flushed.
    pub position: u64,
    /// What a flush has frozen.
    pub frozen: Option<Frozen>,
    /// The catalog that it puts in place of the one that is there.
    catalog: Option<Rc<Catalog>>,
    /// Records to be deleted once it is live.
    pub deletes: Vec<RecordKey>,
    /// The last sequences of the writers whose frames are cut now, the most recent first.
    pub writers: Vec<(Id, u64)>,
    /// Raises the generation, and demands that the log holds nothing that is not in the directory.
    pub new_generation: bool,
    /// Segments to be kept warm.
    pub records: Vec<(Id, Bytes)>,
}

impl Flip {
    /// A flip upon what is known now.
    #[must_use]
    pub fn new(core: &Rc<Core>) -> Self {
        let state = core.state.borrow();
        let base = state.head.clone();
        let mut root = Root::clone(&state.view.root);
        let purged = core.purged.borrow();
        root.garbage
            .retain(|garbage| !purged.contains(&garbage.key));
        Self {
            position: base.position,
            base,
            root,
            garbage: Vec::new(),
            hides: 0,
            staging: Staging::new(core, core.compacting.get(), None),
            frozen: None,
            catalog: None,
            deletes: Vec::new(),
            writers: Vec::new(),
            new_generation: false,
            records: Vec::new(),
        }
    }

    /// By the stored clock that it will make live: whether a cell with these marks has expired, and may be deleted.
    #[must_use]
    pub fn is_past(&self, marks: &[u8]) -> bool {
        let at_ms = expiry_of(marks);
        // planted: evict-early
        at_ms != NEVER && self.base.clock.is_some_and(|clock| at_ms <= clock)
    }

    /// What of the directory has anything that may be past.
    #[must_use]
    pub fn has_past(&self, expiry: &Expiry) -> bool {
        self.base
            .clock
            .is_some_and(|clock| expiry.least_ms <= clock)
    }

    /// How many more bytes of the records written for it are held until they are live, to be warm then.
    #[must_use]
    pub fn keep_bytes(&self, core: &Core) -> usize {
        let held: usize = self.records.iter().map(|(_, record)| record.len()).sum();
        (core.options.cache_bytes / KEPT_PART).saturating_sub(held)
    }
}
