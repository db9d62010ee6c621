//! Flips: the small transactions that make new segments live.

use std::rc::Rc;

use super::core::{Core, Frozen};
use super::gate::Pass;
use super::intake;
use super::recover;
use super::staging::Staging;
use super::view::View;
use crate::backend::{Failure, Key, Seen, Write};
use crate::codec::head::{Head, MAX_WRITERS};
use crate::codec::root::{Garbage, Root};
use crate::error::Result;

/// A flip under construction: the head it builds upon and the root it will install.
pub struct Flip {
    base: Head,
    old_garbage: Vec<Garbage>,
    /// The directory to be.
    pub root: Root,
    /// What is replaced by it.
    pub garbage: Vec<Garbage>,
    /// What was written ahead for it.
    pub staging: Staging,
    /// The log is cut through here; the head's own position when nothing is flushed.
    pub position: u64,
    /// What a flush has frozen.
    pub frozen: Option<Frozen>,
    /// Records to be deleted at once.
    pub deletes: Vec<Key>,
    /// The last sequences of the writers whose frames are cut now, the most recent first.
    pub writers: Vec<(crate::backend::Id, u64)>,
    /// Raises the generation, and demands that the log holds nothing beyond `position`.
    pub new_generation: bool,
    /// Segments to be kept warm.
    pub records: Vec<(crate::backend::Id, bytes::Bytes)>,
}

impl Flip {
    /// A flip upon what is known now.
    #[must_use]
    pub fn new(core: &Rc<Core>) -> Self {
        let state = core.state.borrow();
        let mut root = Root::clone(&state.view.root);
        let old_garbage = std::mem::take(&mut root.garbage);
        Self {
            position: state.head.position,
            base: state.head.clone(),
            old_garbage,
            root,
            garbage: Vec::new(),
            staging: Staging::new(core),
            frozen: None,
            deletes: Vec::new(),
            writers: Vec::new(),
            new_generation: false,
            records: Vec::new(),
        }
    }

    fn new_head(&self) -> Head {
        let mut writers = self.writers.clone();
        writers.extend(
            self.base
                .writers
                .iter()
                .filter(|(id, _)| !self.writers.iter().any(|(w, _)| w == id)),
        );
        writers.truncate(MAX_WRITERS);
        Head {
            epoch: self.base.epoch + 1,
            generation: self.base.generation + u64::from(self.new_generation),
            position: self.position,
            writers,
            ..self.base.clone()
        }
    }

    /// Runs the transaction. True: it is live. False: somebody else was first; the view has been built anew.
    ///
    /// # Errors
    /// What the transaction fails with.
    pub async fn run(mut self, core: &Rc<Core>) -> Result<bool> {
        if let Err(error) = self.staging.write().await {
            self.staging.abandon().await;
            return Err(error);
        }
        let pass = core.intake.enter().await;
        let won = self.transact(core, &pass).await;
        if !matches!(won, Ok(true)) {
            self.staging.abandon().await;
        }
        won
    }

    async fn transact(&mut self, core: &Rc<Core>, pass: &Pass) -> Result<bool> {
        let head = self.new_head();
        self.root.epoch = head.epoch;
        self.root.garbage = std::mem::take(&mut self.garbage);
        let writes = self.writes(&head);
        let decide = decision(
            self.base.clone(),
            self.new_generation.then_some(self.position),
            writes,
        );
        let backend = core.backend();
        let wrote = match backend.flip(decide, core.options.durability).await {
            Ok(wrote) => wrote,
            Err(Failure::Lost) => {
                recover::reconnect(core, &backend).await?;
                false
            }
            Err(failure) => return Err(recover::error_of(core, failure).await),
        };
        if !wrote || core.state.borrow().head.epoch != self.base.epoch {
            intake::reload(core, pass).await?;
            // Unknown outcomes are told by the root that is there now.
            return Ok(*core.state.borrow().view.root == self.root);
        }
        self.install(core, head);
        Ok(true)
    }

    fn writes(&self, head: &Head) -> Vec<Write> {
        let mut writes = vec![
            Write::Put(Key::Head, head.encode()),
            Write::Put(Key::Root, self.root.encode()),
        ];
        if self.position > self.base.position {
            writes.push(Write::CutLog {
                through: self.position,
            });
        }
        writes.extend(
            self.old_garbage
                .iter()
                .map(|garbage| Write::Delete(garbage.key)),
        );
        writes.extend(self.deletes.iter().copied().map(Write::Delete));
        writes
    }

    /// Makes the state what the transaction has made of the stores.
    fn install(&mut self, core: &Rc<Core>, head: Head) {
        super::staging::keep_warm(core, std::mem::take(&mut self.records), 0);
        for garbage in &self.old_garbage {
            if let Key::Run(id) | Key::Piece(id) = garbage.key {
                core.ground.cache.forget(id);
            }
        }
        let mut state = core.state.borrow_mut();
        if let Some(frozen) = self.frozen {
            state.thaw(frozen);
        }
        let mut view = View::of_root(std::mem::take(&mut self.root));
        view.own = state.view.own.clone();
        view.layers = state.view.layers.clone();
        state.head = head;
        core.ground
            .cache
            .retain_directories(|id| view.root.levels.iter().flatten().any(|page| page.id == id));
        state.view = Rc::new(view);
    }
}

/// What the transaction decides, from what it sees.
fn decision(base: Head, nothing_beyond: Option<u64>, writes: Vec<Write>) -> crate::backend::Decide {
    Box::new(move |seen: Seen| {
        let head = Head::decode(&seen.head?).ok()?;
        let same = head.incarnation == base.incarnation
            && head.generation == base.generation
            && head.epoch == base.epoch;
        let beyond = nothing_beyond.is_some_and(|position| seen.last_frame > Some(position));
        (same && !beyond).then_some(writes)
    })
}
