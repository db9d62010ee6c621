//! The operations of one commit.
//!
//! ```text
//! varint  number of segments of the cited run, then the entries (see `entry`)
//! varint  number of operations, then each:
//! 1       bits 0–1: 1 Put, 2 Delete, 3 DeleteRange
//!         04 the key ends with an order of this frame
//!         38 the value: 00 bytes, 08 an order of this frame, 10 a piece, 18 a piece that other cells may cite too
//!         80 marks follow
//! Put     key, marks (flag 80: a list of `tags`, see `marks`), value
//! Delete  key
//! DeleteRange  from (bytes), until (bytes)
//! key     bytes; with flag 04 followed by the varint slot
//! value   bytes; 08 the varint slot; 10 and 18 the 16 bytes of the id and a varint length
//! ```
//!
//! The cited run is newer than the operations (a large batch removes its ranges, then stores its
//! cells). Any other first byte of an operation is `UnsupportedFormat`.

use bytes::Bytes;

use super::cell::PieceRef;
use super::entry::Entry;
use super::io::{Input, later, put_bytes, put_varint};
use super::kinds::op as flag;
use super::marks::{self, Marks};
use super::order::{Order, PROVISIONAL};
use super::range::KeyRange;
use super::root::check_entries;
use super::stamp::{self, Fill, HOLE};
use crate::error::{Error, Result};
use crate::record::Id;

/// A key, which may end with a place in the order of insertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpKey {
    /// The bytes before the order, or the whole key if there is no order.
    pub prefix: Bytes,
    /// The order at the end of the key.
    pub order: Option<Order>,
}

impl OpKey {
    /// A key without an order.
    #[must_use]
    pub fn plain(key: Bytes) -> Self {
        Self {
            prefix: key,
            order: None,
        }
    }

    /// All bytes of the key.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self.order {
            None => self.prefix.clone(),
            Some(order) => {
                let mut out = Vec::with_capacity(self.prefix.len() + 12);
                out.extend_from_slice(&self.prefix);
                out.extend_from_slice(&order.to_bytes());
                out.into()
            }
        }
    }
}

/// The value of a Put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpValue {
    /// The bytes of the value itself.
    Inline(Bytes),
    /// The 12 bytes of an order.
    Order(Order),
    /// A piece, written in the same transaction as the frame.
    Piece(PieceRef),
}

/// One operation of a batch. Later ones override earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Stores a value with its marks.
    Put(OpKey, OpValue, Marks),
    /// Deletes a key.
    Delete(OpKey),
    /// Deletes every key of a range.
    DeleteRange(KeyRange),
}

/// The operations of one frame. A provisional order in it has exactly the frame [`PROVISIONAL`],
/// which means "this frame".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The entries of a run that was written ahead. It is newer than the operations.
    pub run: Vec<Entry>,
    /// The operations, in the order in which they apply.
    pub ops: Vec<Op>,
    /// How many stamps it takes. It stands in the frame's header.
    pub stamps: u32,
    /// Whether it changes the catalog. It stands in the frame's header.
    pub changes_catalog: bool,
}

impl Batch {
    /// Appends the batch to a record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.run.len() as u64);
        for entry in &self.run {
            entry.encode(out);
        }
        put_varint(out, self.ops.len() as u64);
        for op in &self.ops {
            encode_op(op, out);
        }
    }

    /// Reads a batch to the end of the input.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode(input: &mut Input) -> Result<Self> {
        let mut run = Vec::new();
        for _ in 0..input.count()? {
            run.push(Entry::decode(input)?);
        }
        let mut ops = Vec::new();
        for _ in 0..input.count()? {
            ops.push(decode_op(input)?);
        }
        input.end()?;
        check_entries(&run).map_err(Error::corrupt)?;
        Ok(Self {
            run,
            ops,
            ..Self::default()
        })
    }

    /// Whether the batch writes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.run.is_empty() && self.ops.is_empty()
    }

    /// Fills in what depends on the place in the log: the orders and the stamps of this very frame.
    pub fn resolve(&mut self, fill: Fill) {
        for entry in &mut self.run {
            entry.resolve(fill);
        }
        for op in &mut self.ops {
            resolve_op(op, |order| {
                if order.frame == PROVISIONAL {
                    order.frame = fill.frame;
                }
            });
            restamp(op, |hole| {
                (hole.frame == HOLE).then(|| fill.stamp.plus(hole.slot).to_bytes())
            });
        }
    }
}

/// Applies `change` to each order of an operation.
pub fn resolve_op(op: &mut Op, mut change: impl FnMut(&mut Order)) {
    match op {
        Op::Put(key, value, _) => {
            key.order.as_mut().map(&mut change);
            if let OpValue::Order(order) = value {
                change(order);
            }
        }
        Op::Delete(key) => {
            key.order.as_mut().map(&mut change);
        }
        Op::DeleteRange(_) => {}
    }
}

/// Lets `change` replace the hole of a stamp that an operation's value ends in.
pub fn restamp(op: &mut Op, change: impl FnOnce(Order) -> Option<[u8; stamp::STAMP_BYTES]>) {
    if let Op::Put(_, OpValue::Inline(value), _) = op
        && let Some(tail) = stamp::hole_of(value).and_then(change)
    {
        *value = stamp::with_tail(value, tail);
    }
}

/// The orders of an operation.
pub fn orders_of(op: &Op) -> impl Iterator<Item = Order> {
    let (in_key, in_value) = match op {
        Op::Put(key, OpValue::Order(order), _) => (key.order, Some(*order)),
        Op::Put(key, ..) | Op::Delete(key) => (key.order, None),
        Op::DeleteRange(_) => (None, None),
    };
    in_key.into_iter().chain(in_value)
}

fn encode_key(key: &OpKey, out: &mut Vec<u8>) {
    match key.order {
        Some(order) if order.frame == PROVISIONAL => {
            put_bytes(out, &key.prefix);
            put_varint(out, u64::from(order.slot));
        }
        Some(_) => put_bytes(out, &key.to_bytes()),
        None => put_bytes(out, &key.prefix),
    }
}

fn is_own(order: Option<Order>) -> bool {
    order.is_some_and(|order| order.frame == PROVISIONAL)
}

fn encode_op(op: &Op, out: &mut Vec<u8>) {
    let own_key = |key: &OpKey| if is_own(key.order) { flag::OWN_KEY } else { 0 };
    match op {
        Op::Put(key, value, marks) => {
            let kind = match value {
                OpValue::Order(order) if is_own(Some(*order)) => flag::OWN_ORDER,
                OpValue::Piece(piece) if piece.shared => flag::SHARED,
                OpValue::Piece(_) => flag::PIECE,
                OpValue::Order(_) | OpValue::Inline(_) => flag::INLINE,
            };
            let marks = marks.as_slice();
            let marked = if marks.is_empty() { 0 } else { flag::MARKS };
            out.push(flag::PUT | own_key(key) | kind | marked);
            encode_key(key, out);
            if !marks.is_empty() {
                put_bytes(out, marks);
            }
            match value {
                OpValue::Inline(bytes) => put_bytes(out, bytes),
                OpValue::Order(order) if is_own(Some(*order)) => {
                    put_varint(out, u64::from(order.slot));
                }
                OpValue::Order(order) => put_bytes(out, &order.to_bytes()),
                OpValue::Piece(piece) => {
                    out.extend_from_slice(&piece.id.0);
                    put_varint(out, piece.len);
                }
            }
        }
        Op::Delete(key) => {
            out.push(flag::DELETE | own_key(key));
            encode_key(key, out);
        }
        Op::DeleteRange(range) => {
            out.push(flag::DELETE_RANGE);
            put_bytes(out, &range.from);
            put_bytes(out, &range.until);
        }
    }
}

fn decode_key(input: &mut Input, own: bool) -> Result<OpKey> {
    let prefix = input.bytes()?;
    let order = if own {
        Some(Order {
            frame: PROVISIONAL,
            slot: input.varint32()?,
        })
    } else {
        None
    };
    Ok(OpKey { prefix, order })
}

fn decode_op(input: &mut Input) -> Result<Op> {
    let flags = input.u8()?;
    let may_have = match flags & flag::CODE {
        flag::PUT => flag::OWN_KEY | flag::VALUE | flag::MARKS,
        flag::DELETE => flag::OWN_KEY,
        _ => 0,
    };
    let kind = flags & flag::VALUE;
    if flags & !(flag::CODE | may_have) != 0 || flags & flag::CODE == 0 || kind > flag::SHARED {
        return Err(later("frame"));
    }
    if flags & flag::CODE == flag::DELETE_RANGE {
        return Ok(Op::DeleteRange(KeyRange {
            from: input.bytes()?,
            until: input.bytes()?,
        }));
    }
    let key = decode_key(input, flags & flag::OWN_KEY != 0)?;
    if flags & flag::CODE == flag::DELETE {
        return Ok(Op::Delete(key));
    }
    let mut said = Marks::NONE;
    if flags & flag::MARKS != 0 {
        let list = input.bytes()?;
        marks::check(&list)?;
        said = Marks::of(&list);
    }
    let value = match kind {
        flag::INLINE => OpValue::Inline(input.bytes()?),
        flag::OWN_ORDER => OpValue::Order(Order {
            frame: PROVISIONAL,
            slot: input.varint32()?,
        }),
        _ => OpValue::Piece(PieceRef {
            id: Id(input.array()?),
            len: input.varint()?,
            shared: kind == flag::SHARED,
        }),
    };
    Ok(Op::Put(key, value, said))
}
