//! What a new definition makes of the documents that are there: entries of its indexes, whether its references hold, and where
//! its sequences go on.

use bytes::Bytes;

use super::Collection;
use super::definition::Definition;
use super::index::place_of;
use super::parents::Refers;
use super::sequences::{Numbered, Numbers};
use super::unique::End;
use crate::codec::order::{Order, PROVISIONAL};
use crate::codec::range;
use crate::engine::access::{Attempt, Cursor, Writes};
use crate::error::Result;
use crate::models::pace::Pace;

/// Documents that are read at once.
const READ_DOCS: usize = 256;
/// Bytes after which no more are.
const READ_BYTES: usize = 1 << 20;

/// So much is looked at in one commit.
pub const PAGE: Size = Size {
    docs: 2_000,
    bytes: 1 << 20,
};

/// A pass over all documents.
pub struct Existing {
    /// The numbers of the new indexes.
    indexes: Vec<u64>,
    references: Vec<Refers>,
    sequences: Vec<Numbered>,
    /// Where the sequences go on.
    numbers: Numbers,
    /// The key of the last document that was read; `None`: none yet.
    last: Option<Bytes>,
    /// Documents that were read and are not done yet, from the end, with their keys.
    read: Vec<(Bytes, Bytes)>,
    read_bytes: usize,
    /// It ends behind about so much, if there is more.
    size: Option<Size>,
    /// The documents that are done, what they and their entries take, and the key of the last of them.
    done: Size,
    behind: Option<Bytes>,
    /// Whether as many as are read at once are there.
    is_paged: bool,
    is_read: bool,
    end: End,
    pace: Pace,
}

/// How much it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Size {
    /// Documents.
    pub docs: usize,
    /// Bytes of the documents and their entries.
    pub bytes: usize,
}

impl Size {
    /// Whether it is more documents, or more bytes.
    #[must_use]
    pub const fn exceeds(self, most: Self) -> bool {
        self.docs > most.docs || self.bytes > most.bytes
    }

    /// Whether it is as many documents, or as many bytes.
    #[must_use]
    pub const fn reaches(self, most: Self) -> bool {
        self.docs >= most.docs || self.bytes >= most.bytes
    }
}

impl Existing {
    /// What is new in `next`, the definition under `key`.
    #[must_use]
    pub fn new(key: &[u8], old: &Definition, next: &Definition) -> Self {
        Self::of(key, old, next, None)
    }

    /// What is being built in a definition, for documents behind the one with the key `last`, until they are so much. Those that are
    /// not committed yet end it: who writes them keeps what is being built.
    #[must_use]
    pub fn page(key: &[u8], building: &Definition, last: Option<Bytes>, size: Size) -> Self {
        Self {
            last,
            is_read: false,
            ..Self::of(key, &building.settled(), building, Some(size))
        }
    }

    fn of(key: &[u8], old: &Definition, next: &Definition, size: Option<Size>) -> Self {
        let indexes = next.indexes.iter().map(|index| index.number);
        let indexes: Vec<u64> = indexes
            .filter(|number| old.index(*number).is_none())
            .collect();
        let references = next.references.iter().filter(|of| !old.refers(of));
        let references: Vec<Refers> = references.map(|of| Refers::new(key, of)).collect();
        let sequences = next
            .sequences
            .iter()
            .filter(|of| !old.sequences.contains(of));
        let sequences: Vec<Numbered> = sequences.map(|of| Numbered::new(key, of)).collect();
        Self {
            // (Nothing is looked for.)
            is_read: indexes.is_empty() && references.is_empty() && sequences.is_empty(),
            indexes,
            references,
            sequences,
            numbers: Numbers::default(),
            last: None,
            read: Vec::new(),
            read_bytes: 0,
            size,
            done: Size::default(),
            behind: None,
            is_paged: true,
            end: End::of_build(),
            pace: Pace::default(),
        }
    }

    /// Reads some documents more.
    fn read(&mut self, w: &mut dyn Writes, of: &Collection) -> Attempt<()> {
        let mut all = of.all();
        if let Some(last) = &self.last {
            all.from = range::after(last);
        }
        let mut cursor = Cursor::new(all, false);
        let (read, bytes, last) = (&mut self.read, &mut self.read_bytes, &mut self.last);
        let left = self
            .size
            .map(|size| size.docs.saturating_sub(self.done.docs));
        let most = left.unwrap_or(READ_DOCS).min(READ_DOCS);
        let ends_at_pending = self.size.is_some();
        let mut is_end = false;
        // (What was read before a stop is kept.)
        let more = w.scan(&mut cursor, true, &mut |key, doc| {
            is_end = ends_at_pending && place_of(key)?.frame == PROVISIONAL;
            if is_end {
                return Ok(false);
            }
            *bytes += doc.len();
            let key = Bytes::copy_from_slice(key);
            *last = Some(key.clone());
            read.push((key, Bytes::copy_from_slice(doc)));
            Ok(read.len() < most && *bytes < READ_BYTES)
        })?;
        self.read.reverse();
        (self.read_bytes, self.is_read, self.is_paged) = (0, !more || is_end, true);
        Ok(())
    }

    /// Runs until it does not stop. What it writes is by the definition that is in the catalog.
    ///
    /// # Errors
    /// A stop; `ConstraintViolation` where what is there does not fit; `LimitExceeded`.
    pub fn step(&mut self, w: &mut dyn Writes, of: &Collection) -> Attempt<()> {
        loop {
            while self.is_paged
                && !self.is_full()
                && let Some((key, doc)) = self.read.last().cloned()
            {
                for refers in &self.references {
                    if let Some(parent) = refers.parent(&doc)? {
                        parent.step(w, None)?;
                    }
                }
                self.numbers.follow(w, &self.sequences, &doc)?;
                self.read.pop();
                self.write(w, of, place_of(&key)?, &doc)?;
                self.behind = Some(key);
                self.pace.step(w)?;
            }
            if self.is_paged && (self.is_read || self.is_full()) {
                break;
            }
            self.is_paged = false;
            self.read(w, of)?;
        }
        self.numbers.write(w);
        // planted: page-blind
        self.end.step(w, of)
    }

    /// Whether there is nothing to be done.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.indexes.is_empty() && self.references.is_empty() && self.sequences.is_empty()
    }

    fn is_full(&self) -> bool {
        self.size.is_some_and(|size| self.done.reaches(size))
    }

    /// The key of the last document that is done, where there may be more.
    #[must_use]
    pub fn more_behind(&self) -> Option<&Bytes> {
        let is_over = self.is_read && self.read.is_empty();
        self.behind.as_ref().filter(|_| !is_over)
    }

    /// How many documents are done.
    #[must_use]
    pub const fn looked_at(&self) -> usize {
        self.done.docs
    }

    fn write(&mut self, w: &mut dyn Writes, of: &Collection, at: Order, doc: &[u8]) -> Result<()> {
        self.done.docs += 1;
        self.done.bytes += doc.len();
        let Some(kept) = of.kept(w)? else {
            return Ok(());
        };
        for number in &self.indexes {
            let changed = kept.change_in(*number, None, Some(doc))?;
            self.done.bytes += changed.bytes();
            self.end.write(w, changed, at)?;
        }
        Ok(())
    }

    /// Lets go of about so many; whether there are more.
    pub fn release(&mut self, count: usize) -> bool {
        self.end.release(count)
    }
}
