//! What calls do: to the engine, and to a plain map.

use bytes::Bytes;
use patchstore::codec::order::ORDER_BYTES;
use patchstore::engine::access::{Attempt, Cursor, KeyRange, Reads, Writes};
use std::collections::BTreeMap;

use super::documents;
use super::plan::{ACCOUNTS, COUNTERS, KEYS, Op};

/// The state that everything is compared with.
pub type Model = BTreeMap<Bytes, Bytes>;

/// What every account holds before the first transfer.
pub const OPENING_BALANCE: u64 = 100;
/// What all of them hold, always.
pub const ACCOUNTS_TOTAL: u64 = OPENING_BALANCE * ACCOUNTS as u64;

/// A call, with its own number, which it leaves in what it writes and in the history: a record
/// whose key is its place in the order of commits.
#[derive(Debug, Clone)]
pub struct Call {
    pub id: u64,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    Op(Op),
    Transfer { from: u8, to: u8, amount: u64 },
}

/// What a call tells its caller, as numbers.
pub type Told = Vec<u64>;

pub fn data_key(n: u8) -> Bytes {
    format!("d/k{n:02}").into()
}

pub fn counter_key(n: u8) -> Bytes {
    format!("d/c{n:02}").into()
}

pub fn account_key(n: u8) -> Bytes {
    format!("d/a{n:02}").into()
}

pub fn range(prefix: &str) -> KeyRange {
    KeyRange {
        from: prefix.as_bytes().to_vec().into(),
        until: format!("{prefix}\u{7f}").into(),
    }
}

/// Every key that a read may ask for.
pub fn every_key() -> Vec<Bytes> {
    let counters = (0..COUNTERS).map(counter_key);
    let accounts = (0..ACCOUNTS).map(account_key);
    (0..KEYS)
        .map(data_key)
        .chain(counters)
        .chain(accounts)
        .collect()
}

/// A value that tells who wrote it, and cannot be mistaken for part of another.
fn value(id: u64, key: u8, bytes: usize) -> Bytes {
    let mut out = format!("{id}/{key}/").into_bytes();
    let mut x = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let random = bytes.min(6_000);
    while out.len() < random {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out.extend_from_slice(&x.to_le_bytes());
    }
    out.resize(bytes.max(out.len()), key);
    out.into()
}

fn number(value: Option<&Bytes>, absent: u64) -> u64 {
    value.map_or(absent, |v| u64::from_le_bytes(v[..].try_into().unwrap()))
}

fn encoded(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_le_bytes())
}

fn clear_range(from: u8, until: u8) -> KeyRange {
    KeyRange {
        from: data_key(from),
        until: data_key(until),
    }
}

/// Leaves the call's number at its place in the order of commits.
fn sign(w: &mut dyn Writes, id: u64) {
    let order = w.new_order();
    w.put_at(Bytes::from_static(b"h/"), order, encoded(id));
}

/// The numbers of the calls in the order of their commits, from the history's records.
pub fn order_of(history: &[(Bytes, Bytes)]) -> Vec<u64> {
    let signed = |(key, id): &(Bytes, Bytes)| {
        assert_eq!(key.len(), 2 + ORDER_BYTES);
        number(Some(id), 0)
    };
    history.iter().map(signed).collect()
}

fn increment(w: &mut dyn Writes, counter: u8) -> Attempt<u64> {
    let key = counter_key(counter);
    let next = number(w.get(&key)?.as_ref(), 0) + 1;
    w.put(key, encoded(next));
    Ok(next)
}

fn increment_model(model: &mut Model, counter: u8) -> u64 {
    let key = counter_key(counter);
    let next = number(model.get(&key), 0) + 1;
    model.insert(key, encoded(next));
    next
}

impl Call {
    /// What the engine runs, again and again until it has all it needs.
    pub fn run(&self, w: &mut dyn Writes) -> Attempt<Told> {
        let told = match &self.what {
            What::Op(op) => self.run_op(op, w)?,
            What::Transfer { from, to, amount } => {
                // Reads come first: an attempt that stops for want of data is made again on top of
                // what it has written.
                let (a, b) = (account_key(*from), account_key(*to));
                let paid = number(w.get(&a)?.as_ref(), OPENING_BALANCE);
                let had = number(w.get(&b)?.as_ref(), OPENING_BALANCE);
                if a != b {
                    w.put(a, encoded(paid - amount.min(&paid)));
                    w.put(b, encoded(had + amount.min(&paid)));
                }
                vec![paid, had]
            }
        };
        sign(w, self.id);
        Ok(told)
    }

    fn run_op(&self, op: &Op, w: &mut dyn Writes) -> Attempt<Told> {
        match op {
            Op::Put { key, bytes } => w.put(data_key(*key), value(self.id, *key, *bytes)),
            Op::Delete { key } => {
                let existed = w.contains(&data_key(*key))?;
                w.delete(data_key(*key));
                return Ok(vec![existed.into()]);
            }
            Op::Increment { counter } => return Ok(vec![increment(w, *counter)?]),
            Op::Census {
                from,
                until,
                counter,
            } => {
                let mut cursor = Cursor::new(clear_range(*from, *until), from % 2 == 0);
                let mut count = 0;
                while w.next_key(&mut cursor)?.is_some() {
                    count += 1;
                }
                w.put(counter_key(*counter), encoded(count));
                return Ok(vec![count]);
            }
            Op::Clear { from, until } => w.delete_range(clear_range(*from, *until)),
            Op::Bulk {
                keys,
                bytes,
                counter,
            } => {
                let next = counter.map(|counter| increment(w, counter)).transpose()?;
                (0..*keys).for_each(|key| w.put(data_key(key), value(self.id, key, *bytes)));
                return Ok(Vec::from_iter(next));
            }
            Op::Insert { docs } => documents::insert(w, self.id, *docs)?,
            Op::InsertNamed { name } => {
                return Ok(vec![documents::insert_named(w, *name)?.into()]);
            }
            Op::Rewrite { name } => {
                return Ok(vec![documents::rewrite(w, *name, self.id)?.into()]);
            }
            Op::Remove { name } => return Ok(vec![documents::remove(w, *name)?.into()]),
        }
        Ok(Vec::new())
    }

    /// Whether it inserts, changes or removes a document of a given id.
    pub fn names_a_document(&self) -> bool {
        matches!(
            self.what,
            What::Op(Op::InsertNamed { .. } | Op::Rewrite { .. } | Op::Remove { .. })
        )
    }

    /// The keys that it may write.
    pub fn writes(&self) -> Vec<Bytes> {
        match &self.what {
            What::Op(Op::Put { key, .. } | Op::Delete { key }) => vec![data_key(*key)],
            What::Op(Op::Increment { counter } | Op::Census { counter, .. }) => {
                vec![counter_key(*counter)]
            }
            What::Op(Op::Clear { from, until }) => (*from..*until).map(data_key).collect(),
            What::Op(Op::Bulk { keys, counter, .. }) => {
                let data = (0..*keys).map(data_key);
                data.chain(counter.map(counter_key)).collect()
            }
            What::Op(
                Op::Insert { .. } | Op::InsertNamed { .. } | Op::Rewrite { .. } | Op::Remove { .. },
            ) => {
                vec![Bytes::from_static(documents::KEY)]
            }
            What::Transfer { from, to, .. } => vec![account_key(*from), account_key(*to)],
        }
    }

    /// The same to a map.
    pub fn apply(&self, model: &mut Model) -> Told {
        match &self.what {
            What::Op(Op::Put { key, bytes }) => {
                model.insert(data_key(*key), value(self.id, *key, *bytes));
            }
            What::Op(Op::Delete { key }) => {
                return vec![model.remove(&data_key(*key)).is_some().into()];
            }
            What::Op(Op::Increment { counter }) => {
                return vec![increment_model(model, *counter)];
            }
            What::Op(Op::Census {
                from,
                until,
                counter,
            }) => {
                let counted = clear_range(*from, *until);
                let inside = |key: &&Bytes| counted.from <= **key && **key < counted.until;
                let count = model.keys().filter(inside).count() as u64;
                model.insert(counter_key(*counter), encoded(count));
                return vec![count];
            }
            What::Op(Op::Clear { from, until }) => {
                let gone = clear_range(*from, *until);
                model.retain(|key, _| !(gone.from <= *key && *key < gone.until));
            }
            What::Op(Op::Bulk {
                keys,
                bytes,
                counter,
            }) => {
                (0..*keys).for_each(|key| {
                    model.insert(data_key(key), value(self.id, key, *bytes));
                });
                return Vec::from_iter(counter.map(|counter| increment_model(model, counter)));
            }
            What::Op(Op::Insert { docs }) => {
                (0..*docs).for_each(|k| append_doc(model, documents::number(self.id, k)));
            }
            What::Op(Op::InsertNamed { name }) => {
                let missing = !docs_of(model).contains(&u64::from(*name));
                if missing {
                    append_doc(model, (*name).into());
                }
                return vec![missing.into()];
            }
            What::Op(Op::Rewrite { name }) => {
                return vec![docs_of(model).contains(&u64::from(*name)).into()];
            }
            What::Op(Op::Remove { name }) => {
                let mut docs = docs_of(model);
                let before = docs.len();
                docs.retain(|doc| *doc != u64::from(*name));
                let existed = docs.len() < before;
                set_docs(model, &docs);
                return vec![existed.into()];
            }
            What::Transfer { from, to, amount } => {
                let (a, b) = (account_key(*from), account_key(*to));
                let paid = number(model.get(&a), OPENING_BALANCE);
                let had = number(model.get(&b), OPENING_BALANCE);
                if a != b {
                    model.insert(a, encoded(paid - amount.min(&paid)));
                    model.insert(b, encoded(had + amount.min(&paid)));
                }
                return vec![paid, had];
            }
        }
        Vec::new()
    }
}

fn docs_of(model: &Model) -> Vec<u64> {
    let all = model.get(documents::KEY).cloned().unwrap_or_default();
    let numbers = all.chunks_exact(8);
    numbers
        .map(|n| u64::from_le_bytes(n.try_into().unwrap()))
        .collect()
}

fn set_docs(model: &mut Model, docs: &[u64]) {
    let all: Vec<u8> = docs.iter().flat_map(|doc| doc.to_le_bytes()).collect();
    if all.is_empty() {
        model.remove(documents::KEY);
    } else {
        model.insert(Bytes::from_static(documents::KEY), all.into());
    }
}

fn append_doc(model: &mut Model, doc: u64) {
    let mut docs = docs_of(model);
    docs.push(doc);
    set_docs(model, &docs);
}

/// The sum of all accounts: no transfer changes it.
pub fn total(model: &Model) -> u64 {
    (0..ACCOUNTS)
        .map(|n| number(model.get(&account_key(n)), OPENING_BALANCE))
        .sum()
}

/// Reads some keys in one snapshot.
pub fn read_keys(r: &mut dyn Reads, keys: &[Bytes]) -> Attempt<Vec<Option<Bytes>>> {
    keys.iter().map(|key| r.get(key)).collect()
}
