//! Letting go of what is large in slices: dropping some hundred thousand operations takes long.

use bytes::Bytes;
use futures_util::FutureExt;
use std::rc::Rc;

use super::memtable::Memtable;
use super::read_set::ReadSet;
use crate::codec::batch::Op;
use crate::env::Env;

/// Operations, cells or keys that are dropped at once.
const SLICE: usize = 5_000;

/// What is to be dropped.
#[derive(Default)]
pub struct Held {
    /// Operations.
    pub ops: Vec<Op>,
    /// What was read.
    pub reads: ReadSet,
    /// Keys.
    pub keys: Vec<Bytes>,
    /// A table, unless others hold it still: the last one drops it then.
    pub table: Option<Rc<Memtable>>,
}

impl Held {
    fn is_large(&self) -> bool {
        let table = self.table.as_ref();
        self.ops.len() > SLICE
            || self.keys.len() > SLICE
            || self.reads.is_longer_than(SLICE)
            || table.is_some_and(|table| table.is_longer_than(SLICE))
    }

    /// Drops some of it; whether there is more.
    fn drop_some(&mut self) -> bool {
        if shorten(&mut self.ops) || shorten(&mut self.keys) || self.reads.drop_some(SLICE) {
            return true;
        }
        let table = self.table.as_mut().and_then(Rc::get_mut);
        table.is_some_and(|table| table.drop_some(SLICE))
    }
}

/// Drops a slice of a list; whether that was anything.
fn shorten<T>(list: &mut Vec<T>) -> bool {
    let had = list.len();
    list.truncate(had.saturating_sub(SLICE));
    had > 0
}

/// Drops it: at once where it is small, else later, in slices.
pub fn let_go(env: &Rc<dyn Env>, mut held: Held) {
    if !held.is_large() {
        return;
    }
    let inner = env.clone();
    let slowly = async move {
        while held.drop_some() {
            inner.yield_now().await;
        }
    };
    env.spawn(slowly.boxed_local());
}
