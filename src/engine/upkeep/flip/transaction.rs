//! The transaction of a flip: what it writes, if nobody else was first.

use std::rc::Rc;

use super::Flip;
use crate::backend::{Decide, Durability, Failure, RecordKey, Seen, Write};
use crate::codec::frame;
use crate::codec::head::Head;
use crate::engine::core::instance::Core;
use crate::engine::store::room;

impl Flip {
    /// The transaction; where there is no room for it, once more with some made. `doubt`: whether one has failed, of
    /// which the browser may have said less than it did.
    pub(super) async fn transact_with_room(
        &self,
        core: &Rc<Core>,
        head: &Head,
        doubt: &mut bool,
    ) -> Result<bool, Failure> {
        let mut room = room::Attempts::new(core.compacting.get(), None);
        loop {
            let outcome = self.transact(core, head).await;
            *doubt |= outcome.is_err();
            match outcome {
                Err(Failure::Quota(_)) if room.make_room(core).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn transact(&self, core: &Rc<Core>, head: &Head) -> Result<bool, Failure> {
        let mut writes = vec![
            Write::Put(RecordKey::Head, head.encode()),
            Write::Put(RecordKey::Root, self.root.encode(head.incarnation)),
        ];
        if self.new_generation {
            // Whoever has not heard of it gets a number that tells: see `commit`.
            let fence = frame::void(self.base.incarnation);
            // planted: unfenced-flip
            writes.push(Write::Add(Some(self.fence()), fence));
        }
        // planted: cut-too-far
        if self.position > self.base.position {
            writes.push(Write::CutLog {
                through: self.position,
            });
        }
        core.count_written(writes.iter().map(bytes_of).sum());
        let nothing_beyond = self.new_generation.then_some(self.base.position);
        let decide = decision(self.base.clone(), nothing_beyond, writes);
        // Strict whatever the option: it cuts frames that were acknowledged as strict, or that a
        // `flush` has promised, perhaps by another tab.
        core.backend().flip(decide, Durability::Strict).await
    }
}

/// What the transaction decides, from what it sees.
fn decision(base: Head, nothing_beyond: Option<u64>, writes: Vec<Write>) -> Decide {
    Box::new(move |seen: Seen| {
        let head = Head::decode(&seen.head?).ok()?;
        // planted: flip-on-new-head
        let same = head.incarnation == base.incarnation
            && head.generation == base.generation
            && head.epoch == base.epoch;
        let beyond = nothing_beyond.is_some_and(|position| seen.last_frame > Some(position));
        (same && !beyond).then_some(writes)
    })
}

fn bytes_of(write: &Write) -> usize {
    match write {
        Write::Put(_, record) | Write::Add(_, record) => record.len(),
        Write::Delete(_) | Write::CutLog { .. } | Write::Clear(_) => 0,
    }
}
