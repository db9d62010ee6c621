//! What these calls do to the engine.

use bytes::Bytes;
use patchstore::codec::value::fields::{FieldName, field};
use patchstore::codec::value::{Form, from_json};
use patchstore::engine::access::{Attempt, Writes};
use patchstore::models::documents::{
    Cascade, Changes, Define, Ids, Insert, NewDoc, Query, Wanted, WriteMany,
};
use patchstore::models::many::Many;

use super::super::operation::Told;
use super::super::plan::Op;
use super::{IDS, Kin, Role, name_of};

const NOW_MS: f64 = 1.0;

/// A call with its progress.
pub struct Doing {
    op: Kin,
    under_way: UnderWay,
}

enum UnderWay {
    Defining(Vec<Define>),
    Inserting(Insert),
    Many(Box<WriteMany>),
    One(Cascade),
}

/// The property that refers.
fn reference(parent: Option<u8>) -> String {
    let parent = parent.map_or("null".into(), |id| format!("\"{}\"", name_of(id)));
    format!("\"p\":{parent}")
}

fn changes(parent: Option<u8>) -> Bytes {
    from_json(format!("{{{}}}", reference(parent)).as_bytes())
}

fn stored(role: Role, parent: Option<u8>) -> Bytes {
    match role {
        Role::Parent => from_json(b"{}"),
        _ => changes(parent),
    }
}

fn new_doc(role: Role, id: u8, parent: Option<u8>) -> NewDoc {
    let mut properties = vec![format!("\"_id\":\"{}\"", name_of(id))];
    properties.extend(role.refers_to().map(|_| reference(parent)));
    let doc = from_json(format!("{{{}}}", properties.join(",")).as_bytes());
    NewDoc::prepare(&doc, NOW_MS, &mut Ids::default(), &mut |_| {}).unwrap()
}

/// The number of a document; 0: it has none.
pub fn number_of(doc: &[u8]) -> u64 {
    let found = field(Form::of(doc).unwrap(), &FieldName::new("n".into()));
    let number = found.unwrap().and_then(|n| n.number().unwrap());
    number.unwrap_or_default() as u64
}

fn definitions(is_bound: bool) -> Vec<Define> {
    let of = |role: Role| {
        let definition = if is_bound { role.definition() } else { "{}" };
        let wanted = Wanted::decode(&from_json(definition.as_bytes())).unwrap();
        Define::whole(&role.collection(), wanted)
    };
    let all = Role::ALL.into_iter().rev();
    all.filter(|role| role.refers_to().is_some())
        .map(of)
        .collect()
}

impl UnderWay {
    fn new(op: &Kin) -> Self {
        match op {
            Kin::Bind => Self::Defining(definitions(true)),
            Kin::Unbind => Self::Defining(definitions(false)),
            Kin::Pair { role, id, parent } => {
                let ids = [*id, (*id + 1) % IDS];
                let docs = ids.map(|id| new_doc(*role, id, *parent));
                Self::Inserting(Insert::new(&role.collection(), docs.into()))
            }
            Kin::MoveAll { role, parent } => {
                let changes = Changes::new(changes(*parent), NOW_MS);
                let all = WriteMany::update(&role.collection(), Query::all(), changes, None);
                Self::Many(Box::new(all))
            }
            Kin::RemoveAll { role } => {
                let all = WriteMany::delete(&role.collection(), Query::all(), NOW_MS);
                Self::Many(Box::new(all))
            }
            Kin::Make { .. } | Kin::Move { .. } | Kin::Remove { .. } => {
                Self::One(Cascade::new(NOW_MS))
            }
        }
    }
}

impl Doing {
    /// That of an operation, if it is one of these.
    pub fn of(op: &Op) -> Option<Self> {
        match op {
            Op::Kin(op) => Some(Self {
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
            UnderWay::Defining(left) => {
                while let Some(define) = left.last_mut() {
                    define.step(w)?;
                    left.pop();
                }
                Ok(Vec::new())
            }
            UnderWay::Inserting(insert) => insert.step(w).map(|()| Vec::new()),
            UnderWay::Many(many) => many.step(w).map(|count| vec![count]),
            UnderWay::One(cascade) => one(&self.op, w, cascade),
        }
    }
}

/// What a call does to one document.
fn one(op: &Kin, w: &mut dyn Writes, cascade: &mut Cascade) -> Attempt<Told> {
    match op {
        Kin::Make { role, id, parent } => {
            let mut is_new = false;
            let mut change = |old: Option<&Bytes>| {
                is_new = old.is_none();
                Ok(Some(stored(*role, *parent)))
            };
            let (of, id) = (role.collection(), name_of(*id));
            let made = of.modify(w, id.as_str().into(), NOW_MS, &mut change, cascade)?;
            let number = number_of(&made.unwrap());
            Ok(vec![is_new.into(), number])
        }
        Kin::Move { role, id, parent } => {
            let changes = Changes::new(changes(*parent), NOW_MS);
            let (of, id) = (role.collection(), name_of(*id));
            let moved = of.update(w, id.as_str().into(), &changes, &mut None)?;
            Ok(vec![moved.into()])
        }
        Kin::Remove { role, id } => {
            let (of, id) = (role.collection(), name_of(*id));
            Ok(vec![of.delete(w, id.as_str().into(), cascade)?.into()])
        }
        _ => unreachable!("a call for many documents"),
    }
}
