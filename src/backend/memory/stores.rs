//! The four stores and what transactions do to them.

use crate::sorted::SortedMap;
use bytes::Bytes;

use crate::backend::refusals::{LAST_NUMBER, number_out_of_range, put_of_frame};
use crate::backend::{Append, Appended, Failure, Id, IdStore, Read, RecordKey, Reply, Seen, Write};

/// The records of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stores {
    head: Option<Bytes>,
    root: Option<Bytes>,
    log: SortedMap<u64, Bytes>,
    /// The highest number that the key generator has passed.
    passed: u64,
    runs: SortedMap<Id, Bytes>,
    blobs: SortedMap<Id, Bytes>,
}

/// How many records a store holds, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreSize {
    /// Records.
    pub records: usize,
    /// Bytes of their values.
    pub bytes: usize,
}

/// What the four stores hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Head and root of the directory.
    pub head: StoreSize,
    /// Frames.
    pub log: StoreSize,
    /// Segments and directory pages.
    pub runs: StoreSize,
    /// Pieces of large values.
    pub blobs: StoreSize,
}

impl Stores {
    /// A readonly transaction.
    pub fn read(&self, reads: &[Read]) -> Vec<Reply> {
        reads.iter().map(|read| self.reply(*read)).collect()
    }

    fn reply(&self, read: Read) -> Reply {
        match read {
            Read::Get(key) => Reply::Record(self.get(key)),
            Read::Frames { after, limit } => {
                let frames = self.log.after(&after).take(limit as usize);
                Reply::Frames(
                    frames
                        .map(|(number, bytes)| (*number, bytes.clone()))
                        .collect(),
                )
            }
            Read::Ids(store) => Reply::Ids(self.by_id(store).keys().copied().collect()),
            Read::Count(store) => Reply::Count(self.by_id(store).len() as u64),
        }
    }

    fn get(&self, key: RecordKey) -> Option<Bytes> {
        match key {
            RecordKey::Head => self.head.clone(),
            RecordKey::Root => self.root.clone(),
            RecordKey::Frame(number) => self.log.get(&number).cloned(),
            RecordKey::Run(id) => self.runs.get(&id).cloned(),
            RecordKey::Piece(id) => self.blobs.get(&id).cloned(),
        }
    }

    fn by_id(&self, store: IdStore) -> &SortedMap<Id, Bytes> {
        match store {
            IdStore::Runs => &self.runs,
            IdStore::Blobs => &self.blobs,
        }
    }

    /// A readwrite transaction; on failure nothing has changed.
    pub fn write(&mut self, writes: Vec<Write>) -> Result<(), Failure> {
        let puts_frame = |write: &Write| matches!(write, Write::Put(RecordKey::Frame(_), _));
        if writes.iter().any(puts_frame) {
            return Err(put_of_frame());
        }
        let mut cut = false;
        for write in &writes {
            match write {
                Write::CutLog { .. } => cut = true,
                // What has been cut before is free.
                Write::Add(at, _) if !cut => drop(self.free_number(*at)?),
                _ => {}
            }
        }
        for write in writes {
            match write {
                Write::Put(key, bytes) => self.put(key, bytes),
                Write::Delete(key) => self.delete(key),
                Write::CutLog { through } => {
                    self.log.retain(|number, _| *number > through);
                }
                Write::Clear(IdStore::Runs) => self.runs = SortedMap::default(),
                Write::Clear(IdStore::Blobs) => self.blobs = SortedMap::default(),
                Write::Add(at, frame) => drop(self.add(at, frame)?),
            }
        }
        Ok(())
    }

    /// Puts a record, whatever its kind.
    pub fn put(&mut self, key: RecordKey, bytes: Bytes) {
        match key {
            RecordKey::Head => self.head = Some(bytes),
            RecordKey::Root => self.root = Some(bytes),
            RecordKey::Frame(number) => drop(self.log.insert(number, bytes)),
            RecordKey::Run(id) => drop(self.runs.insert(id, bytes)),
            RecordKey::Piece(id) => drop(self.blobs.insert(id, bytes)),
        }
    }

    fn delete(&mut self, key: RecordKey) {
        match key {
            RecordKey::Head => self.head = None,
            RecordKey::Root => self.root = None,
            RecordKey::Frame(number) => drop(self.log.remove(&number)),
            RecordKey::Run(id) => drop(self.runs.remove(&id)),
            RecordKey::Piece(id) => drop(self.blobs.remove(&id)),
        }
    }

    /// A commit; on failure nothing has changed, the key generator neither.
    pub fn append(&mut self, append: Append) -> Result<Appended, Failure> {
        let number = self.add(append.at, append.frame)?;
        for (id, piece) in append.pieces {
            self.blobs.insert(id, piece);
        }
        Ok(Appended {
            number,
            head: append.at.and(self.head.clone()),
        })
    }

    fn add(&mut self, at: Option<u64>, frame: Bytes) -> Result<u64, Failure> {
        let number = self.free_number(at)?;
        self.log.insert(number, frame);
        self.passed = self.passed.max(number);
        Ok(number)
    }

    fn free_number(&self, at: Option<u64>) -> Result<u64, Failure> {
        let number = at.unwrap_or(self.passed + 1);
        if number > LAST_NUMBER {
            return Err(number_out_of_range());
        }
        if self.log.contains_key(&number) {
            return Err(Failure::Taken);
        }
        Ok(number)
    }

    /// What a flip sees.
    pub fn seen(&self) -> Seen {
        let last_frame = self.log.keys().next_back().copied();
        Seen {
            head: self.head.clone(),
            last_frame,
        }
    }

    /// Whether there is such a record.
    #[cfg(any(not(target_arch = "wasm32"), feature = "simulation"))]
    pub fn has(&self, key: RecordKey) -> bool {
        self.get(key).is_some()
    }

    /// Every record.
    #[cfg(any(not(target_arch = "wasm32"), feature = "simulation"))]
    pub fn records(&self) -> Vec<(RecordKey, Bytes)> {
        let single = [(RecordKey::Head, &self.head), (RecordKey::Root, &self.root)];
        let single = single
            .into_iter()
            .filter_map(|(key, bytes)| Some((key, bytes.clone()?)));
        let frames = self
            .log
            .iter()
            .map(|(n, b)| (RecordKey::Frame(*n), b.clone()));
        let runs = self
            .runs
            .iter()
            .map(|(id, b)| (RecordKey::Run(*id), b.clone()));
        let blobs = self
            .blobs
            .iter()
            .map(|(id, b)| (RecordKey::Piece(*id), b.clone()));
        single.chain(frames).chain(runs).chain(blobs).collect()
    }

    /// Counts and sizes.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            head: size(self.head.iter().chain(&self.root)),
            log: size(self.log.values()),
            runs: size(self.runs.values()),
            blobs: size(self.blobs.values()),
        }
    }
}

fn size<'a>(values: impl Iterator<Item = &'a Bytes>) -> StoreSize {
    values.fold(StoreSize::default(), |sum, bytes| StoreSize {
        records: sum.records + 1,
        bytes: sum.bytes + bytes.len(),
    })
}
