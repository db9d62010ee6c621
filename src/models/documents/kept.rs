//! What is kept beside the documents of a collection, by what is defined of it.
//!
//! A collection of which nothing is defined costs a look into the catalog, and no more. What a write changes in the entries
//! is found before anything is written; whether a unique index allows it is asked before, too, by a call that writes one
//! document, and at the end by one that writes many: on the way two of them may have one value.

use bytes::Bytes;
use std::rc::Rc;

use super::definition::{Definition, Index, flag};
use super::index::{self, Change, Layout};
use super::parents::{Parent, Refers};
use super::sequences::Numbered;
use crate::codec::order::Order;
use crate::codec::value::Form;
use crate::engine::access::{Catalog, Writes};
use crate::error::{Error, Result};

/// The definition of a collection, and how its indexes look.
#[derive(Debug)]
pub struct Kept {
    /// What is defined.
    pub definition: Definition,
    /// How the entries of its indexes look, in the definition's order.
    pub layouts: Vec<Layout>,
    /// The fields that refer to documents of other collections.
    refers: Vec<Refers>,
    /// The fields that are numbered.
    pub numbered: Vec<Numbered>,
}

impl Kept {
    fn new(key: &[u8], record: &Bytes) -> Result<Self> {
        let definition = Definition::decode(record.clone())?;
        let layouts = definition.indexes.iter().map(Layout::new).collect();
        let (references, sequences) = (&definition.references, &definition.sequences);
        let refers = references
            .iter()
            .map(|it| Refers::of_definition(key, &definition, it));
        let numbered = sequences.iter().map(|it| Numbered::new(key, it));
        Ok(Self {
            refers: refers.collect(),
            numbered: numbered.collect(),
            definition,
            layouts,
        })
    }

    /// What is defined under a key of the catalog; `None`: nothing. It is taken apart once for each catalog.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn of(catalog: &Catalog, key: &[u8]) -> Result<Option<Rc<Self>>> {
        if catalog.get(key).is_none() {
            return Ok(None);
        }
        let kept = catalog.parsed(key, &mut |catalog| {
            let record = catalog.get(key).ok_or_else(changed)?;
            Ok(Rc::new(Self::new(key, record)?))
        })?;
        kept.downcast().map(Some).map_err(|_| changed())
    }

    /// What changes in the indexes where a stored document becomes another; `None`: where it comes to be, or goes.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` where an array has too many elements for a `multi` index.
    pub fn change(&self, old: Option<&[u8]>, new: Option<&[u8]>) -> Result<Changed> {
        let mut changed = Changed::default();
        for (layout, index) in self.layouts.iter().zip(&self.definition.indexes) {
            let before = changed.changes.len();
            // planted: building-unkept
            changed.find(layout, index, old, new)?;
            let found = changed.changes.get(before..).unwrap_or_default();
            // (Each value of a field that refers has an entry of its own.)
            if found.iter().any(|change| matches!(change, Change::Put(..))) {
                let of_it = self.refers.iter().enumerate();
                let of_it = of_it.filter(|(_, refers)| refers.index == index.number);
                changed.referring.extend(of_it.map(|(at, _)| at));
            }
        }
        Ok(changed)
    }

    /// What has to be there for a document in which that has changed.
    ///
    /// # Errors
    /// `Corrupt`; `ConstraintViolation` where it refers to what can be no document.
    pub fn parents(&self, changed: &Changed, new: &[u8]) -> Result<Vec<Parent>> {
        let refers = changed
            .referring
            .iter()
            .filter_map(|at| self.refers.get(*at));
        let found = refers.map(|refers| refers.parent(new));
        found.filter_map(Result::transpose).collect()
    }

    /// The same of all fields that refer, whether they have changed or not.
    ///
    /// # Errors
    /// As above.
    pub fn all_parents(&self, doc: &[u8]) -> impl Iterator<Item = Result<Parent>> {
        let found = self.refers.iter().map(move |refers| refers.parent(doc));
        found.filter_map(Result::transpose)
    }

    /// The same in the index of a number alone.
    ///
    /// # Errors
    /// As above.
    pub fn change_in(
        &self,
        number: u64,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<Changed> {
        let mut changed = Changed::default();
        if let Some(index) = self.definition.index(number) {
            changed.find(self.layout(number)?, index, old, new)?;
        }
        Ok(changed)
    }

    /// How the entries of an index look.
    ///
    /// # Errors
    /// `Internal`: never, of an index of this definition.
    pub fn layout(&self, number: u64) -> Result<&Layout> {
        let mut both = self.layouts.iter().zip(&self.definition.indexes);
        let found = both.find(|(_, index)| index.number == number);
        found.map(|(layout, _)| layout).ok_or_else(changed)
    }
}

/// An entry that was put into a unique index, by its key without the place.
#[derive(Debug, Clone)]
pub struct Asked {
    pub(super) number: u64,
    pub(super) key: Bytes,
}

/// What a write of a document changes.
#[derive(Debug, Default)]
pub struct Changed {
    changes: Vec<Change>,
    /// What it puts into unique indexes.
    pub asked: Vec<Asked>,
    /// The documents to which it refers anew.
    pub parents: Vec<Parent>,
    /// Which fields that refer have got another value.
    referring: Vec<usize>,
}

impl Changed {
    fn find(
        &mut self,
        layout: &Layout,
        index: &Index,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<()> {
        let old = old.map(Form::of).transpose()?;
        let new = new.map(Form::of).transpose()?;
        index::of_document(layout, old, new, &mut |change| {
            if let Change::Put(key, _) = &change
                && index.is(flag::UNIQUE)
            {
                self.asked.push(Asked {
                    number: index.number,
                    key: key.clone(),
                });
            }
            self.changes.push(change);
        })
    }

    /// Bytes of the entries that it puts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let bytes = |change: &Change| match change {
            Change::Put(key, value) | Change::Revalue(key, value) => key.len() + value.len(),
            Change::Delete(_) => 0,
        };
        self.changes.iter().map(bytes).sum()
    }

    /// Writes it, for a document at a place.
    pub fn write(self, w: &mut dyn Writes, place: Order) {
        for change in self.changes {
            match change {
                Change::Put(key, value) | Change::Revalue(key, value) => {
                    w.put_at(key, place, value)
                }
                // planted: entry-stale
                Change::Delete(key) => w.delete_at(key, place),
            }
        }
    }
}

fn changed() -> Error {
    Error::internal("a definition has changed under its reader")
}
