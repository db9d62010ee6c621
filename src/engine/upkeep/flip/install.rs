//! Taking over what a flip has made live.

use std::rc::Rc;

use super::Flip;
use crate::codec::head::Head;
use crate::codec::stamp::Fill;
use crate::engine::core::instance::Core;
use crate::engine::keyspace::view::View;
use crate::engine::store::staging::keep_warm;

impl Flip {
    /// Makes the state what the transaction has made of the stores.
    pub(super) fn install(&mut self, core: &Rc<Core>, head: Head) {
        keep_warm(core, std::mem::take(&mut self.records), Fill::default());
        let mut state = core.state.borrow_mut();
        if let Some(frozen) = &self.frozen {
            state.thaw(frozen);
        }
        // Frames above what was frozen may have changed it.
        let catalog = self.catalog.take();
        let is_other = catalog.is_some();
        let catalog = catalog.unwrap_or_else(|| state.view.catalog.clone());
        let mut view = View::of_root(std::mem::take(&mut self.root), catalog);
        view.own = state.view.own.clone();
        view.layers = state.view.layers.clone();
        // As every replayer will have it: those whom the head has forgotten are forgotten here too.
        state.seen = head
            .writers
            .iter()
            .chain(&state.tail_writers)
            .copied()
            .collect();
        if self.new_generation {
            // All of a patch may have been copied to this one.
            state.interests.tell_all();
            // What was computed under the old one is not sealed under the new one unexamined.
            state.mark_all_stale();
            if self.position < self.fence() {
                state.skip_to(self.fence(), 0);
            } else {
                state.known = self.position;
                state.recent.forget_to(self.position);
            }
        }
        if is_other {
            state.mark_made_under_another();
        }
        if !state.head.op_log.eq(&head.op_log) && self.new_generation {
            let op_log = head.op_log.as_ref();
            state
                .next_stamp
                .set(op_log.map(|op_log| op_log.next_stamp).unwrap_or_default());
        }
        core.context.note_head(&head);
        state.take_head(head);
        core.context
            .cache
            .retain_directories(|id| view.root.levels.iter().flatten().any(|page| page.id == id));
        state.view = Rc::new(view);
    }
}
