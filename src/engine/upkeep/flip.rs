//! Flips: the small transactions that make new segments live.

use std::rc::Rc;

use crate::backend::{Durability, Failure, RecordKey, Seen, Write};
use crate::codec::expiry::Expiry;
use crate::codec::feature::{Feature, Features};
use crate::codec::frame;
use crate::codec::head::{Head, MAX_WRITERS, OpLog};
use crate::codec::marks::{NEVER, expiry_of};
use crate::codec::root::{Garbage, Root};
use crate::codec::stamp::{Fill, Stamp};
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::{checked, invariant};
use crate::engine::core::notice::Notice;
use crate::engine::core::state::Frozen;
use crate::engine::keyspace::view::View;
use crate::engine::log::intake;
use crate::engine::store::staging::Staging;
use crate::engine::store::{connection, garbage, room};
use crate::error::Result;

/// A flip under construction: the head it builds upon and the root it will install.
pub struct Flip {
    base: Head,
    /// The directory that it installs.
    pub root: Root,
    /// The records that it replaces.
    pub garbage: Vec<Garbage>,
    /// Bytes of pieces among them whose cells lie in the directory still.
    pub hides: u64,
    /// What was written ahead for it.
    pub staging: Staging,
    /// The log is cut through here; the head's own position when nothing is flushed.
    pub position: u64,
    /// What a flush has frozen.
    pub frozen: Option<Frozen>,
    /// Records to be deleted once it is live.
    pub deletes: Vec<RecordKey>,
    /// The last sequences of the writers whose frames are cut now, the most recent first.
    pub writers: Vec<(crate::backend::Id, u64)>,
    /// Raises the generation, and demands that the log holds nothing that is not in the directory.
    pub new_generation: bool,
    /// Segments to be kept warm.
    pub records: Vec<(crate::backend::Id, bytes::Bytes)>,
}

/// How far a flip moves the stored clock at most, ms.
const DAY_MS: u64 = 86_400_000;
/// By this factor more bytes of replaced records may wait while somebody writes.
const AT_WORK: u64 = 3;

impl Flip {
    /// A flip upon what is known now.
    #[must_use]
    pub fn new(core: &Rc<Core>) -> Self {
        let state = core.state.borrow();
        let base = state.head.clone();
        let mut root = Root::clone(&state.view.root);
        let purged = core.purged.borrow();
        root.garbage
            .retain(|garbage| !purged.contains(&garbage.key));
        Self {
            position: base.position,
            base,
            root,
            garbage: Vec::new(),
            hides: 0,
            staging: Staging::new(core, core.compacting.get(), None),
            frozen: None,
            deletes: Vec::new(),
            writers: Vec::new(),
            new_generation: false,
            records: Vec::new(),
        }
    }

    /// Makes later orders of insertion come after those up to `base`.
    pub fn order_after(&mut self, base: u64) {
        // planted: order-anew
        self.base.base = self.base.base.max(base);
    }

    /// Where writes are logged that are copied: has them logged here too, by a device of its own, with stamps from `next`
    /// on.
    pub fn log_after(&mut self, core: &Core, source: Option<&OpLog>, next: Stamp) {
        let Some(source) = source else {
            return;
        };
        let own = self.base.op_log.take();
        let (device, own_next) = match own {
            Some(own) => (own.device, own.next_stamp),
            None => (core.new_device(), next),
        };
        self.base.op_log = Some(OpLog {
            device,
            next_stamp: own_next.max(next),
            since: source.since,
        });
    }

    /// Switches features on.
    pub fn switch_on(&mut self, core: &Core, features: Features) {
        self.new_generation = true;
        if features.has(Feature::Expiry) {
            self.base.clock = self.base.clock.max(Some(core.now_ms()));
        }
        if features.has(Feature::OpLog) && self.base.op_log.is_none() {
            let since = Stamp::default().not_before(core.env().now_ms() as u64);
            self.base.op_log = Some(OpLog {
                device: core.new_device(),
                next_stamp: since.plus(1),
                since,
            });
        }
    }

    /// Moves the stored clock towards now, by a day at most, since that may be wrong: all the way where room is asked for.
    pub fn move_clock(&mut self, core: &Core) {
        let most_ms = match core.compacting.get() {
            true => u64::MAX,
            false => DAY_MS,
        };
        let target = |stored: u64| {
            core.now_ms()
                .min(stored.saturating_add(most_ms))
                .max(stored)
        };
        // planted: clock-unmoved
        self.base.clock = self.base.clock.map(target);
    }

    /// Switches on in a copy what is on in its source.
    pub fn take_features(&mut self, core: &Core, source: &Head) {
        self.switch_on(core, source.features());
        // What the source has let expire is not there in the copy.
        self.base.clock = self.base.clock.max(source.clock);
    }

    /// By the stored clock that it will make live: whether a cell with these marks has expired, and may be deleted.
    #[must_use]
    pub fn is_past(&self, marks: &[u8]) -> bool {
        let at_ms = expiry_of(marks);
        // planted: evict-early
        at_ms != NEVER && self.base.clock.is_some_and(|clock| at_ms <= clock)
    }

    /// What of the directory has anything that may be past.
    #[must_use]
    pub fn has_past(&self, expiry: &Expiry) -> bool {
        self.base
            .clock
            .is_some_and(|clock| expiry.least_ms <= clock)
    }

    /// Whether it moves the stored clock.
    #[must_use]
    pub fn moves_clock(&self, core: &Core) -> bool {
        self.base.clock != core.state.borrow().head.clock
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
        let mut op_log = self.base.op_log.clone();
        if let (Some(op_log), Some(frozen)) = (&mut op_log, &self.frozen) {
            // planted: stamp-again
            op_log.next_stamp = frozen.next_stamp;
        }
        // planted: more-lost
        Head {
            op_log,
            epoch: self.base.epoch + 1,
            generation: self.base.generation + u64::from(self.new_generation),
            position: self.position,
            writers,
            ..self.base.clone()
        }
    }

    /// The number of the log that raising the generation uses up.
    const fn fence(&self) -> u64 {
        self.base.position + 1
    }

    /// Runs the transaction. True: it is live. False: another flip was first, or the outcome is unknown;
    /// the view has been built anew.
    ///
    /// # Errors
    /// What the transaction fails with.
    pub async fn run(mut self, core: &Rc<Core>) -> Result<bool> {
        if let Err(error) = self.staging.write().await {
            self.staging.abandon().await;
            return Err(error);
        }
        let pass = core.intake.enter().await;
        let head = self.new_head();
        let epoch = head.epoch;
        for garbage in &mut self.garbage {
            garbage.epoch = head.epoch;
        }
        self.root.epoch = head.epoch;
        // planted: early-delete
        self.root.garbage.append(&mut self.garbage);
        self.check(core, &head)?;
        let mut doubt = false;
        match self.transact_with_room(core, &head, &mut doubt).await {
            Ok(true) if self.fits(core) => {
                self.install(core, head);
                core.reckon(self.hides);
            }
            Ok(true) => intake::reload(core, &pass).await?,
            Ok(false) if !doubt => {
                self.staging.abandon().await;
                intake::reload(core, &pass).await?;
                return Ok(false);
            }
            outcome => {
                if matches!(outcome, Err(Failure::Lost)) {
                    connection::reconnect(core, &core.backend()).await?;
                }
                intake::reload(core, &pass).await?;
                if !self.is_seen(core) {
                    return self.unseen(core, outcome).await;
                }
            }
        }
        core.flipped.set(epoch);
        drop(pass);
        if self.base.clock.is_some() {
            // What has expired may have gone with it.
            core.tell(&Notice::Expiry);
        }
        core.backend().notify();
        garbage::delete(core, &self.deletes).await;
        garbage::purge(core, AT_WORK * core.options.limits.garbage_bytes).await;
        Ok(true)
    }

    /// What must hold of that which is to be live, before it is.
    fn check(&self, core: &Rc<Core>, head: &Head) -> Result<()> {
        checked(core, head.check())?;
        checked(core, self.root.check())?;
        invariant!(
            core,
            head.position >= self.base.position,
            "a flip would take frames back"
        );
        let known = core.state.borrow().known;
        invariant!(
            core,
            self.new_generation || head.position <= known || self.frozen.is_none(),
            "a flip would cut frames that were not taken in"
        );
        Ok(())
    }

    /// Whether the root that was just read is the one that the flip installs.
    fn is_seen(&self, core: &Core) -> bool {
        // planted: delete-staged
        *core.state.borrow().view.root == self.root
    }

    /// What it comes to when something has failed and another root is found. It may have been live all the same, and
    /// other flips may have built upon it: then nothing is deleted. The collector finds what is not live.
    async fn unseen(self, core: &Rc<Core>, outcome: Result<bool, Failure>) -> Result<bool> {
        // planted: delete-staged-too
        let nobody_flipped = core.state.borrow().head.epoch == self.base.epoch;
        match outcome {
            Err(failure @ (Failure::Quota(_) | Failure::Aborted(..))) if nobody_flipped => {
                self.staging.abandon().await;
                Err(connection::error_of(core, failure).await)
            }
            _ => Ok(false),
        }
    }

    /// Whether the state is still the one that the flip was built upon. It may have been read
    /// anew without a foreign flip: to find out about a commit of unknown outcome.
    fn fits(&self, core: &Core) -> bool {
        let state = core.state.borrow();
        let layers = self
            .frozen
            .is_none_or(|f| f.rebuilt_layers == state.rebuilt_layers);
        // planted: flush-over-rebuilt
        layers && state.head.epoch == self.base.epoch
    }

    /// The transaction; where there is no room for it, once more with some made. `doubt`: whether one has failed, of
    /// which the browser may have said less than it did.
    async fn transact_with_room(
        &self,
        core: &Rc<Core>,
        head: &Head,
        doubt: &mut bool,
    ) -> Result<bool, Failure> {
        let mut room = room::Attempts::new(core.compacting.get(), None);
        loop {
            let outcome = self.transact(core, head).await;
            *doubt |= outcome.is_err();
            match outcome {
                Err(Failure::Quota(_)) if room.make_room(core).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn transact(&self, core: &Rc<Core>, head: &Head) -> Result<bool, Failure> {
        let mut writes = vec![
            Write::Put(RecordKey::Head, head.encode()),
            Write::Put(RecordKey::Root, self.root.encode(head.incarnation)),
        ];
        if self.new_generation {
            // Whoever has not heard of it gets a number that tells: see `commit`.
            let fence = frame::void(self.base.incarnation);
            // planted: unfenced-flip
            writes.push(Write::Add(Some(self.fence()), fence));
        }
        // planted: cut-too-far
        if self.position > self.base.position {
            writes.push(Write::CutLog {
                through: self.position,
            });
        }
        core.count_written(writes.iter().map(bytes_of).sum());
        let nothing_beyond = self.new_generation.then_some(self.base.position);
        let decide = decision(self.base.clone(), nothing_beyond, writes);
        // Strict whatever the option: it cuts frames that were acknowledged as strict, or that a
        // `flush` has promised, perhaps by another tab.
        core.backend().flip(decide, Durability::Strict).await
    }

    /// How many more bytes of the records written for it are held until they are live, to be warm then.
    #[must_use]
    pub fn keep_bytes(&self, core: &Core) -> usize {
        let held: usize = self.records.iter().map(|(_, record)| record.len()).sum();
        (core.options.cache_bytes / crate::engine::store::staging::KEPT_PART).saturating_sub(held)
    }

    /// Makes the state what the transaction has made of the stores.
    fn install(&mut self, core: &Rc<Core>, head: Head) {
        crate::engine::store::staging::keep_warm(
            core,
            std::mem::take(&mut self.records),
            Fill::default(),
        );
        let mut state = core.state.borrow_mut();
        if let Some(frozen) = self.frozen {
            state.thaw(frozen);
        }
        let mut view = View::of_root(std::mem::take(&mut self.root));
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

/// What the transaction decides, from what it sees.
fn decision(base: Head, nothing_beyond: Option<u64>, writes: Vec<Write>) -> crate::backend::Decide {
    Box::new(move |seen: Seen| {
        let head = Head::decode(&seen.head?).ok()?;
        // planted: flip-on-new-head
        let same = head.incarnation == base.incarnation
            && head.generation == base.generation
            && head.epoch == base.epoch;
        let beyond = nothing_beyond.is_some_and(|position| seen.last_frame > Some(position));
        (same && !beyond).then_some(writes)
    })
}

fn bytes_of(write: &Write) -> usize {
    match write {
        Write::Put(_, record) | Write::Add(_, record) => record.len(),
        Write::Delete(_) | Write::CutLog { .. } | Write::Clear(_) => 0,
    }
}

/// At rest: deletes what need not wait, and has the list tell the truth if that was much.
///
/// # Errors
/// What the flip fails with.
pub async fn clean(core: &Rc<Core>, _maintenance: &Pass) -> Result<bool> {
    let keep_bytes = core.options.limits.garbage_bytes;
    garbage::purge(core, keep_bytes).await;
    let listed: u64 = core.view().root.garbage.iter().map(|g| g.bytes).sum();
    if listed <= keep_bytes {
        return Ok(true);
    }
    Flip::new(core).run(core).await
}
