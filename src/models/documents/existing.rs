//! What a new definition makes of the documents that are there: entries of its indexes, whether its references hold, and where
//! its sequences go on.

use bytes::Bytes;

use super::Collection;
use super::definition::{Definition, Reference, Sequence, counters_of};
use super::index::place_of;
use super::meta;
use super::unique::End;
use crate::codec::io::{put_varint, varint_in};
use crate::codec::js_string::JsString;
use crate::codec::order::{Order, PROVISIONAL};
use crate::codec::range;
use crate::codec::sort_key::SortKey;
use crate::codec::value::Form;
use crate::codec::value::exact::tag;
use crate::engine::access::{Attempt, Cursor, Writes};
use crate::error::{Code, Error, Result};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::keys;
use crate::models::names::check_key;
use crate::models::pace::Pace;
use crate::models::query::Path;
use crate::sorted::SortedMap;

/// Documents that are read at once.
const PAGE_DOCS: usize = 256;
/// Bytes after which no more are.
const PAGE_BYTES: usize = 1 << 20;
/// The greatest number that JavaScript holds exactly.
const MAX_NUMBER: f64 = 9_007_199_254_740_991.0;

/// A pass over all documents.
pub struct Existing {
    /// The numbers of the new indexes.
    indexes: Vec<u64>,
    references: Vec<Refers>,
    sequences: Vec<Counts>,
    /// The key of the last document that was read; `None`: none yet.
    last: Option<Bytes>,
    /// Documents that were read and are not done yet, from the end.
    read: Vec<(Order, Bytes)>,
    read_bytes: usize,
    /// So many are read, and no more.
    left: usize,
    /// Whether a page of them is there.
    is_paged: bool,
    is_read: bool,
    end: End,
    pace: Pace,
}

/// A new reference.
struct Refers {
    path: Path,
    collection: JsString,
    /// What the keys of the other collection's ids begin with.
    ids: Bytes,
}

/// A new sequence.
struct Counts {
    path: Path,
    per: Option<Path>,
    /// What the keys of its counters begin with.
    counters: Bytes,
    /// The greatest number that is there, by the counter's key.
    found: SortedMap<Bytes, f64>,
    held_bytes: usize,
}

impl Existing {
    /// What is new in `next`, the definition under `key`.
    #[must_use]
    pub fn new(key: &[u8], old: &Definition, next: &Definition) -> Self {
        Self::of(key, old, next, usize::MAX)
    }

    /// What is being built in a definition, for so many documents behind the one with the key `last`. Those that are not
    /// committed yet end it: who writes them keeps what is being built.
    #[must_use]
    pub fn page(key: &[u8], building: &Definition, last: Option<Bytes>, left: usize) -> Self {
        Self {
            last,
            is_read: false,
            ..Self::of(key, &building.settled(), building, left)
        }
    }

    fn of(key: &[u8], old: &Definition, next: &Definition, left: usize) -> Self {
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
        let sequences: Vec<Counts> = sequences.map(|of| Counts::new(key, of)).collect();
        Self {
            // (Nothing is looked for.)
            is_read: indexes.is_empty() && references.is_empty() && sequences.is_empty(),
            indexes,
            references,
            sequences,
            last: None,
            read: Vec::new(),
            read_bytes: 0,
            left,
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
        let left = &mut self.left;
        let ends_at_pending = *left < usize::MAX;
        let mut is_end = false;
        // (What was read before a stop is kept.)
        let more = w.scan(&mut cursor, true, &mut |key, doc| {
            let place = place_of(key)?;
            is_end = ends_at_pending && place.frame == PROVISIONAL;
            if is_end {
                return Ok(false);
            }
            *bytes += doc.len();
            *last = Some(Bytes::copy_from_slice(key));
            read.push((place, Bytes::copy_from_slice(doc)));
            *left -= 1;
            Ok(read.len() < PAGE_DOCS && *bytes < PAGE_BYTES && *left > 0)
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
                && let Some((place, doc)) = self.read.last().cloned()
            {
                for refers in &self.references {
                    refers.ask(w, &doc)?;
                }
                self.read.pop();
                self.write(w, of, place, &doc)?;
                self.pace.step(w)?;
            }
            if self.is_paged && (self.is_read || self.left == 0) {
                break;
            }
            self.is_paged = false;
            self.read(w, of)?;
        }
        for counts in &mut self.sequences {
            counts.write(w)?;
        }
        // planted: page-blind
        self.end.step(w, of)
    }

    /// Whether there is nothing to be done.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.indexes.is_empty() && self.references.is_empty() && self.sequences.is_empty()
    }

    /// The key of the last document that was read, where there may be more.
    #[must_use]
    pub fn more_behind(&self) -> Option<&Bytes> {
        self.last.as_ref().filter(|_| !self.is_read)
    }

    fn write(&mut self, w: &mut dyn Writes, of: &Collection, at: Order, doc: &[u8]) -> Result<()> {
        if let Some(kept) = of.kept(w)? {
            for number in &self.indexes {
                let changed = kept.change_in(*number, None, Some(doc))?;
                self.end.write(w, changed, at)?;
            }
        }
        self.sequences
            .iter_mut()
            .try_for_each(|counts| counts.look(doc))
    }

    /// Lets go of about so many; whether there are more.
    pub fn release(&mut self, count: usize) -> bool {
        self.end.release(count)
    }
}

impl Refers {
    fn new(key: &[u8], reference: &Reference) -> Self {
        let scope = keys::scope_bytes(key).unwrap_or_default();
        let ids = [&[keys::ID], scope].concat();
        Self {
            path: Path::from(&reference.field),
            ids: keys::with_string(&ids, reference.collection.as_js()),
            collection: reference.collection.clone(),
        }
    }

    /// Whether what a document refers to is there.
    fn ask(&self, w: &mut dyn Writes, doc: &[u8]) -> Attempt<()> {
        let Some(value) = self.path.find(Form::of(doc)?)? else {
            return Ok(());
        };
        let is_null = matches!(value, Form::Json(b"null") | Form::Exact([tag::NULL]));
        if is_null || value.is_undefined() {
            return Ok(());
        }
        let id = value.string()?;
        let id = id.filter(|id| check_key("", id.as_js()).is_ok());
        match id {
            Some(id) if w.contains(&keys::with_string(&self.ids, id.as_js()))? => Ok(()),
            id => Err(self.violation(doc, id)?.into()),
        }
    }

    fn violation(&self, doc: &[u8], id: Option<JsString>) -> Result<Error> {
        let of = meta::id_of(doc)?;
        let (of, field) = (
            of.as_js().to_display(),
            self.path.whole().text().to_display(),
        );
        let collection = self.collection.as_js().to_display();
        let message = match id {
            Some(id) => format!(
                "the document \"{of}\" refers by \"{field}\" to \"{}\", which is no document of \"{collection}\"",
                id.as_js().to_display(),
            ),
            None => format!(
                "the document \"{of}\" has in \"{field}\", which names documents of \"{collection}\", what is no id"
            ),
        };
        Ok(Error::new(Code::ConstraintViolation, message))
    }
}

impl Counts {
    fn new(key: &[u8], sequence: &Sequence) -> Self {
        Self {
            path: Path::from(&sequence.field),
            per: sequence.per.as_ref().map(Path::from),
            counters: counters_of(key, sequence).from,
            found: SortedMap::default(),
            held_bytes: 0,
        }
    }

    fn look(&mut self, doc: &[u8]) -> Result<()> {
        let doc = Form::of(doc)?;
        let number = match self.path.find(doc)? {
            Some(value) => value.number()?.unwrap_or_default(),
            None => return Ok(()),
        };
        if number.fract() != 0.0 || !(1.0..=MAX_NUMBER).contains(&number) {
            return Ok(());
        }
        let per = self.per.as_ref().map(|per| per.find(doc)).transpose()?;
        let per = SortKey::of(per.flatten())?;
        // planted: counter-astray
        let counter = [&self.counters[..], &per.bytes].concat();
        match self.found.get_mut(&counter[..]) {
            Some(found) => *found = found.max(number),
            None => {
                self.held_bytes += counter.len() + ITEM_BYTES;
                limits::within("what is written at once", self.held_bytes, MAX_CALL_BYTES)?;
                self.found.insert(counter.into(), number);
            }
        }
        Ok(())
    }

    /// Writes what is above what is there already.
    fn write(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        loop {
            let next = self.found.iter().next_back();
            let Some((counter, number)) = next.map(|(key, last)| (key.clone(), *last as u64))
            else {
                return Ok(());
            };
            let last = w.get(&counter)?.and_then(|last| varint_in(&last));
            if last.is_none_or(|(last, _)| last < number) {
                let mut value = Vec::new();
                put_varint(&mut value, number);
                w.put(counter.clone(), value.into());
            }
            self.found.remove(&counter);
        }
    }
}
