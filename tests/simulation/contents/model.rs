//! What these calls do to a plain map.

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

use super::super::kin::REFUSED;
use super::super::model::Model;
use super::super::operation::{Call, Told, What, encoded};
use super::super::plan::Op;
use super::{Contents, KEY, Node, put_key};

/// Which record holds what: a pair (`p`) or a document (`d`) of a node.
pub type Records = BTreeMap<(Node, char, u8), BTreeSet<u8>>;

/// As one value; `None`: there are none.
pub fn encode(records: &Records) -> Option<Bytes> {
    let mut out = Vec::new();
    for ((node, kind, at), of) in records {
        let is_copy = u8::from(*node == Node::Copy);
        out.extend([is_copy, *kind as u8, *at, of.len() as u8]);
        out.extend(of);
    }
    (!out.is_empty()).then(|| out.into())
}

fn decode(mut stored: &[u8]) -> Records {
    let mut records = Records::new();
    while let [is_copy, kind, at, count, rest @ ..] = stored {
        let (of, rest) = rest.split_at(usize::from(*count));
        let node = Node::ALL[usize::from(*is_copy)];
        let of = of.iter().copied().collect();
        records.insert((node, char::from(*kind), *at), of);
        stored = rest;
    }
    records
}

fn records_of(model: &Model) -> Records {
    model
        .get(KEY)
        .map(|stored| decode(stored))
        .unwrap_or_default()
}

/// To what a call refers, and as which record.
fn cited(op: &Contents) -> (Option<(Node, char, u8)>, &[u8]) {
    match op {
        Contents::Touch { content, .. } => (None, std::slice::from_ref(content)),
        Contents::Lend { of, .. } => (None, of),
        Contents::Set { at, of, .. } => (Some((Node::Own, 'p', *at)), of),
        Contents::PutDoc { at, of, .. } => (Some((Node::Own, 'd', *at)), of),
        _ => (None, &[]),
    }
}

pub fn apply(op: &Contents, model: &mut Model) -> Told {
    let mut records = records_of(model);
    let (record, of) = cited(op);
    let known = record.and_then(|record| records.get(&record));
    let is_known = |content: &u8| known.is_some_and(|known| known.contains(content));
    let was_put = |content: &u8| model.contains_key(&put_key(*content));
    if !of
        .iter()
        .all(|content| is_known(content) || was_put(content))
    {
        return vec![REFUSED];
    }
    if let Some(record) = record {
        records.insert(record, of.iter().copied().collect());
    }
    match op {
        Contents::Finish { content, .. } => {
            model.insert(put_key(*content), encoded(1));
        }
        Contents::Delete { at } => drop(records.remove(&(Node::Own, 'p', *at))),
        Contents::RemoveDoc { at } => drop(records.remove(&(Node::Own, 'd', *at))),
        Contents::CopyNode => {
            records.retain(|(node, ..), _| *node == Node::Own);
            let copied = records.clone().into_iter();
            records.extend(copied.map(|((_, kind, at), of)| ((Node::Copy, kind, at), of)));
        }
        Contents::DeleteNode(gone) => records.retain(|(node, ..), _| node != gone),
        Contents::Clear => records.retain(|(node, kind, _), _| (*node, *kind) != (Node::Own, 'p')),
        Contents::Drop => records.retain(|(node, kind, _), _| (*node, *kind) != (Node::Own, 'd')),
        Contents::Touch { .. }
        | Contents::Lend { .. }
        | Contents::Set { .. }
        | Contents::PutDoc { .. } => {}
    }
    match encode(&records) {
        Some(encoded) => drop(model.insert(Bytes::from_static(KEY), encoded)),
        None => drop(model.remove(KEY)),
    }
    Vec::new()
}

/// Whether a call may be refused on a state: it refers to a content that no record holds, so that it may have been collected.
pub fn may_refuse(call: &Call, model: &Model) -> bool {
    let ops = match &call.what {
        What::Op(op) => std::slice::from_ref(op),
        What::Steps { ops, .. } => ops,
        What::Transfer { .. } => return false,
    };
    let mut state = model.clone();
    ops.iter().any(|op| {
        let Op::Contents(op) = op else { return false };
        let held: BTreeSet<u8> = records_of(&state).into_values().flatten().collect();
        let (_, of) = cited(op);
        apply(op, &mut state);
        of.iter().any(|content| !held.contains(content))
    })
}
