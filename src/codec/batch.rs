//! The operations of one commit.
//!
//! ```text
//! varint  number of segments of the cited run, then the entries (see `entry`)
//! varint  number of operations, then each:
//! 1       code
//!           1 Put          key value
//!           2 Delete       key
//!           3 DeleteRange  from (bytes), until (bytes)
//! 1       flags, for 1 and 2: 1 the key ends with an order of this very frame,
//!           2 the value is an order of this very frame, 4 the value is a piece
//! key     bytes; with flag 1 followed by the varint slot
//! value   bytes; with flag 2 the varint slot; with flag 4 the 16 bytes of the id and a varint length
//! ```
//!
//! The cited run lies above the operations (a large batch removes its ranges, then stores its
//! cells). An unknown code or flag is `UnsupportedFormat`.

use bytes::Bytes;

use super::cell::PieceRef;
use super::entry::Entry;
use super::io::{Input, put_bytes, put_varint};
use super::order::{Order, PROVISIONAL};
use super::range::KeyRange;
use super::root::check_entries;
use crate::error::{Error, Result};
use crate::record::Id;

/// A key, perhaps ending in a place in the order of insertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpKey {
    /// What comes before the order, or all of it.
    pub prefix: Bytes,
    /// The order at its end.
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

/// What a Put stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpValue {
    /// Bytes.
    Inline(Bytes),
    /// The 12 bytes of an order.
    Order(Order),
    /// A piece, written in the same transaction as the frame.
    Piece(PieceRef),
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Stores a value.
    Put(OpKey, OpValue),
    /// Removes a key.
    Delete(OpKey),
    /// Removes every key of a range.
    DeleteRange(KeyRange),
}

/// The operations of one frame. Provisional orders in it have the frame [`PROVISIONAL`]
/// exactly, which means "this frame".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The run written ahead, above the operations.
    pub run: Vec<Entry>,
    /// In order.
    pub ops: Vec<Op>,
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
        Ok(Self { run, ops })
    }

    /// Whether it writes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.run.is_empty() && self.ops.is_empty()
    }

    /// Puts base + number of the frame where the orders of this very frame are.
    pub fn resolve(&mut self, frame: u64) {
        for entry in &mut self.run {
            entry.resolve(frame);
        }
        for op in &mut self.ops {
            resolve_op(op, |order| {
                if order.frame == PROVISIONAL {
                    order.frame = frame;
                }
            });
        }
    }
}

/// Lets `change` replace each order of an operation.
pub fn resolve_op(op: &mut Op, mut change: impl FnMut(&mut Order)) {
    match op {
        Op::Put(key, value) => {
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

/// The orders of an operation.
pub fn orders_of(op: &Op) -> impl Iterator<Item = Order> {
    let (in_key, in_value) = match op {
        Op::Put(key, OpValue::Order(order)) => (key.order, Some(*order)),
        Op::Put(key, _) | Op::Delete(key) => (key.order, None),
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
    match op {
        Op::Put(key, value) => {
            let value_flag = match value {
                OpValue::Order(order) if is_own(Some(*order)) => 2,
                OpValue::Piece(_) => 4,
                _ => 0,
            };
            out.extend_from_slice(&[1, u8::from(is_own(key.order)) | value_flag]);
            encode_key(key, out);
            match value {
                OpValue::Inline(bytes) => put_bytes(out, bytes),
                OpValue::Order(order) if is_own(Some(*order)) => {
                    put_varint(out, u64::from(order.slot))
                }
                OpValue::Order(order) => put_bytes(out, &order.to_bytes()),
                OpValue::Piece(piece) => {
                    out.extend_from_slice(&piece.id.0);
                    put_varint(out, piece.len);
                }
            }
        }
        Op::Delete(key) => {
            out.extend_from_slice(&[2, u8::from(is_own(key.order))]);
            encode_key(key, out);
        }
        Op::DeleteRange(range) => {
            out.push(3);
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
    let code = input.u8()?;
    if code == 3 {
        return Ok(Op::DeleteRange(KeyRange {
            from: input.bytes()?,
            until: input.bytes()?,
        }));
    }
    let flags = input.u8()?;
    let known = match code {
        1 => [0, 1, 2, 3, 4, 5].contains(&flags),
        2 => flags <= 1,
        _ => false,
    };
    if !known {
        return Err(Error::unsupported(format!(
            "a frame holds an unknown operation {code}/{flags}"
        )));
    }
    let key = decode_key(input, flags & 1 != 0)?;
    if code == 2 {
        return Ok(Op::Delete(key));
    }
    let value = match flags & 6 {
        2 => OpValue::Order(Order {
            frame: PROVISIONAL,
            slot: input.varint32()?,
        }),
        4 => OpValue::Piece(PieceRef {
            id: Id(input.array()?),
            len: input.varint()?,
        }),
        _ => OpValue::Inline(input.bytes()?),
    };
    Ok(Op::Put(key, value))
}
