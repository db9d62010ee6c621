//! Segments: their index, their pages as stored, and pages as decoded.

use super::{corpus, records, records::ID};
use bytes::Bytes;
use fastrand::Rng;
use patchstore::codec::cell::{Cell, PieceRef, Value};
use patchstore::codec::io::Input;
use patchstore::codec::marks::{self, Marks};
use patchstore::codec::order::{Order, PROVISIONAL};
use patchstore::codec::page::Page;
use patchstore::codec::page_builder::{CellHoles, PageBuilder};
use patchstore::codec::seal::{self, Record};
use patchstore::codec::segment::{Segment, SegmentBuilder};
use patchstore::codec::stamp::Fill;
use std::collections::BTreeMap;

fn a_hole(rng: &mut Rng) -> [u8; 12] {
    let slot = rng.u32(..9);
    let frame = PROVISIONAL;
    Order { frame, slot }.to_bytes()
}

/// Of what expires, mostly.
pub fn marks(rng: &mut Rng) -> Marks {
    let mut list = Marks::expiring(records::number(rng)).as_slice().to_vec();
    if rng.bool() {
        // Behind it, what may be passed over.
        list.extend([rng.u8(..120) | 3, 1, rng.u8(..)]);
    }
    Marks::of(&list)
}

pub fn a_mark_list(rng: &mut Rng) -> Vec<u8> {
    marks(rng).as_slice().to_vec()
}

pub fn mark_list(input: &[u8]) -> Option<Vec<u8>> {
    // Of what is no list, too, it is asked at worst in vain.
    let expiry = marks::expiry_of(input);
    marks::check(input).ok()?;
    assert!(expiry > 0);
    Some(Marks::of(input).as_slice().to_vec())
}

fn cells(rng: &mut Rng, most: usize) -> BTreeMap<Bytes, Cell> {
    let cell = |rng: &mut Rng| {
        let mut key = corpus::bytes(rng, 4);
        if rng.u8(..4) == 0 {
            key.extend(a_hole(rng));
        }
        let mut cell = match rng.u8(..6) {
            0 => Cell::tombstone(),
            1 => Cell::piece(PieceRef {
                id: records::id(rng),
                len: records::number(rng),
                shared: rng.bool(),
            }),
            2 => Cell::inline(Bytes::copy_from_slice(&a_hole(rng))),
            // Of few different bytes, for LZ4 to find.
            3 => Cell::inline(vec![rng.u8(..); rng.usize(..6000)].into()),
            _ => Cell::inline(corpus::bytes(rng, 12).repeat(rng.usize(..30)).into()),
        };
        if !cell.is_tombstone() && rng.u8(..4) == 0 {
            cell.marks = marks(rng);
        }
        (Bytes::from(key), cell)
    };
    (0..rng.usize(1..=most)).map(|_| cell(rng)).collect()
}

pub fn a_segment(rng: &mut Rng) -> Vec<u8> {
    let mut builder = SegmentBuilder::new(ID);
    for (key, cell) in cells(rng, 40) {
        builder.push(&key, &cell, Some(0));
    }
    builder.finish().0.to_vec()
}

fn holes(key: &[u8], cell: &Cell) -> CellHoles {
    let is_hole = |bytes: &[u8]| Order::from_bytes(bytes).is_some_and(|o| o.frame == PROVISIONAL);
    CellHoles {
        key: key.last_chunk::<12>().is_some_and(|tail| is_hole(tail)),
        value: matches!(&cell.value, Value::Inline(value) if is_hole(value)),
    }
}

pub fn a_page(rng: &mut Rng) -> Vec<u8> {
    let mut builder = PageBuilder::default();
    for (key, cell) in cells(rng, 6) {
        builder.push(&key, &cell, holes(&key, &cell));
    }
    builder.take()
}

fn checksum(bytes: &[u8]) -> u64 {
    seal::checksum(Record::segment(ID).seed(), bytes)
}

/// Makes the checks of the pages right that the index still leads to, then that of the index.
pub fn seal(record: &mut [u8]) {
    let Some((covered, _)) = record.split_last_chunk_mut::<8>() else {
        return;
    };
    let (tail, length) = covered
        .split_last_chunk::<4>()
        .map_or((&[][..], 0), |(rest, length)| {
            (rest, u32::from_le_bytes(*length) as usize)
        });
    let from = tail.len().saturating_sub(length);
    let index = Bytes::copy_from_slice(&tail[from..]);
    for (offset, stored) in places(index).unwrap_or_default() {
        let Some(end) = offset.checked_add(stored) else {
            continue;
        };
        let check = covered.get(offset..end).map(checksum);
        if let (Some(check), Some(place)) = (check, covered.get_mut(end..end.saturating_add(8))) {
            place.copy_from_slice(&check.to_le_bytes());
        }
    }
    let check = checksum(&covered[from..]);
    let end = covered.len();
    record[end..].copy_from_slice(&check.to_le_bytes());
}

/// Offsets and lengths of the pages, as far as the index can be read.
fn places(index: Bytes) -> Option<Vec<(usize, usize)>> {
    let mut input = Input::new(index, "index");
    let mut places = Vec::new();
    let mut offset = 8usize;
    for _ in 0..input.count().ok()? {
        let stored = input.varint().ok()? as usize;
        places.push((offset, stored));
        offset = offset.saturating_add(stored).saturating_add(8);
        if input.varint().and_then(|_| input.bytes()).is_err() {
            break;
        }
    }
    Some(places)
}

fn fill(frame: u64) -> Fill {
    Fill {
        frame,
        ..Fill::default()
    }
}

pub fn segment(input: &[u8]) -> Option<Vec<u8>> {
    let record = Bytes::copy_from_slice(input);
    // Filled with themselves, holes stay.
    let segment = Segment::open(ID, &record, fill(PROVISIONAL)).ok()?;
    let filled = Segment::open(ID, &record, fill(42)).ok()?;
    let mut builder = SegmentBuilder::new(ID);
    let mut last: Option<Bytes> = None;
    for at in 0..segment.pages() {
        let page = segment.page(at).ok()?;
        drop(filled.page(at));
        walk(&page);
        // Keys that do not ascend from page to page are a forgery that no check of one page finds.
        if last.is_some_and(|last| last >= page.key_bytes(0)) || page.is_empty() {
            return None;
        }
        last = Some(page.key_bytes(page.len() - 1));
        for at in 0..page.len() {
            builder.push(&page.key_bytes(at), &page.cell(at).unwrap(), Some(0));
        }
        assert!(
            segment.page_of(page.key(0)) < segment.pages(),
            "no such page"
        );
    }
    Some(builder.finish().0.to_vec())
}

pub fn page(input: &[u8]) -> Option<Vec<u8>> {
    drop(Page::decode(input.to_vec(), fill(42)).map(|filled| walk(&filled)));
    let page = Page::decode(input.to_vec(), fill(PROVISIONAL)).ok()?;
    walk(&page);
    let mut builder = PageBuilder::default();
    for at in 0..page.len() {
        let cell = page.cell(at).unwrap();
        builder.push(page.key(at), &cell, holes(page.key(at), &cell));
    }
    Some(builder.take())
}

/// A page that was decoded has all its cells, in order.
fn walk(page: &Page) {
    for at in 0..page.len() {
        let cell = page.cell(at);
        assert!(
            cell.is_some(),
            "a cell of a page that was checked is broken"
        );
        assert_eq!(page.is_tombstone(at), cell == Some(Cell::tombstone()));
        assert_eq!(
            page.lower_bound(page.key(at)),
            at,
            "a key is not where it is looked for"
        );
        assert_eq!(page.key_bytes(at), page.key(at));
    }
    assert!(page.cell(page.len()).is_none() && page.key(page.len()).is_empty());
}
