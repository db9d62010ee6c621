//! What a definition becomes.

use super::wanted::{IndexSpec, Wanted};
use super::{Definition, Index, Reference, Sequence, flag};
use crate::codec::js_string::JsString;
use crate::error::Result;

/// Somebody has asked for it.
const ASKED_FOR: u8 = flag::CREATED | flag::DEFINED;

/// What somebody wishes of a definition.
#[derive(Debug, Clone)]
pub enum Wish {
    /// An index besides; one over the same fields makes room for it.
    Index(IndexSpec),
    /// All of it but for the indexes of the wish above.
    Whole(Wanted),
    /// Without the index over these fields.
    Without(Vec<JsString>),
}

/// Gives a number to a new index.
type Number<'a> = dyn FnMut(&IndexSpec) -> Result<u64> + 'a;

impl Definition {
    /// What it becomes by a wish.
    ///
    /// # Errors
    /// As [`Definition::check`]; what `number` fails with.
    pub fn becomes(&self, wish: &Wish, number: &mut Number<'_>) -> Result<Self> {
        let mut next = self.clone();
        match wish {
            Wish::Index(spec) => next.include(spec, flag::CREATED, number)?,
            Wish::Whole(wanted) => next.become_all(wanted, number)?,
            Wish::Without(fields) => next.make_room(&|index| index.fields == *fields),
        }
        // (One that only a reference needs refuses nothing.)
        next.indexes.retain_mut(|index| {
            if !index.is(ASKED_FOR) {
                index.flags &= !flag::UNIQUE;
            }
            index.is(ASKED_FOR | flag::OF_REFERENCE)
        });
        next.check()?;
        Ok(next)
    }

    /// Without what is being built.
    #[must_use]
    pub fn settled(&self) -> Self {
        let mut settled = self.clone();
        settled.indexes.retain(Index::is_ready);
        settled
            .references
            .retain(|of| of.flags & flag::BUILDING == 0);
        settled
            .sequences
            .retain(|of| of.flags & flag::BUILDING == 0);
        settled.build = None;
        settled
    }

    /// With what is being built in another one.
    #[must_use]
    pub fn with_building_of(mut self, other: &Self) -> Self {
        let indexes = other.indexes.iter().filter(|index| !index.is_ready());
        self.indexes.extend(indexes.cloned());
        let references = other.references.iter();
        let references = references.filter(|of| of.flags & flag::BUILDING != 0);
        self.references.extend(references.cloned());
        let sequences = other.sequences.iter();
        let sequences = sequences.filter(|of| of.flags & flag::BUILDING != 0);
        self.sequences.extend(sequences.cloned());
        self.build = other.build;
        self
    }

    /// What it has until a build has made `next` of it.
    #[must_use]
    pub fn staged(&self, next: &Self, build: u64) -> Self {
        let mut staged = self.clone();
        let new = next.indexes.iter();
        let new = new.filter(|index| self.index(index.number).is_none());
        staged.indexes.extend(new.cloned().map(|index| Index {
            flags: index.flags | flag::BUILDING,
            ..index
        }));
        let new = next.references.iter().filter(|of| !self.refers(of));
        staged.references.extend(new.cloned().map(|of| Reference {
            flags: flag::BUILDING,
            ..of
        }));
        let new = next.sequences.iter();
        let new = new.filter(|of| !self.sequences.contains(of));
        staged.sequences.extend(new.cloned().map(|of| Sequence {
            flags: flag::BUILDING,
            ..of
        }));
        staged.build = Some(build);
        staged
    }

    /// What it becomes by a wish out of what is being built for that; `None`: something else is.
    ///
    /// # Errors
    /// As [`Definition::becomes`].
    pub fn finished(&self, wish: &Wish) -> Result<Option<Self>> {
        let mut is_there = true;
        let next = self.settled().becomes(wish, &mut |spec| {
            let mut building = self.indexes.iter().filter(|index| !index.is_ready());
            let found = building.find(|index| spec.is(index));
            is_there &= found.is_some();
            Ok(found.map_or(0, |index| index.number))
        })?;
        Ok(is_there.then_some(next))
    }

    /// Whether a reference is there, whatever becomes of documents.
    #[must_use]
    pub fn refers(&self, of: &Reference) -> bool {
        let is_it = |it: &Reference| it.field == of.field && it.collection == of.collection;
        self.references.iter().any(is_it)
    }

    fn include(&mut self, spec: &IndexSpec, by: u8, number: &mut Number<'_>) -> Result<()> {
        self.make_room(&|index| index.fields == spec.fields && !spec.is(index));
        match self.indexes.iter_mut().find(|index| spec.is(index)) {
            Some(index) => index.flags |= by,
            None => self.indexes.push(Index {
                number: number(spec)?,
                flags: spec.flags() | by,
                fields: spec.fields.clone(),
            }),
        }
        Ok(())
    }

    /// Nobody asks for those any more.
    fn make_room(&mut self, of: &dyn Fn(&Index) -> bool) {
        for index in self.indexes.iter_mut().filter(|index| of(index)) {
            index.flags &= !ASKED_FOR;
        }
    }

    fn become_all(&mut self, wanted: &Wanted, number: &mut Number<'_>) -> Result<()> {
        for index in &mut self.indexes {
            index.flags &= !(flag::DEFINED | flag::OF_REFERENCE);
        }
        for spec in &wanted.indexes {
            self.include(spec, flag::DEFINED, number)?;
        }
        self.references.clear();
        for reference in &wanted.references {
            let index = self.index_of(&reference.field, number)?;
            self.references.push(Reference {
                index,
                ..reference.clone()
            });
        }
        self.sequences.clone_from(&wanted.sequences);
        Ok(())
    }

    /// The index of a field that refers: one that is there for another reason, or that there was, or a new one.
    fn index_of(&mut self, field: &JsString, number: &mut Number<'_>) -> Result<u64> {
        let is_over = |index: &&mut Index| {
            index.fields == std::slice::from_ref(field) && !index.is(flag::MULTI)
        };
        let found = self.indexes.iter_mut().filter(is_over);
        if let Some(index) = found.max_by_key(|index| index.is(ASKED_FOR)) {
            index.flags |= flag::OF_REFERENCE;
            return Ok(index.number);
        }
        let spec = IndexSpec {
            fields: vec![field.clone()],
            unique: false,
            multi: false,
        };
        let number = number(&spec)?;
        self.indexes.push(Index {
            number,
            flags: flag::OF_REFERENCE,
            fields: spec.fields,
        });
        Ok(number)
    }
}
