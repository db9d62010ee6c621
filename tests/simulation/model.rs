//! What calls do to a plain map, with which everything is compared.

use bytes::Bytes;
use std::collections::BTreeMap;

use super::contents;
use super::defined;
use super::documents;
use super::indexes;
use super::kin;
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
            let missing = !is_there(model, *name);
            if missing {
                append_doc(model, (*name).into());
            }
            return vec![missing.into()];
        }
        Op::Rewrite { name } => {
            return vec![is_there(model, *name).into()];
        }
        Op::Index => {
            let done = documents::are_unique(&docs_of(model));
            if done {
                model.insert(Bytes::from_static(indexes::KEY), Bytes::new());
            }
            return vec![done.into()];
        }
        Op::Unindex => {
            model.remove(indexes::KEY);
            return vec![1];
        }
        Op::Claim { name, value } => {
            let mut docs = docs_of(model);
            let is_it = |doc: &&mut u64| documents::bare(**doc) == u64::from(*name);
            match docs.iter_mut().find(is_it) {
                None => return vec![0],
                Some(doc) => *doc = documents::with_value(*doc, *value),
            }
            if model.contains_key(indexes::KEY) && !documents::are_unique(&docs) {
                return vec![2];
            }
            set_docs(model, &docs);
            return vec![1];
        }
        Op::Kin(op) => return kin::apply(op, model),
        Op::Contents(op) => return contents::apply(op, model),
        Op::Define { name, keys, bytes } => {
            model.insert(defined::key(*name), encoded(id));
            model.extend(defined::notes(id, id, 0, *keys, *bytes));
        }
        Op::Undefine { name } => {
            return vec![model.remove(&defined::key(*name)).is_some().into()];
        }
        Op::Note {
            name,
            key,
            keys,
            bytes,
            ..
        } => {
            let seen = number(model.get(&defined::key(*name)), 0);
            model.extend(defined::notes(id, seen, *key, *keys, *bytes));
            return vec![seen];
        }
        Op::Remove { name } => {
            let mut docs = docs_of(model);
            let before = docs.len();
            docs.retain(|doc| documents::bare(*doc) != u64::from(*name));
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
    documents::numbers_of(&model.get(documents::KEY).cloned().unwrap_or_default())
}

fn is_there(model: &Model, name: u8) -> bool {
    let mut docs = docs_of(model).into_iter();
    docs.any(|doc| documents::bare(doc) == u64::from(name))
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
