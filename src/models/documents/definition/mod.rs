//! What is defined of a collection: its indexes, references and sequences. It stands in the collection's record of the
//! catalog (`record` has its bytes), in which tabs find what they have to keep.

use crate::codec::js_string::JsString;
use crate::codec::tags::Tags;
use crate::error::{Code, Error, Result};
use crate::models::names::check_name;

mod becoming;
mod record;
mod store;
mod wanted;

pub use becoming::Wish;
pub use store::{
    beside, counters_of, forget, forget_build, give_up, next_number, of_build, record_of,
};
pub use wanted::{IndexSpec, Wanted};

/// Fields of one index.
pub const MAX_FIELDS: usize = 8;
/// Indexes of one collection.
pub const MAX_INDEXES: usize = 64;

/// The flags of a part of a definition. Which of them a part may have, its own list says.
pub mod flag {
    /// An index: no two documents have the same values in its fields.
    pub const UNIQUE: u8 = 0x01;
    /// A sequence: on its own for each value of another field.
    pub const PER: u8 = 0x01;
    /// An index: it has an entry for each element of an array.
    pub const MULTI: u8 = 0x02;
    /// Not yet true of all documents that are there.
    pub const BUILDING: u8 = 0x04;
    /// An index: somebody has made it.
    pub const CREATED: u8 = 0x08;
    /// An index: the collection's definition has it.
    pub const DEFINED: u8 = 0x10;
    /// An index: a reference looks up by it who refers to a document.
    pub const OF_REFERENCE: u8 = 0x20;
    /// Kept until the build ends that puts another in its place.
    pub const LEAVING: u8 = 0x40;
    /// Of an index.
    pub const OF_INDEX: u8 = UNIQUE | MULTI | BUILDING | CREATED | DEFINED | OF_REFERENCE | LEAVING;
    /// Of a reference.
    pub const OF_REFERENCES: u8 = BUILDING | LEAVING;
    /// Of a sequence.
    pub const OF_SEQUENCE: u8 = PER | BUILDING | LEAVING;
}

/// What is defined of one collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// Its indexes, also those that are being built.
    pub indexes: Vec<Index>,
    /// Fields that name documents of other collections.
    pub references: Vec<Reference>,
    /// Fields that are numbered.
    pub sequences: Vec<Sequence>,
    /// The number of the build that is under way.
    pub build: Option<u64>,
    /// What this library does not know, and does not need to.
    pub more: Tags,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its number in the patch, which no other ever has; its entries' keys begin with it.
    pub number: u64,
    /// [`flag::OF_INDEX`].
    pub flags: u8,
    /// The fields (dotted paths too), from the one that sorts first.
    pub fields: Vec<JsString>,
}

/// A field that names documents of another collection of the same scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The field.
    pub field: JsString,
    /// The other collection.
    pub collection: JsString,
    /// What becomes of a document when the one that it names goes.
    pub on_delete: OnDelete,
    /// [`flag::OF_REFERENCES`].
    pub flags: u8,
    /// The number of an index whose one field is this one.
    pub index: u64,
}

/// What becomes of documents whose referenced document goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OnDelete {
    /// While there are any, it does not go.
    Restrict = 0,
    /// They go with it.
    Cascade = 1,
    /// Their fields become null.
    SetNull = 2,
}

/// A field that is numbered at insertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The field.
    pub field: JsString,
    /// [`flag::OF_SEQUENCE`] but for [`flag::PER`].
    pub flags: u8,
    /// The field for each value of which it counts on its own.
    pub per: Option<JsString>,
}

impl Index {
    /// Whether a flag is set.
    #[must_use]
    pub const fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether queries may use it: it has an entry for every document.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        !self.is(flag::BUILDING)
    }

    /// Whether users are told of it: somebody has asked for it, and it is ready.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.is_ready() && self.is(flag::CREATED | flag::DEFINED)
    }
}

impl Definition {
    /// Whether it says nothing, and so needs no record.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.indexes.is_empty()
            && self.references.is_empty()
            && self.sequences.is_empty()
            && self.build.is_none()
            && self.more.is_empty()
    }

    /// The index of a number.
    #[must_use]
    pub fn index(&self, number: u64) -> Option<&Index> {
        self.indexes.iter().find(|index| index.number == number)
    }

    /// Checks what is to be stored.
    ///
    /// # Errors
    /// `LimitExceeded` above [`MAX_INDEXES`] or [`MAX_FIELDS`]; `InvalidArgument` for an index without fields or with one twice,
    /// and for names that are empty or too long.
    pub fn check(&self) -> Result<()> {
        if self.indexes.len() > MAX_INDEXES {
            let message = format!("a collection has {MAX_INDEXES} indexes at most");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        self.indexes.iter().try_for_each(Index::check)?;
        for reference in &self.references {
            check_name("the field of a reference", reference.field.as_js())?;
            check_name(
                "the collection of a reference",
                reference.collection.as_js(),
            )?;
        }
        for sequence in &self.sequences {
            check_name("the field of a sequence", sequence.field.as_js())?;
            if let Some(per) = &sequence.per {
                check_name("the \"per\" of a sequence", per.as_js())?;
            }
        }
        Ok(())
    }
}

impl Index {
    fn check(&self) -> Result<()> {
        if self.fields.len() > MAX_FIELDS {
            let message = format!("an index has {MAX_FIELDS} fields at most");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        if self.fields.is_empty() {
            return Err(Error::invalid("an index has no field"));
        }
        let mut before: &[JsString] = &[];
        for (at, field) in self.fields.iter().enumerate() {
            check_name("the field of an index", field.as_js())?;
            if before.contains(field) {
                return Err(Error::invalid(format!(
                    "an index has the field \"{}\" twice",
                    field.as_js().to_display()
                )));
            }
            before = self.fields.get(..=at).unwrap_or_default();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
