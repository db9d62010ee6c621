//! To whose places in the order of insertion uncommitted work refers: noted as the work is done, so that nobody walks
//! through a large batch to find out.

use super::footprint::{Resolved, order_at_end};
use crate::codec::batch::{Op, orders_of};
use crate::codec::order::{Order, PROVISIONAL};

/// The first and the last call to whose places something may refer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cited(Option<(u64, u64)>);

impl Cited {
    /// Notes what an operation of call `own` refers to, beside that call's own places.
    pub fn note_op(&mut self, op: &Op, own: u64) {
        orders_of(op).for_each(|order| self.note(order, own));
    }

    /// Notes what a key refers to that call `own` has read.
    pub fn note_key(&mut self, key: &[u8], own: u64) {
        if let Some(order) = order_at_end(key) {
            self.note(order, own);
        }
    }

    /// Notes all that another has noted.
    pub fn add(&mut self, other: Self) {
        if let Some((first, last)) = other.0 {
            self.widen(first, last);
        }
    }

    /// Whether it may refer to places that some of `calls` took.
    #[must_use]
    pub fn meets(self, calls: &Resolved) -> bool {
        let bounds = (calls.keys().next(), calls.keys().next_back());
        let (Some((first, last)), (Some(from), Some(to))) = (self.0, bounds) else {
            return false;
        };
        first <= *to && *from <= last
    }

    fn note(&mut self, order: Order, own: u64) {
        if let Some(call) = order.frame.checked_sub(PROVISIONAL)
            && call != own
        {
            self.widen(call, call);
        }
    }

    fn widen(&mut self, first: u64, last: u64) {
        let (known_first, known_last) = self.0.unwrap_or((first, last));
        self.0 = Some((known_first.min(first), known_last.max(last)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::batch::{OpKey, OpValue};
    use crate::codec::marks::Marks;
    use bytes::Bytes;

    fn place(call: u64) -> Order {
        let frame = PROVISIONAL + call;
        Order { frame, slot: 0 }
    }

    fn is_met(cited: Cited, call: u64) -> bool {
        let mut calls = Resolved::default();
        calls.insert(call, (1, 0));
        cited.meets(&calls)
    }

    #[test]
    fn what_operations_and_reads_refer_to_is_noted_and_own_places_are_not() {
        let key = |order| OpKey {
            prefix: Bytes::from_static(b"doc-"),
            order,
        };
        let mut cited = Cited::default();
        assert!((0..20).all(|call| !is_met(cited, call)));
        cited.note_op(&Op::Delete(key(Some(place(7)))), 7);
        let committed = Order { frame: 9, slot: 3 };
        cited.note_op(&Op::Delete(key(Some(committed))), 7);
        assert!((0..20).all(|call| !is_met(cited, call)));
        cited.note_op(&Op::Delete(key(Some(place(5)))), 7);
        assert!(is_met(cited, 5) && !is_met(cited, 4) && !is_met(cited, 6));
        let value = OpValue::Order(place(6));
        cited.note_op(&Op::Put(key(None), value, Marks::NONE), 7);
        assert!(is_met(cited, 6));
        let mut read = Cited::default();
        read.note_key(&[b"doc-", &place(3).to_bytes()[..]].concat(), 7);
        assert!(is_met(read, 3) && !is_met(read, 5));
        cited.add(read);
        assert!((3..7).all(|call| is_met(cited, call)) && !is_met(cited, 7));
    }
}
