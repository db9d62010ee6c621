//! What these calls do to the engine.

use bytes::Bytes;
use patchstore::codec::js_string::JsString;
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::Value;
use patchstore::engine::access::{Attempt, Writes};
use patchstore::models::contents::{Finish, PIECE_BYTES, Touch};
use patchstore::models::documents::{Cascade, Drop};
use patchstore::models::kv::{self, Clear};
use patchstore::models::many::Many;
use patchstore::models::{keys, nodes};
use patchstore::{Code, Error};

use super::super::operation::{Told, encoded};
use super::super::plan::Op;
use super::{Contents, Node, SIZES, hash, lent, put_key};

const NOW_MS: f64 = 1.0;

/// A call with its progress.
pub struct Doing {
    op: Contents,
    under_way: UnderWay,
}

enum UnderWay {
    /// In one go.
    Once,
    Doc(Cascade),
    Copying(Option<nodes::Delete>, nodes::Copy),
    Deleting(nodes::Delete),
    Clearing(Clear),
    Dropping(Drop),
}

fn scope(node: Node) -> Bytes {
    keys::encoded_scope(&node.scope()).unwrap()
}

impl UnderWay {
    fn new(op: &Contents) -> Self {
        match op {
            Contents::PutDoc { .. } | Contents::RemoveDoc { .. } => Self::Doc(Cascade::new(NOW_MS)),
            Contents::CopyNode => Self::Copying(
                Some(nodes::Delete::new(scope(Node::Copy))),
                nodes::Copy::new(scope(Node::Own), scope(Node::Copy)),
            ),
            Contents::DeleteNode(node) => Self::Deleting(nodes::Delete::new(scope(*node))),
            Contents::Clear => Self::Clearing(Clear::new(&Node::Own.pairs())),
            Contents::Drop => Self::Dropping(Drop::new(&Node::Own.docs(), NOW_MS)),
            _ => Self::Once,
        }
    }
}

/// A value that refers to contents, some bytes beside them.
fn value(of: &[u8], pad: usize) -> Bytes {
    let reference = |content: &u8| Value::BlobRef {
        hash: hash(*content),
        size: SIZES[usize::from(*content)] as u64,
        media_type: "".into(),
    };
    let files = Value::Array(of.iter().map(reference).collect());
    let pad = Value::String("x".repeat(pad).as_str().into());
    let properties = vec![("files".into(), files), ("pad".into(), pad)];
    Value::Object(properties).encode().unwrap()
}

fn name(at: u8) -> JsString {
    format!("{at}").as_str().into()
}

impl Doing {
    /// That of an operation, if it is one of these.
    pub fn of(op: &Op) -> Option<Self> {
        match op {
            Op::Contents(op) => Some(Self {
                op: op.clone(),
                under_way: UnderWay::new(op),
            }),
            _ => None,
        }
    }

    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<Told> {
        if w.is_fresh() {
            self.under_way = UnderWay::new(&self.op);
        }
        match &mut self.under_way {
            UnderWay::Once => once(&self.op, w)?,
            UnderWay::Doc(cascade) => doc(&self.op, w, cascade)?,
            UnderWay::Copying(delete, copy) => {
                if let Some(deleting) = delete {
                    deleting.step(w)?;
                    *delete = None;
                    // (Which takes up what the deletion has left, and not an earlier attempt.)
                    *copy = nodes::Copy::new(scope(Node::Own), scope(Node::Copy));
                }
                copy.step(w)?;
            }
            UnderWay::Deleting(delete) => drop(delete.step(w)?),
            UnderWay::Clearing(clear) => clear.step(w)?,
            UnderWay::Dropping(drop) => drop.step(w)?,
        }
        Ok(Vec::new())
    }
}

fn once(op: &Contents, w: &mut dyn Writes) -> Attempt<()> {
    let key = |at: u8| Node::Own.pairs().key(name(at).as_js()).unwrap();
    match op {
        Contents::Finish {
            content,
            upload,
            now_ms,
        } => {
            let finish = Finish {
                upload: *upload,
                hash: hash(*content),
                size: SIZES[usize::from(*content)] as u64,
                piece_bytes: PIECE_BYTES as u64,
                now_ms: *now_ms,
            };
            finish.step(w)?;
            w.put(put_key(*content), encoded(1));
        }
        Contents::Touch {
            content,
            upload,
            now_ms,
        } => {
            let touch = Touch {
                upload: *upload,
                hash: hash(*content),
                now_ms: *now_ms,
            };
            if touch.step(w)?.is_none() {
                return Err(Error::new(Code::NotStorable, "it is not here").into());
            }
        }
        Contents::Set {
            at,
            of,
            pad,
            updates: true,
        } => drop(kv::update(w, &key(*at), &mut |_| {
            Ok(Some(value(of, *pad)))
        })?),
        Contents::Set { at, of, pad, .. } => kv::set(w, &key(*at), &value(of, *pad), NEVER)?,
        Contents::Delete { at } => drop(kv::delete(w, &key(*at))?),
        Contents::Lend { at, of, until_ms } => {
            let key = lent().key(name(*at).as_js()).unwrap();
            kv::set(w, &key, &value(of, 0), *until_ms)?;
        }
        _ => unreachable!("what goes on where it stopped"),
    }
    Ok(())
}

fn doc(op: &Contents, w: &mut dyn Writes, cascade: &mut Cascade) -> Attempt<()> {
    match op {
        Contents::PutDoc { at, of, pad } => {
            let mut change = |_: Option<&Bytes>| Ok(Some(value(of, *pad)));
            let id = name(*at);
            let docs = Node::Own.docs();
            docs.modify(w, id.as_js(), NOW_MS, &mut change, cascade)?;
        }
        Contents::RemoveDoc { at } => {
            Node::Own.docs().delete(w, name(*at).as_js(), cascade)?;
        }
        _ => unreachable!("no call for a document"),
    }
    Ok(())
}
