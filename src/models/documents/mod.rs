//! Collections of documents.
//!
//! A document is a stored object that begins with `_id`, `_created` and `_updated`, in this
//! order; the two times are whole milliseconds since the epoch. It lies under its place in the
//! order of insertion; the id index says which.

use bytes::Bytes;

use self::kept::Changed;
use self::unique::{End, Own};
use super::contents::{self, Citing, Missing};
use super::names::check_key;
use super::op_log::journal::{Change, note};
use super::{ahead, query};
use crate::codec::js_string::JsStr;
use crate::codec::marks::NEVER;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, Writes};
use crate::error::Result;

mod after;
mod build;
mod building;
mod cascade;
mod changes;
mod checks;
mod collection;
mod collections;
mod count;
pub mod definition;
mod distinct;
mod draft;
mod drop;
mod existing;
mod feed;
mod find;
mod ids;
mod include;
pub mod index;
mod indexing;
mod insert;
mod kept;
mod leap;
pub mod live;
mod many_writes;
mod marks;
mod meta;
mod modify;
mod numbering;
mod parents;
mod places;
mod plan;
pub mod planner;
mod progress;
mod projection;
mod referrers;
mod sequences;
mod sort;
mod spec;
mod unique;
mod values;
pub mod violations;
mod walk;
mod window;

pub use after::{After, Mark, places_to_text};
pub use build::{Heard, bury, define};
pub use building::Work;
pub use cascade::Cascade;
pub use changes::Changes;
pub use checks::{Checked, Checks};
pub use collection::Collection;
pub use collections::Collections;
pub use count::Count;
pub use definition::{IndexSpec, Wanted, Wish};
pub use distinct::Distinct;
pub use drop::Drop;
pub use find::Find;
pub use ids::Ids;
pub use include::{Include, Joined};
pub use indexing::{Define, DropIndex, Indexed, Outcome, indexes};
pub use insert::{Insert, NewDoc};
pub use kept::Kept;
pub use many_writes::WriteMany;
pub use meta::check_whole;
pub use modify::Upserted;
pub use plan::explain;
pub use query::Query;
pub use sequences::Numbers;
pub use spec::{FindSpec, Out};

impl Collection {
    /// Puts the stored object `doc` in the place of a document; `_id`, `_created` and the place
    /// stay, `_updated` is set. False when there is no such document.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` when `doc` is no plain object or the id too long.
    pub fn replace(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        doc: &[u8],
        now_ms: f64,
    ) -> Attempt<bool> {
        self.rewrite(w, id, &mut |old| meta::replaced(old, doc, now_ms))
    }

    fn rewrite(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        change: &mut dyn FnMut(&[u8]) -> Result<Bytes>,
    ) -> Attempt<bool> {
        check_key("the id", id)?;
        let id_key = self.id_key(id);
        let Some((order, old)) = self.place_of(w, &id_key)? else {
            return Ok(false);
        };
        let doc = self.keep_numbers(w, &old, change(&old)?)?;
        self.put_over(w, &id_key, order, &old, &doc, None)?;
        Ok(true)
    }

    /// What a write of a document changes beside it. Whether unique indexes and references allow it is asked here, unless at the
    /// end.
    fn beside(
        &self,
        w: &mut dyn Writes,
        place: Option<Order>,
        (old, new): (Option<&[u8]>, Option<&[u8]>),
        at_end: bool,
    ) -> Attempt<Changed> {
        let Some(kept) = self.kept(w)? else {
            return Ok(Changed::default());
        };
        let mut changed = kept.change(old, new)?;
        if let Some(doc) = new {
            changed.parents = kept.parents(&changed, doc)?;
        }
        if at_end {
            return Ok(changed);
        }
        let own = Own {
            place,
            doc: new,
            builds: false,
        };
        for asked in &changed.asked {
            asked.step(w, self, &kept, &own)?;
        }
        for parent in &changed.parents {
            parent.step(w, Some(&self.id_key(parent.child.as_js())))?;
        }
        Ok(changed)
    }

    /// Puts a document behind all others; to be called once that it has been seen that its id is free. What stops comes
    /// before all that is written, here and below.
    fn add(
        &self,
        w: &mut dyn Writes,
        id_key: Bytes,
        doc: &Bytes,
        citing: Citing,
        end: Option<&mut End>,
    ) -> Attempt<()> {
        let beside = self.beside(w, None, (None, Some(doc)), end.is_some())?;
        citing.note(w);
        let order = w.new_order();
        w.put_at(self.docs.clone(), order, doc.clone());
        note(w, &id_key, Change::Put(doc, NEVER))?;
        w.put_order(id_key, order);
        match end {
            Some(end) => end.write(w, beside, order)?,
            None => beside.write(w, order),
        }
        Ok(())
    }

    /// Puts a document in the place of another.
    fn put_over(
        &self,
        w: &mut dyn Writes,
        id_key: &[u8],
        at: Order,
        old: &[u8],
        doc: &Bytes,
        end: Option<&mut End>,
    ) -> Attempt<()> {
        let citing = contents::look(w, id_key, doc, Some(old), Missing::Refused)?;
        let beside = self.beside(w, Some(at), (Some(old), Some(doc)), end.is_some())?;
        citing.note(w);
        w.put_at(self.docs.clone(), at, doc.clone());
        note(w, id_key, Change::Put(doc, NEVER))?;
        match end {
            Some(end) => end.write(w, beside, at)?,
            None => beside.write(w, at),
        }
        Ok(())
    }

    /// Takes a document from its place.
    fn take_away(&self, w: &mut dyn Writes, id_key: Bytes, at: Order) -> Attempt<()> {
        let beside = self.left_by(w, at)?;
        self.take(w, id_key, at, beside)
    }

    /// The same of one that is at hand.
    fn take_from(&self, w: &mut dyn Writes, id_key: Bytes, at: Order, old: &[u8]) -> Attempt<()> {
        let beside = match self.kept(w)? {
            Some(kept) => kept.change(Some(old), None)?,
            None => Changed::default(),
        };
        self.take(w, id_key, at, beside)
    }

    fn take(&self, w: &mut dyn Writes, id_key: Bytes, at: Order, beside: Changed) -> Attempt<()> {
        w.delete_at(self.docs.clone(), at);
        note(w, &id_key, Change::Remove)?;
        w.delete(id_key);
        // planted: entry-alone
        beside.write(w, at);
        Ok(())
    }

    /// What goes with the document at a place, which is read only where something is defined.
    fn left_by(&self, w: &mut dyn Writes, at: Order) -> Attempt<Changed> {
        let Some(kept) = self.kept(w)? else {
            return Ok(Changed::default());
        };
        let old = self.at(w, at)?;
        Ok(kept.change(Some(&old), None)?)
    }

    /// Removes a document, without a note in the op-log, and whoever refers to it. False when there is none.
    ///
    /// # Errors
    /// A stop.
    pub fn remove(&self, w: &mut dyn Writes, id: JsStr<'_>) -> Attempt<bool> {
        let key = self.id_key(id);
        let Some(order) = self.order_of(w.get(&key)?)? else {
            return Ok(false);
        };
        let beside = self.left_by(w, order)?;
        w.delete_at(self.docs.clone(), order);
        w.delete(key);
        beside.write(w, order);
        Ok(true)
    }

    /// Stores a document as it is, in the place of the one that has its id or behind all others, without a note in the
    /// op-log. No index refuses it: replicas would differ.
    ///
    /// # Errors
    /// A stop.
    pub fn put(&self, w: &mut dyn Writes, id: JsStr<'_>, doc: Bytes) -> Attempt<()> {
        let key = self.id_key(id);
        let citing = contents::look(w, &key, &doc, None, Missing::Allowed)?;
        let there = self.order_of(w.get(&key)?)?;
        let beside = match self.kept(w)? {
            None => Changed::default(),
            Some(kept) => {
                let old = there.map(|order| self.at(w, order)).transpose()?;
                kept.change(old.as_deref(), Some(&doc))?
            }
        };
        citing.note(w);
        let order = match there {
            Some(order) => order,
            None => {
                let order = w.new_order();
                w.put(self.marker.clone(), Bytes::new());
                w.put_order(key, order);
                order
            }
        };
        w.put_at(self.docs.clone(), order, doc);
        beside.write(w, order);
        Ok(())
    }
}

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod constraints_tests;
#[cfg(test)]
mod define_tests;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod engine_planned_tests;
#[cfg(test)]
mod indexing_tests;
#[cfg(test)]
mod listed_testing;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod planned_testing;
#[cfg(test)]
mod reads_planned_tests;
#[cfg(test)]
mod reads_tests;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod set_testing;
#[cfg(test)]
mod tests;
