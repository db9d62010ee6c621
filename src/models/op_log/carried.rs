//! Entries that came along with an imported patch, which is another device: of which device they are.
//!
//! ```text
//! 0x47 0x02  → n × (12 the last place of theirs, bytes device), places ascending
//! ```

use bytes::Bytes;

use crate::codec::head::Head;
use crate::codec::io::{Input, put_bytes};
use crate::codec::kinds::key::MERGING;
use crate::codec::order::{ORDER_BYTES, Order};
use crate::engine::access::{Attempt, Reads};
use crate::error::{Error, Result};

/// Where that stands.
pub const KEY: [u8; 2] = [MERGING, 0x02];

/// What stands there.
#[derive(Debug, Default)]
pub struct Carried(Vec<(Order, Bytes)>);

impl Carried {
    /// Reads it.
    ///
    /// # Errors
    /// A stop.
    pub fn read(r: &mut dyn Reads) -> Attempt<Self> {
        Ok(match r.get(&KEY)? {
            Some(stored) => Self::decode(&stored)?,
            None => Self::default(),
        })
    }

    /// The device of the entry at a place, if it is another one's.
    #[must_use]
    pub fn device(&self, order: Order) -> Option<&Bytes> {
        let of = self.0.iter().find(|(last, _)| order <= *last);
        of.map(|(_, device)| device)
    }

    fn decode(stored: &Bytes) -> Result<Self> {
        let mut input = Input::new(stored.clone(), "list of devices");
        let mut of = Vec::new();
        while input.remaining() > 0 {
            let place = Order::from_bytes(&input.array::<ORDER_BYTES>()?);
            let place = place.ok_or_else(|| Error::internal("a place has another length"))?;
            of.push((place, input.bytes()?));
        }
        Ok(Self(of))
    }
}

/// What stands there in a patch that is imported with its entries, by what was there before and by its former head.
///
/// # Errors
/// `Corrupt`.
pub fn extended(head: &Head, before: Option<&Bytes>) -> Result<Bytes> {
    let mut out = before.map(|before| before.to_vec()).unwrap_or_default();
    let known = before.map(Carried::decode).transpose()?.unwrap_or_default();
    let frame = head.base.saturating_add(head.position);
    let last = Order {
        frame,
        slot: u32::MAX,
    };
    if let Some(op_log) = &head.op_log
        && known.0.last().is_none_or(|(place, _)| *place < last)
    {
        out.extend_from_slice(&last.to_bytes());
        put_bytes(&mut out, &op_log.device);
    }
    Ok(out.into())
}
