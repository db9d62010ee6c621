//! What is handed out of what a query finds.

use super::after::FIRST;
use super::projection::Projection;
use super::sort::Part;
use super::spec::{FindSpec, Out};
use crate::codec::order::Order;
use crate::error::Result;

/// Documents of a page.
pub(super) const PAGE_ITEMS: u64 = 512;
/// Bytes after which a page ends, whatever it holds.
const PAGE_BYTES: usize = 1 << 20;
/// The places of more documents than this are not told.
const MAX_PLACES: usize = 1 << 14;

/// Leaves out what is skipped, and what is more than wanted.
pub(super) struct Window {
    projection: Option<Projection>,
    pub skip: u64,
    pub left: u64,
    bytes_left: usize,
    /// Nothing at this place or before it is wanted.
    pub behind: Option<Order>,
    /// The place of the last document that was handed out, its sort values if `has_key`, and the last place before it that was
    /// not provisional.
    pub last: Option<Order>,
    pub key: Vec<Part>,
    pub has_key: bool,
    pub floor: Order,
    /// The places of all, if they are wanted.
    pub places: Option<Vec<Order>>,
}

impl Window {
    pub fn new(spec: &FindSpec) -> Self {
        Self {
            projection: spec.fields.as_deref().map(Projection::new),
            skip: spec.skip,
            left: spec.limit.unwrap_or(u64::MAX),
            bytes_left: usize::MAX,
            behind: None,
            last: None,
            key: Vec::new(),
            has_key: false,
            floor: FIRST,
            places: spec.places.then(Vec::new),
        }
    }

    /// Ends with what makes a page.
    pub fn end_with_page(&mut self) {
        self.left = self.left.min(PAGE_ITEMS);
        self.bytes_left = PAGE_BYTES;
    }

    /// Whether more are wanted.
    pub const fn is_open(&self) -> bool {
        self.left > 0 && self.bytes_left > 0
    }

    /// How many documents it takes to fill it, at most.
    pub const fn most(&self) -> u64 {
        self.left.saturating_add(self.skip)
    }

    /// Hands a document out, if it is not to be left out; whether more are wanted.
    pub fn hand_out(&mut self, place: Order, doc: &[u8], out: &mut Out<'_>) -> Result<bool> {
        if self.is_skipped(place) {
            return Ok(true);
        }
        match &self.projection {
            Some(projection) => out(&projection.apply(doc)?)?,
            None => out(doc)?,
        }
        Ok(self.has_handed_out(place, doc.len()))
    }

    /// The same of a document of which only what is wanted is at hand.
    pub fn hand_out_part(&mut self, place: Order, part: &[u8], out: &mut Out<'_>) -> Result<bool> {
        if self.is_skipped(place) {
            return Ok(true);
        }
        out(part)?;
        Ok(self.has_handed_out(place, part.len()))
    }

    const fn is_skipped(&mut self, place: Order) -> bool {
        if !place.is_provisional() {
            self.floor = place;
        }
        let is_skipped = self.skip > 0;
        self.skip = self.skip.saturating_sub(1);
        is_skipped
    }

    fn has_handed_out(&mut self, place: Order, bytes: usize) -> bool {
        self.last = Some(place);
        self.has_key = false;
        if let Some(places) = &mut self.places {
            places.push(place);
            if places.len() > MAX_PLACES {
                self.places = None;
            }
        }
        self.left -= 1;
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.is_open()
    }
}
