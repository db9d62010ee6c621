//! What of calls and tables is large is let go of in slices.

use std::rc::Rc;

use super::group::Call;
use super::instance::Core;
use crate::engine::keyspace::letting_go::{Held, let_go};
use crate::engine::keyspace::memtable::Memtable;

/// Drops the calls of a large batch, and their table unless readers of an older view hold it still: the last one
/// drops it then.
pub fn calls(core: &Rc<Core>, calls: Vec<Call>, table: Option<Rc<Memtable>>) {
    for call in calls {
        let (ops, reads) = (call.ops, call.reads);
        let_go(
            &core.context.env,
            Held {
                ops,
                reads,
                ..Held::default()
            },
        );
    }
    self::table(core, table);
}

/// Drops a table, unless others hold it still.
pub fn table(core: &Rc<Core>, table: Option<Rc<Memtable>>) {
    let_go(
        &core.context.env,
        Held {
            table,
            ..Held::default()
        },
    );
}

/// A table that has been made for a batch, and is let go of in slices where the batch comes to nothing.
pub struct Made {
    core: Rc<Core>,
    table: Memtable,
}

impl Made {
    /// Holds an empty one.
    #[must_use]
    pub fn new(core: &Rc<Core>) -> Self {
        Self {
            core: core.clone(),
            table: Memtable::default(),
        }
    }

    /// The table, to be added to.
    pub const fn table(&mut self) -> &mut Memtable {
        &mut self.table
    }

    /// Takes it out.
    #[must_use]
    pub fn take(mut self) -> Memtable {
        std::mem::take(&mut self.table)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        table(&self.core, Some(Rc::new(std::mem::take(&mut self.table))));
    }
}
