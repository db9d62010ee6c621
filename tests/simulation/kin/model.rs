//! What these calls do to a plain map.

use bytes::Bytes;
use std::collections::BTreeMap;

use super::super::model::Model;
use super::super::operation::{Told, encoded, number};
use super::{BOUND, COUNTER, IDS, KEY, Kin, REFUSED, Role};

/// A document: to whom it refers, and its number (0: none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub parent: Option<u8>,
    pub number: u64,
}

/// All of them, by what they are and their ids.
pub type Members = BTreeMap<(Role, u8), Member>;

/// As the plain map has them; nothing: there are none.
pub fn encode(members: &Members) -> Option<Bytes> {
    let mut out = Vec::new();
    for ((role, id), member) in members {
        out.extend([*role as u8, *id, member.parent.map_or(0, |id| id + 1)]);
        out.extend(member.number.to_le_bytes());
    }
    (!out.is_empty()).then(|| out.into())
}

fn decode(stored: &[u8]) -> Members {
    let of = |member: &[u8]| {
        let at = (Role::ALL[usize::from(member[0])], member[1]);
        let member = Member {
            parent: member[2].checked_sub(1),
            number: u64::from_le_bytes(member[3..].try_into().unwrap()),
        };
        (at, member)
    };
    stored.chunks_exact(11).map(of).collect()
}

/// Those who refer to one that is not there.
pub fn orphans(members: &Members) -> Vec<(Role, u8)> {
    let is_orphan = |((role, _), member): &(&(Role, u8), &Member)| {
        let refers = role.refers_to().zip(member.parent);
        refers.is_some_and(|parent| !members.contains_key(&parent))
    };
    let all = members.iter().filter(is_orphan);
    all.map(|(at, _)| *at).collect()
}

struct Family {
    members: Members,
    is_bound: bool,
    counter: u64,
}

/// Does it to the map; what it tells, or that it is refused.
pub fn apply(op: &Kin, model: &mut Model) -> Told {
    let mut family = Family {
        members: model
            .get(KEY)
            .map(|stored| decode(stored))
            .unwrap_or_default(),
        is_bound: model.contains_key(BOUND),
        counter: number(model.get(COUNTER), 0),
    };
    let Some(told) = family.apply(op) else {
        return vec![REFUSED];
    };
    let is_bound = family.is_bound.then(Bytes::new);
    let counter = (family.counter > 0).then(|| encoded(family.counter));
    let all = [
        (KEY, encode(&family.members)),
        (BOUND, is_bound),
        (COUNTER, counter),
    ];
    for (key, value) in all {
        match value {
            Some(value) => drop(model.insert(Bytes::from_static(key), value)),
            None => drop(model.remove(key)),
        }
    }
    told
}

impl Family {
    /// `None`: it is refused.
    fn apply(&mut self, op: &Kin) -> Option<Told> {
        match op {
            Kin::Bind => {
                if !self.is_bound {
                    let children = self
                        .members
                        .iter()
                        .filter(|((role, _), _)| *role == Role::Child);
                    self.counter = children.map(|(_, child)| child.number).max().unwrap_or(0);
                    self.is_bound = true;
                }
                orphans(&self.members).is_empty().then(Vec::new)
            }
            Kin::Unbind => {
                (self.is_bound, self.counter) = (false, 0);
                Some(Vec::new())
            }
            Kin::Make { role, id, parent } => {
                let old = self.members.get(&(*role, *id)).copied();
                let number = match old {
                    None => self.new_number(*role),
                    Some(old) if self.is_bound => old.number,
                    Some(_) => 0,
                };
                self.put(*role, *id, *parent, number)?;
                Some(vec![old.is_none().into(), number])
            }
            Kin::Pair { role, id, parent } => {
                for id in [*id, (*id + 1) % IDS] {
                    if self.members.contains_key(&(*role, id)) {
                        return None;
                    }
                    let number = self.new_number(*role);
                    self.put(*role, id, *parent, number)?;
                }
                Some(Vec::new())
            }
            Kin::Move { role, id, parent } => {
                let old = self.members.get(&(*role, *id)).copied();
                if let Some(old) = old {
                    self.put(*role, *id, *parent, old.number)?;
                }
                Some(vec![old.is_some().into()])
            }
            Kin::MoveAll { role, parent } => {
                let all = self.all_of(*role);
                for (at, old) in &all {
                    self.put(*role, at.1, *parent, old.number)?;
                }
                Some(vec![all.len() as u64])
            }
            Kin::Remove { role, id } => {
                let was_there = self.members.contains_key(&(*role, *id));
                self.remove(vec![(*role, *id)])?;
                Some(vec![was_there.into()])
            }
            Kin::RemoveAll { role } => {
                let all: Vec<_> = self.all_of(*role).into_keys().collect();
                let count = all.len() as u64;
                self.remove(all)?;
                Some(vec![count])
            }
        }
    }

    fn all_of(&self, role: Role) -> Members {
        let mut all = self.members.clone();
        all.retain(|(of, _), _| *of == role);
        all
    }

    /// Of a new document.
    fn new_number(&mut self, role: Role) -> u64 {
        if !self.is_bound || role != Role::Child {
            return 0;
        }
        self.counter += 1;
        self.counter
    }

    /// `None`: it refers to one that is not there.
    fn put(&mut self, role: Role, id: u8, parent: Option<u8>, number: u64) -> Option<()> {
        let refers = role.refers_to().zip(parent).filter(|_| self.is_bound);
        let fits = refers.is_none_or(|parent| self.members.contains_key(&parent));
        self.members.insert((role, id), Member { parent, number });
        fits.then_some(())
    }

    /// `None`: one of them has a guard.
    fn remove(&mut self, gone: Vec<(Role, u8)>) -> Option<()> {
        self.members.retain(|at, _| !gone.contains(at));
        if !self.is_bound {
            return Some(());
        }
        for at in orphans(&self.members) {
            if at.0 == Role::Child {
                self.members.remove(&at);
            }
        }
        for at in orphans(&self.members) {
            match self.members.get_mut(&at) {
                Some(friend) if at.0 == Role::Friend => friend.parent = None,
                _ => return None,
            }
        }
        Some(())
    }
}
