//! The directory: its root and its pages.
//!
//! Root, kind `R` of the envelope, body:
//!
//! ```text
//! varint  epoch of the head that the root belongs to
//! varint  number of runs in level 0, the newest first; of each: varint number of entries, entries
//! varint  number of levels below; of each, from level 1 on:
//!   varint  number of directory pages, in key order; of each:
//!     16      id of the record in `runs`
//!     bytes   first key, last key
//!     1       flags: 20 has records that can expire, 80 tags follow
//!     varint  entries, records, bytes (of keys and values), stored bytes (of the segments)
//!     varint  least time at which any expires, varint how many can (flag 20)
//!     tags    (flag 80; see `tags`), kept as long as the reference
//! varint  number of garbage records, each: 1 (0 = `runs`, 1 = `blobs`), 16 id, varint bytes,
//!         varint epoch of the flip that replaced it: to be deleted some flips later
//! tags    (see `tags`): 12 the catalog (see `catalog`), where the head has its last change; others are kept by every flip
//! ```
//!
//! Directory page, kind `D`, body: varint number of entries, entries in key order (see `entry`).

use bytes::Bytes;

use super::cell::PieceRef;
use super::entry::{Entry, flags_of, put_said, read_flags, read_said};
use super::expiry::Expiry;
use super::io::{Input, later, put_bytes, put_varint};
use super::kinds::tag::CATALOG;
use super::kinds::{entry as flag, store as stores};
use super::seal::{self, Record};
use super::tags::Tags;
use crate::error::{Error, Result};
use crate::record::{Id, RecordKey};

/// The root of the directory; see the module for its format.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Root {
    /// The epoch of the head that the root belongs to.
    pub epoch: u64,
    /// Level 0: runs that may overlap, the newest first; each a sequence of disjoint segments.
    pub runs: Vec<Vec<Entry>>,
    /// Levels 1 and below: disjoint segments, listed by directory pages in key order.
    pub levels: Vec<Vec<PageRef>>,
    /// The records that recent flips replaced.
    pub garbage: Vec<Garbage>,
    /// The catalog up to the head's position, encoded, of a patch that has one.
    pub catalog: Option<Bytes>,
    /// Fields that this library does not know.
    pub more: Tags,
}

/// A record that is no longer live and waits to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbage {
    /// The key of the record.
    pub key: RecordKey,
    /// The size of the record, in bytes.
    pub bytes: u64,
    /// The epoch of the flip that replaced the record; 0 until that is known.
    pub epoch: u64,
}

impl Garbage {
    /// A record that the flip under construction replaces.
    #[must_use]
    pub fn new(key: RecordKey, bytes: u64) -> Self {
        Self {
            key,
            bytes,
            epoch: 0,
        }
    }

    /// A piece that the flip under construction loses with its cell. `None` if other cells may cite the piece too; the
    /// collection of unreferenced records finds those.
    #[must_use]
    pub fn piece(piece: PieceRef) -> Option<Self> {
        // planted: list-shared
        let is_sole = !piece.shared;
        is_sole.then(|| Self::new(RecordKey::Piece(piece.id), piece.len))
    }
}

/// A reference to a directory page, with a summary of its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRef {
    /// The record in `runs`.
    pub id: Id,
    /// The lowest key of its segments.
    pub first: Bytes,
    /// The highest key of its segments.
    pub last: Bytes,
    /// How many entries the page has, one per segment.
    pub entries: u64,
    /// How many live records its segments have.
    pub records: u64,
    /// Bytes of the keys and values of `records`.
    pub bytes: u64,
    /// Stored bytes of the segments.
    pub stored: u64,
    /// When and how many of `records` can expire.
    pub expiry: Expiry,
    /// Fields that this library does not know.
    pub more: Tags,
}

impl Root {
    /// Checks that the segments of each run and the pages of each level are in order and disjoint.
    ///
    /// # Errors
    /// The invariant that the root violates.
    pub fn check(&self) -> std::result::Result<(), &'static str> {
        self.runs.iter().try_for_each(|run| check_entries(run))?;
        for level in &self.levels {
            let inverted = |page: &PageRef| page.first > page.last || page.entries == 0;
            if level.iter().any(inverted) {
                return Err("a directory page's bounds are inverted");
            }
            let mut pairs = level.iter().zip(level.iter().skip(1));
            if pairs.any(|(a, b)| a.last >= b.first) {
                return Err("the directory pages of a level overlap");
            }
        }
        Ok(())
    }

    /// Encodes the root of an incarnation.
    #[must_use]
    pub fn encode(&self, incarnation: Id) -> Bytes {
        let of = Record::root(incarnation);
        let mut out = seal::start(of, 1024);
        put_varint(&mut out, self.epoch);
        put_varint(&mut out, self.runs.len() as u64);
        for run in &self.runs {
            put_entries(run, &mut out);
        }
        put_varint(&mut out, self.levels.len() as u64);
        for level in &self.levels {
            put_varint(&mut out, level.len() as u64);
            for page in level {
                out.extend_from_slice(&page.id.0);
                put_bytes(&mut out, &page.first);
                put_bytes(&mut out, &page.last);
                out.push(flags_of(&page.expiry, &page.more));
                for number in [page.entries, page.records, page.bytes, page.stored] {
                    put_varint(&mut out, number);
                }
                put_said(&page.expiry, &page.more, &mut out);
            }
        }
        put_varint(&mut out, self.garbage.len() as u64);
        for garbage in &self.garbage {
            let (store, id) = match garbage.key {
                RecordKey::Piece(id) => (stores::BLOBS, id),
                RecordKey::Run(id) => (stores::RUNS, id),
                RecordKey::Head | RecordKey::Root | RecordKey::Frame(_) => continue,
            };
            out.push(store);
            out.extend_from_slice(&id.0);
            put_varint(&mut out, garbage.bytes);
            put_varint(&mut out, garbage.epoch);
        }
        match &self.catalog {
            None => self.more.put(&mut out),
            Some(catalog) => {
                let mut tags = self.more.clone();
                tags.add(CATALOG, catalog);
                tags.put(&mut out);
            }
        }
        seal::finish(of, out)
    }

    /// Decodes the root of an incarnation.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`, `Encrypted`.
    pub fn decode(incarnation: Id, record: &Bytes) -> Result<Self> {
        let body = seal::open(Record::root(incarnation), record)?;
        let mut input = Input::new(body, "root");
        let mut root = Self {
            epoch: input.varint()?,
            ..Self::default()
        };
        for _ in 0..input.count()? {
            root.runs.push(read_entries(&mut input)?);
        }
        for _ in 0..input.count()? {
            let mut level = Vec::new();
            for _ in 0..input.count()? {
                level.push(read_page_ref(&mut input)?);
            }
            root.levels.push(level);
        }
        for _ in 0..input.count()? {
            let store = input.u8()?;
            let id = Id(input.array()?);
            let key = match store {
                stores::RUNS => RecordKey::Run(id),
                stores::BLOBS => RecordKey::Piece(id),
                _ => return Err(later("root")),
            };
            root.garbage.push(Garbage {
                key,
                bytes: input.varint()?,
                epoch: input.varint()?,
            });
        }
        root.more = Tags::read(&mut input)?;
        input.end()?;
        root.more.needs(&[CATALOG], "root")?;
        root.catalog = root.more.take(CATALOG);
        root.check().map_err(Error::corrupt)?;
        Ok(root)
    }
}

fn read_page_ref(input: &mut Input) -> Result<PageRef> {
    let id = Id(input.array()?);
    let (first, last) = (input.bytes()?, input.bytes()?);
    let flags = read_flags(input, flag::OF_PAGES)?;
    let [entries, records, bytes, stored] = [
        input.varint()?,
        input.varint()?,
        input.varint()?,
        input.varint()?,
    ];
    let (expiry, more) = read_said(input, flags)?;
    Ok(PageRef {
        id,
        first,
        last,
        entries,
        records,
        bytes,
        stored,
        expiry,
        more,
    })
}

fn put_entries(entries: &[Entry], out: &mut Vec<u8>) {
    put_varint(out, entries.len() as u64);
    for entry in entries {
        entry.encode(out);
    }
}

fn read_entries(input: &mut Input) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for _ in 0..input.count()? {
        entries.push(Entry::decode(input)?);
    }
    Ok(entries)
}

/// Checks that the segments of a run or a directory page are in order and disjoint.
///
/// # Errors
/// The invariant that they violate.
pub fn check_entries(entries: &[Entry]) -> std::result::Result<(), &'static str> {
    if entries.iter().any(|entry| entry.first > entry.last) {
        return Err("a segment's bounds are inverted");
    }
    let mut pairs = entries.iter().zip(entries.iter().skip(1));
    if pairs.any(|(a, b)| a.last >= b.first) {
        return Err("the segments of a run overlap");
    }
    Ok(())
}

/// Encodes a directory page. Returns it with its reference, which is `None` if there are no entries.
#[must_use]
pub fn encode_directory_page(id: Id, entries: &[Entry]) -> (Bytes, Option<PageRef>) {
    let of = Record::directory(id);
    let mut out = seal::start(of, entries.len() * 128);
    put_entries(entries, &mut out);
    let reference = entries
        .first()
        .zip(entries.last())
        .map(|(first, last)| PageRef {
            id,
            first: first.first.clone(),
            last: last.last.clone(),
            entries: entries.len() as u64,
            records: sum(entries, |entry| entry.records),
            bytes: sum(entries, |entry| entry.bytes),
            stored: sum(entries, |entry| entry.stored),
            expiry: entries.iter().fold(Expiry::default(), |mut all, entry| {
                all.join(&entry.expiry);
                all
            }),
            more: Tags::default(),
        });
    (seal::finish(of, out), reference)
}

/// A sum over entries. Saturates, because a forged page may claim numbers whose sum overflows.
fn sum(entries: &[Entry], of: impl Fn(&Entry) -> u64) -> u64 {
    entries.iter().map(of).fold(0, u64::saturating_add)
}

/// Decodes the directory page `id`.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`, `Encrypted`.
pub fn decode_directory_page(id: Id, record: &Bytes) -> Result<Vec<Entry>> {
    let body = seal::open(Record::directory(id), record)?;
    let mut input = Input::new(body, "directory page");
    let entries = read_entries(&mut input)?;
    input.end()?;
    check_entries(&entries).map_err(Error::corrupt)?;
    Ok(entries)
}
