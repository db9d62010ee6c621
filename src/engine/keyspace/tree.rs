//! A sorted map under keys of bytes that is cheap to copy.
//!
//! A copy shares all that neither has changed since: whoever holds an old state of a memtable, a slow reader, a
//! draft or a cursor, costs those who write on a few small nodes, and never the whole of it.

use bytes::Bytes;
use std::iter::from_fn;
use std::rc::Rc;

use super::access::KeyRange;
use crate::codec::tuple::compare;

/// A node with more items than this is split.
const MOST_ITEMS: usize = 32;

/// A sorted map, whose clones share nodes.
#[derive(Debug, Clone)]
pub struct Tree<V>(Rc<Node<V>>);

#[derive(Debug, Clone)]
enum Node<V> {
    Leaf(Items<V>),
    /// Each child lies under a key that none of its keys is below; what is below that of the first belongs to
    /// the first. No child is empty.
    Branch(Items<Rc<Node<V>>>),
}

type Items<T> = Vec<(Bytes, T)>;

impl<V> Default for Tree<V> {
    fn default() -> Self {
        Self(Rc::new(Node::Leaf(Vec::new())))
    }
}

/// The first item that is not below a key.
fn place<T>(items: &[(Bytes, T)], key: &[u8]) -> usize {
    items.partition_point(|(known, _)| compare(known, key).is_lt())
}

/// The child that a key belongs to.
fn child_of<T>(children: &[(Bytes, T)], key: &[u8]) -> usize {
    let above = children.partition_point(|(known, _)| compare(known, key).is_le());
    above.saturating_sub(1)
}

/// What a node that has become too large hands over to a new one behind it. Where keys ascend, as those of
/// insertions do, nodes are left full.
fn split<T>(items: &mut Items<T>, inserted_at: usize) -> Option<(Bytes, Items<T>)> {
    if items.len() <= MOST_ITEMS {
        return None;
    }
    let is_last = inserted_at + 1 == items.len();
    let behind = items.split_off(if is_last {
        inserted_at
    } else {
        items.len() / 2
    });
    let (first, _) = behind.first()?;
    Some((first.clone(), behind))
}

impl<V: Clone> Tree<V> {
    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What lies under a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        let (known, value) = self.leaf(key).0.first()?;
        (*known == *key).then_some(value)
    }

    /// Puts a value under a key; gives the one that was there.
    pub fn insert(&mut self, key: Bytes, value: V) -> Option<V> {
        let mut old = None;
        if let Some(behind) = Rc::make_mut(&mut self.0).insert(key, value, &mut old) {
            let before = (Bytes::new(), std::mem::take(self).0);
            self.0 = Rc::new(Node::Branch(vec![before, behind]));
        }
        old
    }

    /// Removes the keys of a range, handing over what lay under them.
    pub fn remove(&mut self, range: &KeyRange, gone: &mut dyn FnMut(&V)) {
        if self.first(range).is_none() {
            return;
        }
        Rc::make_mut(&mut self.0).remove(range, gone);
        loop {
            self.0 = match &*self.0 {
                Node::Branch(children) => match children.as_slice() {
                    [] => Rc::new(Node::Leaf(Vec::new())),
                    [(_, only)] => only.clone(),
                    _ => return,
                },
                Node::Leaf(_) => return,
            };
        }
    }

    /// What lies in a range, in order.
    pub fn between<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = (&'a Bytes, &'a V)> {
        let until = &*range.until;
        self.leaves(&range.from, move |items| {
            let ends = items
                .last()
                .is_some_and(|(last, _)| compare(last, until).is_ge());
            ends.then(|| place(items, until))
        })
    }

    /// All of it, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        self.starting_at(&[])
    }

    /// What lies under a key and those above it, in order.
    pub fn starting_at<'a>(
        &'a self,
        key: &[u8],
    ) -> impl Iterator<Item = (&'a Bytes, &'a V)> + use<'a, V> {
        self.leaves(key, |_| None)
    }

    /// What lies from a key on, leaf by leaf: up to the one of which `end` tells how much is wanted.
    fn leaves<'a, F: Fn(&[(Bytes, V)]) -> Option<usize>>(
        &'a self,
        from: &[u8],
        end: F,
    ) -> impl Iterator<Item = (&'a Bytes, &'a V)> + use<'a, V, F> {
        let mut rest = Some(self.leaf(from));
        let leaves = from_fn(move || {
            let (items, next) = rest.take()?;
            let end = end(items);
            if end.is_none() {
                rest = next.map(|next| self.leaf(next));
            }
            items.get(..end.unwrap_or(items.len()))
        });
        leaves.flatten().map(|(key, value)| (key, value))
    }

    /// The first key of a range, and what lies under it.
    #[must_use]
    pub fn first(&self, range: &KeyRange) -> Option<(&Bytes, &V)> {
        let found = self.at_least(&range.from)?;
        (*found.0 < range.until).then_some(found)
    }

    /// A key or else the next one above it, and what lies under that.
    #[must_use]
    pub fn at_least(&self, key: &[u8]) -> Option<(&Bytes, &V)> {
        let (items, next) = self.leaf(key);
        let found = items.first().or_else(|| self.leaf(next?).0.first());
        found.map(|(key, value)| (key, value))
    }

    /// The last key of a range, and what lies under it.
    #[must_use]
    pub fn last(&self, range: &KeyRange) -> Option<(&Bytes, &V)> {
        let mut until = &range.until;
        loop {
            let (items, least) = self.0.leaf_below(until);
            if let Some((key, value)) = items.last() {
                return (*key >= range.from).then_some((key, value));
            }
            // All that has been there is removed: before it, then.
            until = least?;
        }
    }

    /// About how many keys there are in a range: none only where there are none. Only nodes at its ends are looked at.
    #[must_use]
    pub fn about(&self, range: &KeyRange) -> usize {
        self.0.about(range)
    }

    /// Drops its last leaf, or what is shared; how many items.
    pub fn drop_leaf(&mut self) -> usize {
        Rc::get_mut(&mut self.0).map_or(0, Node::drop_leaf)
    }

    /// The rest of a leaf, from `key` on, and the least key that the next leaf may hold.
    fn leaf(&self, key: &[u8]) -> (&[(Bytes, V)], Option<&Bytes>) {
        let (mut node, mut next) = (&self.0, None);
        loop {
            match &**node {
                Node::Leaf(items) => {
                    return (items.get(place(items, key)..).unwrap_or_default(), next);
                }
                Node::Branch(children) => {
                    let at = child_of(children, key);
                    next = children.get(at + 1).map(|(least, _)| least).or(next);
                    let Some((_, child)) = children.get(at) else {
                        return (&[], None);
                    };
                    node = child;
                }
            }
        }
    }
}

impl<V: Clone> Node<V> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Leaf(items) => items.is_empty(),
            Self::Branch(children) => children.is_empty(),
        }
    }

    /// What the node hands over to a new one behind it, if it was full.
    fn insert(&mut self, key: Bytes, value: V, old: &mut Option<V>) -> Option<(Bytes, Rc<Self>)> {
        match self {
            Self::Leaf(items) => {
                let at = place(items, &key);
                match items.get_mut(at) {
                    Some((known, place)) if *known == key => {
                        *old = Some(std::mem::replace(place, value));
                        return None;
                    }
                    _ => items.insert(at, (key, value)),
                }
                split(items, at).map(|(least, items)| (least, Rc::new(Self::Leaf(items))))
            }
            Self::Branch(children) => {
                let at = child_of(children, &key);
                let (_, child) = children.get_mut(at)?;
                let behind = Rc::make_mut(child).insert(key, value, old)?;
                children.insert(at + 1, behind);
                split(children, at + 1).map(|(least, items)| (least, Rc::new(Self::Branch(items))))
            }
        }
    }

    fn remove(&mut self, range: &KeyRange, gone: &mut dyn FnMut(&V)) {
        match self {
            Self::Leaf(items) => {
                let (from, until) = (place(items, &range.from), place(items, &range.until));
                items.drain(from..until).for_each(|(_, value)| gone(&value));
            }
            Self::Branch(children) => {
                let from = child_of(children, &range.from);
                let until = place(children, &range.until).max(from + 1);
                for (_, child) in children.get_mut(from..until).unwrap_or_default() {
                    Rc::make_mut(child).remove(range, gone);
                }
                children.retain(|(_, child)| !child.is_empty());
            }
        }
    }

    fn about(&self, range: &KeyRange) -> usize {
        match self {
            Self::Leaf(items) => {
                place(items, &range.until).saturating_sub(place(items, &range.from))
            }
            Self::Branch(children) => {
                let from = child_of(children, &range.from);
                let until = place(children, &range.until).max(from + 1);
                match children.get(from..until).unwrap_or_default() {
                    [] => 0,
                    [(_, only)] => only.about(range),
                    [(_, first), between @ .., (_, last)] => {
                        let each = between.get(between.len() / 2);
                        let each = each.map_or(0, |(_, child)| child.size());
                        first.about(range) + between.len() * each + last.about(range)
                    }
                }
            }
        }
    }

    /// About how many items it has, by one of its leaves.
    fn size(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Branch(children) => {
                let middle = children.get(children.len() / 2);
                children.len() * middle.map_or(0, |(_, child)| child.size())
            }
        }
    }

    /// What of a leaf is below `until`, and the least key that the leaf may hold.
    fn leaf_below(&self, until: &[u8]) -> (&[(Bytes, V)], Option<&Bytes>) {
        let (mut node, mut least) = (self, None);
        loop {
            match node {
                Self::Leaf(items) => {
                    return (items.get(..place(items, until)).unwrap_or_default(), least);
                }
                Self::Branch(children) => {
                    let at = place(children, until).saturating_sub(1);
                    let Some((key, child)) = children.get(at) else {
                        return (&[], None);
                    };
                    least = if at > 0 { Some(key) } else { least };
                    node = child;
                }
            }
        }
    }

    fn drop_leaf(&mut self) -> usize {
        match self {
            Self::Leaf(items) => std::mem::take(items).len(),
            Self::Branch(children) => {
                let Some((_, last)) = children.last_mut() else {
                    return 0;
                };
                let dropped = Rc::get_mut(last).map_or(0, Self::drop_leaf);
                if dropped == 0 || last.is_empty() {
                    children.pop();
                }
                dropped.max(1)
            }
        }
    }
}

#[cfg(test)]
mod tests;
