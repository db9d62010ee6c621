//! What calls do to the engine.

use bytes::Bytes;
use patchstore::codec::marks::NEVER;
use patchstore::codec::order::ORDER_BYTES;
use patchstore::engine::access::{Attempt, Cursor, KeyRange, Reads, WriteWork, Writes};
use patchstore::models::kv;
use patchstore::{Code, Error};

use super::contents::{self, SIZES};
use super::defined;
use super::documents;
use super::indexes::Defining;
use super::kin::Doing;
use super::plan::{ACCOUNTS, COUNTERS, KEYS, Op};

/// After the end of every world, ms since the epoch.
const LATE_MS: u64 = 1 << 50;
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
    /// Several, each a step of a transaction; `failing` steps in between fail and are taken back.
    Steps {
        ops: Vec<Op>,
        failing: bool,
    },
    Transfer {
        from: u8,
        to: u8,
        amount: u64,
    },
}

/// What a call tells its caller, as numbers.
pub type Told = Vec<u64>;

/// (Their first byte is that of no kind of keys.)
pub fn data_key(n: u8) -> Bytes {
    format!("q/k{n:02}").into()
}

pub fn counter_key(n: u8) -> Bytes {
    format!("q/c{n:02}").into()
}

pub fn account_key(n: u8) -> Bytes {
    format!("q/a{n:02}").into()
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
        .chain((0..SIZES.len() as u8).map(contents::put_key))
        .chain(defined::every_key())
        .collect()
}

/// A value that tells who wrote it, and cannot be mistaken for part of another.
pub fn value(id: u64, key: u8, bytes: usize) -> Bytes {
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

pub fn number(value: Option<&Bytes>, absent: u64) -> u64 {
    value.map_or(absent, |v| u64::from_le_bytes(v[..].try_into().unwrap()))
}

pub fn encoded(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_le_bytes())
}

pub fn clear_range(from: u8, until: u8) -> KeyRange {
    KeyRange {
        from: data_key(from),
        until: data_key(until),
    }
}

/// Leaves the call's number at its place in the order of commits.
pub fn sign(w: &mut dyn Writes, id: u64) {
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

/// What the engine runs for one operation, again and again until it has all it needs.
pub fn work(op: Op, id: u64) -> WriteWork<Told> {
    let mut progress = Progress::of(&op);
    Box::new(move |w| progress.run(&op, id, w))
}

/// Of operations that go on where they stopped.
enum Progress {
    None,
    Defining(Box<Defining>),
    Kin(Box<Doing>),
    Contents(Box<contents::Doing>),
}

impl Progress {
    fn of(op: &Op) -> Self {
        let kin = Doing::of(op).map(Box::new).map(Self::Kin);
        let defining = || Defining::of(op).map(Box::new).map(Self::Defining);
        let contents = || contents::Doing::of(op).map(Box::new).map(Self::Contents);
        let found = kin.or_else(defining).or_else(contents);
        found.unwrap_or(Self::None)
    }

    fn run(&mut self, op: &Op, id: u64, w: &mut dyn Writes) -> Attempt<Told> {
        match self {
            Self::None => run(op, id, w),
            Self::Defining(defining) => defining.step(w),
            Self::Kin(doing) => doing.step(w),
            Self::Contents(doing) => doing.step(w),
        }
    }
}

impl Call {
    /// What the engine runs, again and again until it has all it needs.
    pub fn work(self) -> WriteWork<Told> {
        let mut progress = match &self.what {
            What::Op(op) => Progress::of(op),
            _ => Progress::None,
        };
        Box::new(move |w| self.run(&mut progress, w))
    }

    fn run(&self, progress: &mut Progress, w: &mut dyn Writes) -> Attempt<Told> {
        let told = match &self.what {
            What::Op(op) => progress.run(op, self.id, w)?,
            // Not in one piece: an attempt made again would do again what it has written.
            What::Steps { .. } => unreachable!("steps are taken one by one"),
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
}

/// What one operation does, and tells.
fn run(op: &Op, id: u64, w: &mut dyn Writes) -> Attempt<Told> {
    match op {
        Op::Put { key, bytes, dated } => {
            let value = value(id, *key, *bytes);
            let until_ms = if *dated { LATE_MS } else { NEVER };
            kv::set(w, &data_key(*key), &value, until_ms)?;
        }
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
            (0..*keys).for_each(|key| w.put(data_key(key), value(id, key, *bytes)));
            return Ok(Vec::from_iter(next));
        }
        Op::Insert { docs } => documents::insert(w, id, *docs)?,
        Op::InsertNamed { name } => {
            return Ok(vec![documents::insert_named(w, *name)?.into()]);
        }
        Op::Rewrite { name } => {
            return Ok(vec![documents::rewrite(w, *name, id)?.into()]);
        }
        Op::Remove { name } => return Ok(vec![documents::remove(w, *name)?.into()]),
        Op::Claim { name, value } => return Ok(vec![documents::claim(w, *name, *value)?]),
        Op::Index | Op::Unindex | Op::Kin(_) | Op::Contents(_) => {
            unreachable!("what goes on where it stopped")
        }
        Op::Define { .. } | Op::Undefine { .. } | Op::Note { .. } => {
            return defined::run(op, id, w);
        }
    }
    Ok(Vec::new())
}

/// A step that writes and fails: nothing of it may ever show.
pub fn fail(w: &mut dyn Writes) -> Attempt<()> {
    w.put(data_key(0), Bytes::from_static(b"taken back"));
    w.delete_range(clear_range(0, KEYS - 1));
    // (May want a load before it fails.)
    w.get(&data_key(KEYS - 1))?;
    Err(Error::new(Code::ConstraintViolation, "as wanted").into())
}

/// Reads some keys in one snapshot.
pub fn read_keys(r: &mut dyn Reads, keys: &[Bytes]) -> Attempt<Vec<Option<Bytes>>> {
    keys.iter().map(|key| r.get(key)).collect()
}
