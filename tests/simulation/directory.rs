//! Whether the records are what the formats promise: sorted, complete, nothing twice, no orphans.

use bytes::Bytes;
use patchstore::backend::{Id, RecordKey};
use patchstore::codec::cell::Cell;
use patchstore::codec::entry::Entry;
use patchstore::codec::head::Head;
use patchstore::codec::root::{Root, decode_directory_page};
use patchstore::codec::segment::Segment;
use std::collections::{BTreeMap, BTreeSet};

/// The id under which room is kept for deleting.
pub const RESERVE: RecordKey = RecordKey::Run(Id([0xff; 16]));

/// Checks the records of a database at rest, whose log has just been flushed and whose orphans have
/// just been collected by the only tab.
pub fn check(records: &[(RecordKey, Bytes)]) {
    let records: BTreeMap<RecordKey, Bytes> = records.iter().cloned().collect();
    let head = Head::decode(&records[&RecordKey::Head]).unwrap();
    let root = Root::decode(head.incarnation, &records[&RecordKey::Root]).unwrap();
    assert_eq!(
        root.epoch, head.epoch,
        "head and root are of different flips"
    );
    let mut live: BTreeSet<RecordKey> = BTreeSet::from([RecordKey::Head, RecordKey::Root]);
    let mut enter = |key: RecordKey| {
        assert!(live.insert(key), "{key:?} is referred to twice");
        assert!(records.contains_key(&key), "{key:?} is missing");
    };
    let mut pieces = BTreeSet::new();
    for run in &root.runs {
        check_run(run, &records, &mut pieces, &mut enter);
    }
    for level in &root.levels {
        let mut entries = Vec::new();
        for page in level {
            enter(RecordKey::Run(page.id));
            let record = &records[&RecordKey::Run(page.id)];
            let of_page = decode_directory_page(page.id, record).unwrap();
            let (first, last) = (of_page.first().unwrap(), of_page.last().unwrap());
            assert_eq!((&page.first, &page.last), (&first.first, &last.last));
            assert_eq!(page.entries, of_page.len() as u64);
            assert_eq!(
                page.records,
                of_page.iter().map(|entry| entry.records).sum::<u64>()
            );
            assert_eq!(
                page.bytes,
                of_page.iter().map(|entry| entry.bytes).sum::<u64>()
            );
            entries.extend(of_page);
        }
        check_run(&entries, &records, &mut pieces, &mut enter);
    }
    let garbage: BTreeSet<RecordKey> = root.garbage.iter().map(|garbage| garbage.key).collect();
    for key in records
        .keys()
        .filter(|key| !matches!(key, RecordKey::Frame(_)) && **key != RESERVE)
    {
        let known = live.contains(key) || pieces.contains(key) || garbage.contains(key);
        assert!(known, "{key:?} is an orphan");
    }
    for piece in &pieces {
        assert!(records.contains_key(piece), "{piece:?} is missing");
    }
}

/// Checks the pieces of a database at any moment: those that the directory shows are there, and not to be deleted; those
/// that it hides are to be, or are deleted.
pub fn check_pieces(records: &[(RecordKey, Bytes)]) {
    let records: BTreeMap<RecordKey, Bytes> = records.iter().cloned().collect();
    let Some(root) = records.get(&RecordKey::Root) else {
        return;
    };
    let head = Head::decode(&records[&RecordKey::Head]).unwrap();
    let root = Root::decode(head.incarnation, root).unwrap();
    let listed: BTreeSet<RecordKey> = root.garbage.iter().map(|garbage| garbage.key).collect();
    assert_eq!(listed.len(), root.garbage.len(), "garbage is listed twice");
    let mut sources = root.runs.clone();
    for level in &root.levels {
        let pages = level
            .iter()
            .map(|page| (page.id, &records[&RecordKey::Run(page.id)]));
        sources.push(
            pages
                .flat_map(|(id, page)| decode_directory_page(id, page).unwrap())
                .collect(),
        );
    }
    let mut newest: BTreeMap<Bytes, Cell> = BTreeMap::new();
    let mut hidden = BTreeSet::new();
    for entry in sources.iter().flatten() {
        let key = RecordKey::Run(entry.id);
        assert!(!listed.contains(&key), "{key:?} is live and listed");
        each_cell(entry, &records, |key, cell| {
            let cited = cell.cited_piece();
            if newest.contains_key(&key) {
                // (Of one that others may cite too nobody can tell without looking at them.)
                let sole = cited.filter(|piece| !piece.shared);
                hidden.extend(sole.map(|piece| RecordKey::Piece(piece.id)));
            }
            newest.entry(key).or_insert(cell);
        });
    }
    for piece in newest.values().filter_map(Cell::cited_piece) {
        let key = RecordKey::Piece(piece.id);
        assert!(records.contains_key(&key), "{key:?} is live and missing");
        assert!(!listed.contains(&key), "{key:?} is live and listed");
        hidden.remove(&key);
    }
    for key in &hidden {
        let known = listed.contains(key) || !records.contains_key(key);
        assert!(known, "{key:?} is hidden and not listed");
    }
}

fn open(entry: &Entry, records: &BTreeMap<RecordKey, Bytes>) -> Segment {
    let record = &records[&RecordKey::Run(entry.id)];
    Segment::open(entry.id, record, entry.fill).unwrap()
}

fn each_cell(
    entry: &Entry,
    records: &BTreeMap<RecordKey, Bytes>,
    mut take: impl FnMut(Bytes, Cell),
) {
    let segment = open(entry, records);
    for at in 0..segment.pages() {
        let page = segment.page(at).unwrap();
        for n in 0..page.len() {
            let key = page.key_bytes(n);
            if entry.first <= key && key <= entry.last {
                take(key, page.cell(n).unwrap());
            }
        }
    }
}

fn check_run(
    run: &[Entry],
    records: &BTreeMap<RecordKey, Bytes>,
    pieces: &mut BTreeSet<RecordKey>,
    enter: &mut impl FnMut(RecordKey),
) {
    for pair in run.windows(2) {
        assert!(
            pair[0].last < pair[1].first,
            "segments overlap or are out of order"
        );
    }
    for entry in run {
        enter(RecordKey::Run(entry.id));
        let segment = open(entry, records);
        let mut previous: Option<Bytes> = None;
        for at in 0..segment.pages() {
            let page = segment.page(at).unwrap();
            for n in 0..page.len() {
                let key = page.key_bytes(n);
                assert!(previous.as_ref() < Some(&key), "keys out of order");
                if entry.first <= key
                    && key <= entry.last
                    && let Some(piece) = page.cell(n).unwrap().cited_piece()
                {
                    pieces.insert(RecordKey::Piece(piece.id));
                }
                previous = Some(key);
            }
        }
    }
}
