//! What a patch takes, and whether its budget has room.

use std::rc::Rc;

use super::instance::Core;
use super::quota::Stock;

impl Core {
    /// About how many bytes the patch takes, before compression: what lives, what is dead, the log, and pieces. Costs
    /// nothing, but after a flip.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        let bytes = self.reckon(0);
        let state = self.state.borrow();
        bytes + state.tail_bytes as u64 + state.tail_beside
    }

    /// What the directory takes. It is looked at anew after a flip, by which `hides` more bytes of pieces are hidden in
    /// it.
    pub fn reckon(&self, hides: u64) -> u64 {
        let stock = self.quota.stock.get();
        let root = Rc::clone(&self.state.borrow().view.root);
        if stock.epoch == Some(root.epoch) && hides == 0 {
            return stock.bytes;
        }
        let purged = self.purged.borrow();
        let garbage = root.garbage.iter();
        let garbage = garbage.filter(|garbage| !purged.contains(&garbage.key));
        let garbage = garbage.map(|garbage| garbage.bytes).sum();
        let stock = stock.next(&root, garbage, hides);
        self.quota.stock.set(stock);
        self.state.borrow_mut().mean_bytes = stock.mean;
        stock.bytes
    }

    /// Has the directory looked at anew: some of its garbage was deleted.
    pub fn reckon_anew(&self) {
        let stock = self.quota.stock.get();
        let epoch = None;
        self.quota.stock.set(Stock { epoch, ..stock });
    }

    /// Whether the patch's budget has room for so many bytes.
    #[must_use]
    pub fn has_budget(&self, bytes: usize) -> bool {
        let max_bytes = self.quota.policy.get().max_bytes;
        self.stored_bytes() as f64 + bytes as f64 <= max_bytes
    }
}
