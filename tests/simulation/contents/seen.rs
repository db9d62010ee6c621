//! These records as they are found, each content that they hold with all its bytes.

use bytes::Bytes;
use patchstore::codec::value::cited;
use patchstore::engine::access::{Attempt, Cursor, Reads};
use patchstore::models::contents::{Piece, Pieces, content};
use patchstore::models::documents::Collection;
use std::collections::BTreeSet;

use super::model::{Records, encode};
use super::{KEY, Node, SIZES, bytes, content_of, hash, lent};

/// A read of all of them, of one view, and how far it has come.
pub struct Gathering {
    left: Vec<(Of, Cursor)>,
    records: Records,
    /// What is held, and not read yet.
    wanted: BTreeSet<u8>,
    reading: Option<Pieces>,
    read: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Of {
    Pairs(Node),
    Docs(Node),
    Lent,
}

impl Of {
    fn cursor(self) -> Cursor {
        let range = match self {
            Self::Pairs(node) => node.pairs().all(),
            Self::Docs(node) => node.docs().all(),
            Self::Lent => lent().all(),
        };
        Cursor::new(range, false)
    }
}

impl Gathering {
    pub fn new() -> Self {
        let of_nodes = Node::ALL.map(|node| [Of::Pairs(node), Of::Docs(node)]);
        let all = of_nodes.into_iter().flatten().chain([Of::Lent]);
        Self {
            left: all.map(|of| (of, of.cursor())).collect(),
            records: Records::new(),
            wanted: BTreeSet::new(),
            reading: None,
            read: Vec::new(),
        }
    }

    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Option<Bytes>> {
        while let Some((of, cursor)) = self.left.last_mut() {
            while let Some((key, stored)) = r.next(cursor)? {
                let found = contents_of(&stored);
                self.wanted.extend(&found);
                let (node, kind, name) = match of {
                    Of::Pairs(node) => (*node, 'p', node.pairs().key_text(&key).unwrap()),
                    Of::Docs(node) => (*node, 'd', Collection::id_of(&stored).unwrap()),
                    Of::Lent => continue,
                };
                let at = name.as_js().to_display().parse().unwrap();
                let other = self.records.insert((node, kind, at), found);
                assert!(other.is_none(), "an id is there twice");
            }
            self.left.pop();
        }
        while let Some(&held) = self.wanted.first() {
            self.read(held, r)?;
            self.wanted.pop_first();
        }
        Ok(encode(&self.records))
    }

    /// Reads a content that is held: it is here, whole.
    fn read(&mut self, held: u8, r: &mut dyn Reads) -> Attempt<()> {
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => {
                let found = content(r, &hash(held))?;
                let Some(found) = found else {
                    panic!("content {held} is held and gone");
                };
                assert_eq!(found.size, SIZES[usize::from(held)] as u64);
                none.insert(Pieces::new(found, 0, u64::MAX))
            }
        };
        let read = &mut self.read;
        reading.step(r, &mut |piece| {
            let Piece::Bytes(piece) = piece else {
                panic!("it is no Blob")
            };
            read.extend_from_slice(piece);
            Ok(())
        })?;
        assert!(self.read == bytes(held), "content {held} has other bytes");
        (self.reading, self.read) = (None, Vec::new());
        Ok(())
    }

    /// What was found, as the plain map has it.
    pub fn pair(found: Option<Bytes>) -> impl Iterator<Item = (Bytes, Bytes)> {
        found
            .map(|found| (Bytes::from_static(KEY), found))
            .into_iter()
    }
}

fn contents_of(stored: &[u8]) -> BTreeSet<u8> {
    let found = cited::contents(stored).unwrap().into_iter();
    found
        .map(|(hash, size)| {
            let content = content_of(&hash);
            assert_eq!(size, SIZES[usize::from(content)] as u64);
            content
        })
        .collect()
}
