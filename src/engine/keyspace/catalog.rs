//! The catalog as a view has it: the records under keys of the kinds 01 to 0F, all in memory, and which frame changed them
//! last. What they mean, models know; here they are bytes.
//!
//! Who writes depends on the catalog without having read a key of it: a frame that was made under another one is void.

use bytes::Bytes;
use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use crate::codec::batch::{Op, OpValue};
use crate::codec::catalog::{self, has};
use crate::codec::data_version::{self, DataVersion};
use crate::codec::root::Root;
use crate::error::{Error, Result};
use crate::limits;
use crate::sorted::SortedMap;

/// Bytes of the keys and values of all records.
const MAX_BYTES: usize = 1 << 20;
/// The same as the root has them: each flip writes them.
const MAX_ENCODED_BYTES: usize = 128 << 10;

/// The records of the catalog at one moment.
#[derive(Default)]
pub struct Catalog {
    /// The number of the last frame that has changed it; 0: none. (Of a draft that changes it: of what it goes upon.)
    pub change: u64,
    records: SortedMap<Bytes, Bytes>,
    encoded: OnceCell<Bytes>,
    parsed: RefCell<SortedMap<Bytes, Rc<dyn Any>>>,
}

impl Clone for Catalog {
    fn clone(&self) -> Self {
        Self {
            change: self.change,
            records: self.records.clone(),
            encoded: self.encoded.clone(),
            parsed: self.parsed.clone(),
        }
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Catalog").field(&self.change).finish()
    }
}

impl Catalog {
    /// The catalog that a root has; `change`: the last one up to there, by the head; `None`: it has none. `known`: one that it
    /// may be, of which more is known.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn stored(root: &Root, change: Option<u64>, known: &Rc<Self>) -> Result<Rc<Self>> {
        let (change, encoded) = match (change, &root.catalog) {
            (None, None) => return Ok(Rc::default()),
            (Some(change), Some(encoded)) => (change, encoded),
            _ => {
                return Err(Error::corrupt(
                    "the head has a catalog and the root none, or the reverse",
                ));
            }
        };
        if known.change == change && known.encoded.get() == Some(encoded) {
            return Ok(known.clone());
        }
        let mut catalog = Self {
            change,
            ..Self::default()
        };
        // (In order: each goes to the end.)
        for (key, value) in catalog::decode(encoded)? {
            catalog.records.insert(key, value);
        }
        drop(catalog.encoded.set(encoded.clone()));
        Ok(Rc::new(catalog))
    }

    /// The record under a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Bytes> {
        self.records.get(key)
    }

    /// The version of the data's shape.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn data_version(&self) -> Result<DataVersion> {
        let stored = self.get(&data_version::KEY);
        stored.map_or(Ok(DataVersion::default()), DataVersion::decode)
    }

    /// All records, in the order of their keys.
    pub fn records(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.records.iter()
    }

    /// What `parse` makes of the catalog for a key, whether or not there is a record under it: made once, and kept until the
    /// catalog changes.
    ///
    /// # Errors
    /// What `parse` fails with.
    pub fn parsed(
        &self,
        key: &[u8],
        parse: &mut dyn FnMut(&Self) -> Result<Rc<dyn Any>>,
    ) -> Result<Rc<dyn Any>> {
        if let Some(known) = self.parsed.borrow().get(key) {
            return Ok(known.clone());
        }
        let parsed = parse(self)?;
        let key = Bytes::copy_from_slice(key);
        self.parsed.borrow_mut().insert(key, parsed.clone());
        Ok(parsed)
    }

    /// As the root has it.
    #[must_use]
    pub fn encoded(&self) -> Bytes {
        let encode = || catalog::encode(self.records.len(), &mut self.records.iter());
        self.encoded.get_or_init(encode).clone()
    }

    /// Whether an operation changes it.
    #[must_use]
    pub fn is_changed_by(&self, op: &Op) -> bool {
        match op {
            Op::DeleteRange(range) => {
                let all = catalog::range();
                if range.until <= all.from || all.until <= range.from {
                    return false;
                }
                let from = self.records.keys().find(|key| **key >= range.from);
                from.is_some_and(|key| *key < range.until)
            }
            op => catalog::is_changed_by(op),
        }
    }

    /// Does to the records what an operation does, whose places are known.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Put(key, value, _) if has(&key.prefix) => {
                let value = match value {
                    // (Copied: what a frame holds would be held with it.)
                    OpValue::Inline(bytes) => Bytes::copy_from_slice(bytes),
                    OpValue::Order(order) => Bytes::copy_from_slice(&order.to_bytes()),
                    // There is none.
                    OpValue::Piece(_) => return,
                };
                let key = key.to_bytes();
                self.records.insert(Bytes::copy_from_slice(&key), value);
            }
            Op::Delete(key) if has(&key.prefix) => {
                self.records.remove(&key.to_bytes());
            }
            Op::DeleteRange(range) if self.is_changed_by(op) => {
                self.records
                    .retain(|key, _| *key < range.from || range.until <= *key);
            }
            _ => return,
        }
        self.encoded.take();
        self.parsed.borrow_mut().retain(|_, _| false);
    }

    /// The one that follows when the frame `number` has done that.
    #[must_use]
    pub fn after(&self, ops: &[Op], number: u64) -> Rc<Self> {
        let mut next = self.clone();
        ops.iter().for_each(|op| next.apply(op));
        next.change = number;
        Rc::new(next)
    }

    /// Checks whether it may be stored.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub fn check(&self) -> Result<()> {
        let what = "all that is defined of collections";
        let of = |(key, value): (&Bytes, &Bytes)| key.len() + value.len();
        limits::within(what, self.records.iter().map(of).sum(), MAX_BYTES)?;
        limits::within(what, self.encoded().len(), MAX_ENCODED_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::batch::OpKey;
    use crate::codec::marks::Marks;
    use crate::codec::range::KeyRange;

    fn put(key: &'static [u8], value: Vec<u8>) -> Op {
        let key = OpKey::plain(Bytes::from_static(key));
        Op::Put(key, OpValue::Inline(value.into()), Marks::NONE)
    }

    fn range(from: &'static [u8], until: &'static [u8]) -> Op {
        let (from, until) = (Bytes::from_static(from), Bytes::from_static(until));
        Op::DeleteRange(KeyRange { from, until })
    }

    fn keys(catalog: &Catalog) -> Vec<&[u8]> {
        catalog.records().map(|(key, _)| &key[..]).collect()
    }

    #[test]
    fn it_does_what_operations_do_to_its_keys_and_no_more() {
        let mut catalog = Catalog::default();
        for key in [&b"\x01b"[..], b"\x01a", b"\x10a", b"\x0fz", b""] {
            catalog.apply(&put(key, vec![1]));
        }
        assert_eq!(keys(&catalog), [&b"\x01a"[..], b"\x01b", b"\x0fz"]);
        assert!(!catalog.is_changed_by(&range(b"\x01c", b"\x0f")));
        assert!(!catalog.is_changed_by(&range(b"\x10", b"\x11")));
        assert!(catalog.is_changed_by(&range(b"", b"\x02")));
        catalog.apply(&range(b"", b"\x02"));
        assert_eq!(keys(&catalog), [b"\x0fz"]);
        catalog.apply(&Op::Delete(OpKey::plain(Bytes::from_static(b"\x0fz"))));
        assert_eq!(keys(&catalog), [b""; 0]);
    }

    #[test]
    fn what_is_parsed_is_kept_until_something_changes() {
        let mut catalog = Catalog::default();
        catalog.apply(&put(b"\x01a", vec![1]));
        let mut parsed = 0;
        let mut parse = |catalog: &Catalog| {
            let mut count = || parsed += 1;
            let found = catalog.parsed(b"\x01a", &mut |catalog| {
                count();
                Ok(Rc::new(catalog.get(b"\x01a").map(|value| value[0])))
            });
            *found.unwrap().downcast_ref::<Option<u8>>().unwrap()
        };
        let before = catalog.encoded();
        assert_eq!((parse(&catalog), parse(&catalog)), (Some(1), Some(1)));
        let after = catalog.after(&[put(b"\x01a", vec![2])], 7);
        assert_eq!((parse(&after), parse(&catalog)), (Some(2), Some(1)));
        assert_eq!(parsed, 2);
        assert!(after.change == 7 && after.encoded() != before);
    }

    #[test]
    fn it_is_decoded_only_where_it_is_another() {
        let catalog = Catalog::default().after(&[put(b"\x01a", vec![1])], 7);
        let root = Root {
            catalog: Some(catalog.encoded()),
            ..Root::default()
        };
        let same = Catalog::stored(&root, Some(7), &catalog).unwrap();
        assert!(Rc::ptr_eq(&same, &catalog));
        for other in [
            Catalog::stored(&root, Some(8), &catalog).unwrap(),
            Catalog::stored(&root, Some(8), &Rc::default()).unwrap(),
        ] {
            assert_eq!((other.change, keys(&other)), (8, keys(&catalog)));
        }
        assert!(Catalog::stored(&root, None, &catalog).is_err());
        assert!(Catalog::stored(&Root::default(), Some(7), &catalog).is_err());
    }

    #[test]
    fn it_is_bounded() {
        let of = |value: Vec<u8>| Catalog::default().after(&[put(b"\x01a", value)], 1);
        assert!(of(vec![7; MAX_BYTES - 2]).check().is_ok());
        assert!(of(vec![7; MAX_BYTES]).check().is_err());
        let noise = |len| {
            let mut x = 1u64;
            (0..len).map(move |_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                x as u8
            })
        };
        assert!(of(noise(120 << 10).collect()).check().is_ok());
        assert!(of(noise(160 << 10).collect()).check().is_err());
    }
}
