//! What calls do to a plain map, with which everything is compared.

use bytes::Bytes;
use std::collections::BTreeMap;

use super::documents;
use super::operation::{
    Call, OPENING_BALANCE, Told, What, account_key, clear_range, counter_key, data_key, encoded,
    number, value,
};
use super::plan::{ACCOUNTS, Op};

/// The state that everything is compared with.
pub type Model = BTreeMap<Bytes, Bytes>;

impl Call {
    /// Does to a map what the call does to the engine.
    pub fn apply(&self, model: &mut Model) -> Told {
        match &self.what {
            What::Op(op) => apply(op, self.id, model),
            What::Steps { ops, .. } => ops
                .iter()
                .flat_map(|op| apply(op, self.id, model))
                .collect(),
            What::Transfer { from, to, amount } => {
                let (a, b) = (account_key(*from), account_key(*to));
                let paid = number(model.get(&a), OPENING_BALANCE);
                let had = number(model.get(&b), OPENING_BALANCE);
                if a != b {
                    model.insert(a, encoded(paid - amount.min(&paid)));
                    model.insert(b, encoded(had + amount.min(&paid)));
                }
                vec![paid, had]
            }
        }
    }
}

fn apply(op: &Op, id: u64, model: &mut Model) -> Told {
    match op {
        Op::Put { key, bytes, .. } => {
            model.insert(data_key(*key), value(id, *key, *bytes));
        }
        Op::Delete { key } => {
            return vec![model.remove(&data_key(*key)).is_some().into()];
        }
        Op::Increment { counter } => {
            return vec![increment(model, *counter)];
        }
        Op::Census {
            from,
            until,
            counter,
        } => {
            let counted = clear_range(*from, *until);
            let inside = |key: &&Bytes| counted.from <= **key && **key < counted.until;
            let count = model.keys().filter(inside).count() as u64;
            model.insert(counter_key(*counter), encoded(count));
            return vec![count];
        }
        Op::Clear { from, until } => {
            let gone = clear_range(*from, *until);
            model.retain(|key, _| !(gone.from <= *key && *key < gone.until));
        }
        Op::Bulk {
            keys,
            bytes,
            counter,
        } => {
            (0..*keys).for_each(|key| {
                model.insert(data_key(key), value(id, key, *bytes));
            });
            return Vec::from_iter(counter.map(|counter| increment(model, counter)));
        }
        Op::Insert { docs } => {
            (0..*docs).for_each(|k| append_doc(model, documents::number(id, k)));
        }
        Op::InsertNamed { name } => {
            let missing = !docs_of(model).contains(&u64::from(*name));
            if missing {
                append_doc(model, (*name).into());
            }
            return vec![missing.into()];
        }
        Op::Rewrite { name } => {
            return vec![docs_of(model).contains(&u64::from(*name)).into()];
        }
        Op::Remove { name } => {
            let mut docs = docs_of(model);
            let before = docs.len();
            docs.retain(|doc| *doc != u64::from(*name));
            let existed = docs.len() < before;
            set_docs(model, &docs);
            return vec![existed.into()];
        }
    }
    Vec::new()
}

fn increment(model: &mut Model, counter: u8) -> u64 {
    let key = counter_key(counter);
    let next = number(model.get(&key), 0) + 1;
    model.insert(key, encoded(next));
    next
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
