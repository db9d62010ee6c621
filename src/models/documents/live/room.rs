//! The live queries of one collection, and which of them a document may concern.

use bytes::Bytes;
use std::rc::Rc;

use super::buckets::Buckets;
use super::value_key::value_key;
use super::watcher::Watcher;
use crate::codec::value::Form;
use crate::error::Result;
use crate::models::documents::Collection;
use crate::models::query::{Path, Want};
use crate::sorted::SortedMap;

/// So many keys are remembered one by one.
const MAX_KEYS: usize = 10_000;

/// What commits have touched that have not been looked at.
pub(super) enum Touched {
    /// These keys, of documents and of ids.
    Keys(Vec<Bytes>),
    /// Any document.
    Any,
}

/// The live queries of a collection.
pub(super) struct Room {
    pub collection: Collection,
    pub watchers: SortedMap<u64, Rc<Watcher>>,
    /// Those of this or other collections that attach documents of this one to theirs. Whatever is touched concerns them: a document
    /// may belong to any of theirs.
    pub including: SortedMap<u64, Rc<Watcher>>,
    /// The hashes of ids, and in whose results they are.
    pub held: Buckets,
    pub touched: Touched,
    /// The paths by which watchers are told apart: whoever wants a value there that a document does not have need not be
    /// asked whether it matches.
    paths: Vec<(Path, Buckets)>,
    /// Those that are not told apart.
    rest: Vec<u64>,
}

impl Room {
    pub fn new(collection: &Collection) -> Self {
        Self {
            collection: collection.clone(),
            watchers: SortedMap::new(),
            including: SortedMap::new(),
            held: Buckets::default(),
            touched: Touched::Keys(Vec::new()),
            paths: Vec::new(),
            rest: Vec::new(),
        }
    }

    /// Where its keys lie, without their kind.
    pub fn prefix(&self) -> &[u8] {
        self.collection.docs.get(1..).unwrap_or_default()
    }

    pub fn touch(&mut self, key: &Bytes) {
        match &mut self.touched {
            Touched::Keys(keys) if keys.len() < MAX_KEYS => keys.push(key.clone()),
            touched => *touched = Touched::Any,
        }
    }

    /// Adds a watcher.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn add(&mut self, watcher: Rc<Watcher>, seed: u64) -> Result<()> {
        let number = watcher.number;
        match self.best(&watcher, seed)? {
            None => self.rest.push(number),
            Some((path, key)) => self.add_under(path, key, number),
        }
        self.watchers.insert(number, watcher);
        Ok(())
    }

    /// Removes a watcher, but for what it holds.
    pub fn remove(&mut self, watcher: &Watcher, seed: u64) {
        let number = watcher.number;
        self.including.remove(&number);
        if self.watchers.remove(&number).is_none() {
            return;
        }
        for (path, want) in watcher.query.equalities() {
            let Some(at) = self.place(path) else { continue };
            if let (Some((_, table)), Ok(key)) = (self.paths.get_mut(at), key_of(seed, want))
                && table.remove(key, number)
            {
                if table.len() == 0 {
                    self.paths.remove(at);
                }
                return;
            }
        }
        self.rest.retain(|known| *known != number);
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.including.is_empty()
    }

    /// Of what the query wants to be equal, that which it shares with the fewest others.
    fn best(&self, watcher: &Watcher, seed: u64) -> Result<Option<(Path, u64)>> {
        let mut best = None;
        let mut least = (usize::MAX, true);
        for (path, want) in watcher.query.equalities() {
            let key = key_of(seed, want)?;
            let known = self.place(path).and_then(|at| self.paths.get(at));
            let shared = known.map_or(0, |(_, table)| table.of(key).count());
            let cost = (shared, known.is_none());
            if cost < least {
                (best, least) = (Some((path.clone(), key)), cost);
            }
        }
        Ok(best)
    }

    fn place(&self, path: &Path) -> Option<usize> {
        let is_it = |(known, _): &(Path, Buckets)| known.whole() == path.whole();
        self.paths.iter().position(is_it)
    }

    fn add_under(&mut self, path: Path, key: u64, number: u64) {
        let at = self.place(&path);
        if let Some((_, table)) = at.and_then(|at| self.paths.get_mut(at)) {
            table.add(key, number);
            return;
        }
        let mut table = Buckets::default();
        table.add(key, number);
        self.paths.push((path, table));
    }

    /// How many paths there are by which watchers are told apart: a document is gone through for each.
    pub fn passes(&self) -> usize {
        self.paths.len()
    }

    /// The watchers that a document with these bytes may match.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn candidates(&self, doc: Form<'_>, seed: u64) -> Result<Vec<Rc<Watcher>>> {
        let mut found = Vec::new();
        let mut add = |number: u64| found.extend(self.watchers.get(&number).cloned());
        for (path, table) in &self.paths {
            let key = value_key(seed, path.find(doc)?)?;
            table.of(key).for_each(&mut add);
        }
        self.rest.iter().copied().for_each(&mut add);
        Ok(found)
    }

    /// The watchers in whose results the document with this hash is.
    pub fn holders(&self, hash: u64) -> impl Iterator<Item = &Rc<Watcher>> {
        let numbers = self.held.of(hash);
        numbers.filter_map(|number| self.watchers.get(&number))
    }
}

fn key_of(seed: u64, want: &Want) -> Result<u64> {
    value_key(seed, Some(Form::Exact(&want.node()?)))
}
