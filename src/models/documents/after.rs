//! Going on behind a document.
//!
//! Where a page ends is known by the document's *mark*, which lasts longer than the document: its place in the order of
//! insertion and its sort values. Who keeps a mark, keeps it as a text:
//!
//! ```text
//! place            24 hex digits: its 12 bytes
//! floor            where the place is provisional: the last place before it that was not
//! values           as hex digits: an array of the sort values, as a node of the exact form; nothing where there are none
//! ```

use super::Collection;
use crate::codec::js_string::JsString;
use crate::codec::order::{ORDER_BYTES, Order};
use crate::codec::value::{ExactWriter, Form, Value};
use crate::engine::access::{Attempt, Landed, Reads};
use crate::error::{Error, Result};

/// What lies behind which document is wanted.
#[derive(Debug, Clone)]
pub struct After {
    /// The document's id.
    pub id: JsString,
    /// Where a page ended with it; else it is at the place of the document that has its id now.
    pub mark: Option<Mark>,
    /// Its values of the fields that are sorted by, where there is no mark.
    pub values: Vec<Value>,
}

/// Where a page ended.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The place of its last document.
    pub place: Order,
    /// The last place before it that was not provisional.
    pub floor: Order,
    /// The sort values of its last document.
    pub values: Vec<Value>,
}

/// Before all places.
pub(super) const FIRST: Order = Order { frame: 0, slot: 0 };

impl Mark {
    /// The text of the mark.
    ///
    /// # Errors
    /// `NotStorable`: never.
    pub fn to_text(&self) -> Result<String> {
        let mut bytes = self.place.to_bytes().to_vec();
        if self.place.is_provisional() {
            bytes.extend(self.floor.to_bytes());
        }
        if !self.values.is_empty() {
            let mut writer = ExactWriter::headless();
            writer.begin_array(self.values.len())?;
            for value in &self.values {
                value.write(&mut writer)?;
            }
            writer.end();
            bytes.extend(writer.finish()?);
        }
        Ok(hex(&bytes))
    }

    /// The mark with a text, which may come from anywhere.
    ///
    /// # Errors
    /// `InvalidArgument` where it is none for as many fields.
    pub fn from_text(text: &[u8], fields: usize) -> Result<Self> {
        read(text, fields)
            .ok()
            .flatten()
            .ok_or_else(|| Error::invalid("options.after has a mark that is none for this sort"))
    }
}

/// Places one behind the other, each as marks have it.
#[must_use]
pub fn places_to_text(places: &[Order]) -> String {
    let bytes: Vec<u8> = places.iter().flat_map(|place| place.to_bytes()).collect();
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

fn read(text: &[u8], fields: usize) -> Result<Option<Mark>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.chunks(2).map(pair).collect();
    let Some(bytes) = bytes else { return Ok(None) };
    let mut rest = &bytes[..];
    let mut place = || {
        let (place, behind) = rest.split_at_checked(ORDER_BYTES)?;
        rest = behind;
        Order::from_bytes(place)
    };
    let Some(at) = place() else { return Ok(None) };
    let floor = if at.is_provisional() {
        place()
    } else {
        Some(at)
    };
    let Some(floor) = floor else { return Ok(None) };
    let values = match rest {
        [] => Vec::new(),
        node => match Value::of_form(Form::Exact(node))? {
            Value::Array(values) => values,
            _ => return Ok(None),
        },
    };
    Ok((values.len() == fields).then_some(Mark {
        place: at,
        floor,
        values,
    }))
}

impl After {
    /// The sort values behind which to go on.
    pub(super) fn values(&self) -> &[Value] {
        self.mark.as_ref().map_or(&self.values, |mark| &mark.values)
    }

    /// The place behind which to go on, as it is now.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` where nobody knows it.
    pub(super) fn place(&self, collection: &Collection, r: &mut dyn Reads) -> Attempt<Order> {
        let landed = self.landed(r);
        let place = self.look(landed, collection, r)?;
        Ok(place.ok_or_else(unknown)?)
    }

    /// The same with its place as it is for good, for who reads what is committed; `None` where nobody knows that yet: it waits
    /// to be committed, or there is no such document.
    ///
    /// # Errors
    /// A stop.
    pub(super) fn settled(
        &self,
        collection: &Collection,
        r: &mut dyn Reads,
    ) -> Attempt<Option<Self>> {
        let landed = self.landed(r);
        if landed == Landed::Pending {
            return Ok(None);
        }
        let place = self.look(landed, collection, r)?;
        Ok(place.map(|place| Self {
            id: self.id.clone(),
            mark: Some(Mark {
                place,
                floor: place,
                values: self.values().to_vec(),
            }),
            values: Vec::new(),
        }))
    }

    /// What has become of the place in the mark; of a document without a mark nothing is remembered.
    fn landed(&self, r: &dyn Reads) -> Landed {
        match &self.mark {
            Some(mark) if !mark.place.is_provisional() => Landed::At(mark.place),
            Some(mark) => {
                // planted: provisional-forever
                r.landed(mark.place)
            }
            None => Landed::Forgotten,
        }
    }

    fn look(
        &self,
        landed: Landed,
        collection: &Collection,
        r: &mut dyn Reads,
    ) -> Attempt<Option<Order>> {
        if let Landed::At(place) = landed {
            return Ok(Some(place));
        }
        let found = r.get(&collection.id_key(self.id.as_js()))?;
        let found = collection.order_of(found)?;
        Ok(match (landed, &self.mark, found) {
            // It waits itself, or another does that has its id.
            (Landed::Pending, Some(mark), Some(found)) => Some(found.min(mark.place)),
            (_, _, Some(found)) => Some(found),
            (Landed::Pending, Some(mark), None) => Some(mark.place),
            (Landed::Lost(before), Some(mark), None) => Some(mark.floor.max(before)),
            _ => None,
        })
    }
}

/// The error of a document that is nowhere.
pub(super) fn unknown() -> Error {
    Error::invalid("options.after is no document that was found here, and none has its _id")
}
