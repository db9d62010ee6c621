//! Where the insertions of this realm's latest calls have gone, for those who still know them by a provisional place.

use crate::codec::order::{Order, PROVISIONAL};

/// As many calls are remembered.
const KEPT: usize = 4096;
/// As many calls are remembered that wait under another number than they were drafted under.
const KEPT_DRAFTS: usize = 64;

/// What has become of a provisional place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landed {
    /// Its call is committed: the place is this one now.
    At(Order),
    /// Its call waits to be committed.
    Pending,
    /// Its call has failed; the calls before it that are remembered took no place behind this one.
    Lost(Order),
    /// It is too long ago.
    Forgotten,
}

/// A call that is committed.
#[derive(Debug, Clone, Copy)]
struct Call {
    id: u64,
    /// Where its places begin.
    first: Order,
    /// How many they are; one at least.
    slots: u32,
}

/// The latest calls that took places.
#[derive(Debug, Default)]
pub struct Landings {
    /// A ring, once it is full.
    calls: Vec<Call>,
    next: usize,
    /// No call with a lower number, or with this one, is remembered for certain.
    forgotten: u64,
    /// The highest number of a call that is committed, or under which none waits.
    last: u64,
    /// Under which number calls were drafted, and under which they wait.
    drafts: Vec<(u64, u64)>,
}

impl Landings {
    /// Notes that a call that was drafted under one number waits under another.
    pub fn renumber(&mut self, from: u64, to: u64) {
        // (Those that failed stay here for a while.)
        if self.drafts.len() >= KEPT_DRAFTS {
            self.drafts.remove(0);
        }
        self.drafts.push((from, to));
    }

    /// Notes a call that is committed, whose places are those of `frame` from `offset` on; `None`: it is not known which.
    pub fn note(&mut self, id: u64, frame: Option<u64>, offset: u32, slots: u32) {
        if let Some(at) = self.drafts.iter().position(|(_, to)| *to == id) {
            let (from, _) = self.drafts.swap_remove(at);
            self.note(from, frame, offset, slots);
        }
        self.last = self.last.max(id);
        let Some(frame) = frame else {
            self.forgotten = self.forgotten.max(id);
            return;
        };
        let call = Call {
            id,
            first: Order {
                frame,
                slot: offset,
            },
            slots,
        };
        if self.calls.len() < KEPT {
            self.calls.push(call);
        } else if let Some(oldest) = self.calls.get_mut(self.next) {
            self.forgotten = self.forgotten.max(oldest.id);
            *oldest = call;
            self.next = (self.next + 1) % KEPT;
        }
    }

    /// Notes that no call waits under this number or a lower one: those of which nothing was noted have failed.
    pub fn settle(&mut self, up_to: u64) {
        self.last = self.last.max(up_to);
    }

    /// What has become of a provisional place.
    #[must_use]
    pub fn find(&self, place: Order) -> Landed {
        let id = place.frame.wrapping_sub(PROVISIONAL);
        if let Some(call) = self.calls.iter().find(|call| call.id == id) {
            let slot = call.first.slot.saturating_add(place.slot);
            return Landed::At(Order { slot, ..call.first });
        }
        if id > self.last {
            return Landed::Pending;
        }
        if id <= self.forgotten {
            return Landed::Forgotten;
        }
        let before = self.calls.iter().filter(|call| call.id < id);
        let lasts = before.map(|call| Order {
            slot: call.first.slot + call.slots - 1,
            ..call.first
        });
        Landed::Lost(lasts.max().unwrap_or(Order { frame: 0, slot: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provisional(id: u64, slot: u32) -> Order {
        Order {
            frame: PROVISIONAL + id,
            slot,
        }
    }

    #[test]
    fn a_place_is_where_its_call_landed() {
        let mut landings = Landings::default();
        assert_eq!(landings.find(provisional(1, 0)), Landed::Pending);
        landings.note(1, Some(10), 0, 2);
        landings.note(2, Some(10), 2, 1);
        landings.note(4, Some(11), 0, 1);
        let at = |frame, slot| Landed::At(Order { frame, slot });
        assert_eq!(landings.find(provisional(1, 1)), at(10, 1));
        assert_eq!(landings.find(provisional(2, 0)), at(10, 2));
        let lost = Landed::Lost(Order { frame: 10, slot: 2 });
        assert_eq!(landings.find(provisional(3, 0)), lost);
        assert_eq!(landings.find(provisional(5, 0)), Landed::Pending);
        landings.settle(5);
        let lost = Landed::Lost(Order { frame: 11, slot: 0 });
        assert_eq!(landings.find(provisional(5, 0)), lost);
        assert_eq!(landings.find(provisional(6, 0)), Landed::Pending);
    }

    #[test]
    fn a_draft_is_found_by_either_number() {
        let mut landings = Landings::default();
        landings.renumber(3, 8);
        landings.note(7, Some(10), 0, 1);
        landings.note(8, Some(11), 0, 2);
        let landed = Landed::At(Order { frame: 11, slot: 1 });
        assert_eq!(landings.find(provisional(3, 1)), landed);
        assert_eq!(landings.find(provisional(8, 1)), landed);
        for n in 0..1000 {
            landings.renumber(n, n + 10_000);
        }
        assert_eq!(landings.drafts.len(), KEPT_DRAFTS);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut landings = Landings::default();
        let count = 3 * KEPT as u64;
        for id in 1..=count {
            landings.note(id, Some(id), 0, 1);
        }
        assert_eq!(landings.calls.len(), KEPT);
        let oldest = count - KEPT as u64 + 1;
        let at = Landed::At(Order {
            frame: oldest,
            slot: 0,
        });
        assert_eq!(landings.find(provisional(oldest, 0)), at);
        assert_eq!(landings.find(provisional(oldest - 1, 0)), Landed::Forgotten);
        landings.note(count + 1, None, 0, 1);
        assert_eq!(landings.find(provisional(count + 1, 0)), Landed::Forgotten);
    }
}
