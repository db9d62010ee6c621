//! What recent frames wrote: for those who have begun on what was there before and may still commit.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::codec::feature::Features;
use crate::engine::keyspace::footprint::WriteSet;
use crate::engine::keyspace::read_set::ReadSet;
use crate::sorted::SortedMap;

/// Above so many bytes the oldest are forgotten: whoever began before them must begin anew.
const MOST_BYTES: usize = 4 << 20;

/// What those frames wrote that came since the oldest beginning that anybody needs.
#[derive(Default)]
pub struct Recent(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    frames: VecDeque<(u64, Rc<WriteSet>)>,
    bytes: usize,
    /// Every frame above this one is here.
    from: u64,
    /// How many began on each frame.
    needed: SortedMap<u64, usize>,
}

/// Where somebody began: the last frame known then. What came since is remembered as long as this lives.
pub struct Since {
    /// The last frame known at that moment.
    pub known: u64,
    /// What was switched on.
    pub features: Features,
    /// The number of the last change of the catalog.
    pub catalog: u64,
    home: Rc<RefCell<Inner>>,
}

impl Recent {
    /// A beginning, at what is known now.
    #[must_use]
    pub fn since(&self, known: u64) -> Since {
        let needed = &mut self.0.borrow_mut().needed;
        let count = needed.get(&known).map_or(1, |count| count + 1);
        needed.insert(known, count);
        Since {
            known,
            features: Features::NONE,
            catalog: 0,
            home: self.0.clone(),
        }
    }

    /// Remembers what a frame wrote, if anybody needs that.
    pub fn push(&self, number: u64, writes: &Rc<WriteSet>) {
        let mut inner = self.0.borrow_mut();
        inner.bytes += writes.held_bytes();
        inner.frames.push_back((number, writes.clone()));
        inner.trim();
    }

    /// Frames up to `position` are not known one by one.
    pub fn forget_to(&self, position: u64) {
        let mut inner = self.0.borrow_mut();
        inner.frames.clear();
        inner.bytes = 0;
        inner.from = position;
    }

    /// Whether frames since a beginning touch what was read; true also when that is unknown.
    #[must_use]
    pub fn touched(&self, since: &Since, reads: &ReadSet) -> bool {
        let inner = self.0.borrow();
        let newer = inner.frames.iter().rev();
        since.known < inner.from
            || newer
                .take_while(|(number, _)| *number > since.known)
                .any(|(_, writes)| reads.meets(writes))
    }
}

impl Inner {
    fn trim(&mut self) {
        let oldest = self.needed.keys().next().copied();
        let is_needed = |number: u64| oldest.is_some_and(|oldest| oldest < number);
        while let Some((number, writes)) = self.frames.front()
            && (self.bytes > MOST_BYTES || !is_needed(*number))
        {
            self.from = *number;
            self.bytes = self.bytes.saturating_sub(writes.held_bytes());
            self.frames.pop_front();
        }
    }
}

impl Drop for Since {
    fn drop(&mut self) {
        let mut inner = self.home.borrow_mut();
        match inner.needed.get_mut(&self.known) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                inner.needed.remove(&self.known);
                inner.trim();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;
    use crate::codec::batch::{Op, OpKey};
    use crate::engine::keyspace::footprint::WriteSet;
    use crate::engine::keyspace::read_set::ReadSet;
    use std::rc::Rc;

    fn writes(key: &[u8]) -> Rc<WriteSet> {
        let mut writes = WriteSet::default();
        writes.add_ops(&[Op::Delete(OpKey::plain(key.to_vec().into()))]);
        Rc::new(writes)
    }

    fn reads(key: &[u8]) -> ReadSet {
        let mut reads = ReadSet::default();
        reads.add_key(key);
        reads
    }

    #[test]
    fn remembers_what_the_oldest_beginning_needs_and_no_more() {
        let recent = Recent::default();
        let held = |count| assert_eq!(recent.0.borrow().frames.len(), count);
        recent.push(1, &writes(b"a"));
        held(0);
        let (old, new) = (recent.since(1), recent.since(1));
        recent.push(2, &writes(b"b"));
        let newer = recent.since(2);
        recent.push(3, &writes(b"c"));
        held(2);
        assert!(recent.touched(&old, &reads(b"b")));
        assert!(recent.touched(&old, &reads(b"c")));
        assert!(!recent.touched(&old, &reads(b"a")));
        assert!(!recent.touched(&newer, &reads(b"b")));
        drop(old);
        held(2);
        drop(new);
        held(1);
        assert!(recent.touched(&newer, &reads(b"c")));
        drop(newer);
        held(0);
        assert_eq!(recent.0.borrow().bytes, 0);
    }

    #[test]
    fn what_is_forgotten_counts_as_touched() {
        let recent = Recent::default();
        let since = recent.since(0);
        recent.push(1, &writes(b"a"));
        assert!(!recent.touched(&since, &reads(b"b")));
        recent.push(2, &writes(&[7; super::MOST_BYTES]));
        assert!(recent.touched(&since, &reads(b"b")));
        let later = recent.since(2);
        assert!(!recent.touched(&later, &reads(b"b")));
        recent.forget_to(9);
        assert!(recent.touched(&later, &reads(b"b")));
    }
}
