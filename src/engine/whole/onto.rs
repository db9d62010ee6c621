//! A connection that shows an empty draft in place of the patch that is there, until that has given way to it: so
//! that one engine can be filled on the database of another.
//!
//! What is written ahead goes through. A flip is the draft's only if the patch is as it was when the draft was begun, and
//! takes all of its records away in the same transaction.

use std::any::Any;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};

use crate::backend::{
    Append, Appended, Backend, Connector, Decide, Durability, Event, Failure, Read, RecordKey,
    Reply, Seen, Settled, Signal, Write,
};
use crate::codec::head::Head;
use crate::codec::root::Root;
use crate::error::Result;
use crate::record::Id;

/// What gives way to what.
pub struct Plan {
    /// The head of the patch.
    pub from: Head,
    /// The last frame of it that the draft takes along.
    pub last: u64,
    /// Its records.
    pub records: Vec<RecordKey>,
    /// The life of the patch that begins.
    pub life: Id,
}

impl Plan {
    /// The head and the root of the draft.
    fn draft(&self) -> (Bytes, Bytes) {
        let head = Head {
            generation: 0,
            position: self.last,
            ..Head::new(self.life)
        };
        let root = Root {
            epoch: head.epoch,
            ..Root::default()
        };
        (head.encode(), root.encode(self.life))
    }

    fn has_begun(&self, head: Option<&Bytes>) -> bool {
        let head = head.and_then(|head| Head::decode(head).ok());
        head.is_some_and(|head| head.incarnation == self.life)
    }

    fn show(&self, reads: &[Read], mut replies: Vec<Reply>) -> Vec<Reply> {
        let is_head = |read: &Read| *read == Read::Get(RecordKey::Head);
        let Some(at) = reads.iter().position(is_head) else {
            return replies;
        };
        if matches!(replies.get(at), Some(Reply::Record(head)) if self.has_begun(head.as_ref())) {
            return replies;
        }
        let (head, root) = self.draft();
        for (read, reply) in reads.iter().zip(&mut replies) {
            match read {
                Read::Get(RecordKey::Head) => *reply = Reply::Record(Some(head.clone())),
                Read::Get(RecordKey::Root) => *reply = Reply::Record(Some(root.clone())),
                Read::Frames { .. } => *reply = Reply::Frames(Vec::new()),
                _ => {}
            }
        }
        replies
    }

    /// Whether what a flip has seen is the patch as it was.
    fn is_unchanged(&self, seen: &Seen) -> bool {
        let head = seen.head.as_ref().and_then(|head| Head::decode(head).ok());
        let state = |head: &Head| (head.incarnation, head.generation, head.epoch);
        // (Not byte for byte: whoever makes commits survive a power cut seals it again.)
        // planted: converted-unseen
        let same = head.is_some_and(|head| state(&head) == state(&self.from));
        same && seen.last_frame <= Some(self.last)
    }

    fn decide(&self, mut seen: Seen, decide: Decide) -> Option<Vec<Write>> {
        if self.has_begun(seen.head.as_ref()) {
            return decide(seen);
        }
        if !self.is_unchanged(&seen) {
            return None;
        }
        seen.head = Some(self.draft().0);
        let mut writes = decide(seen)?;
        // planted: old-left
        writes.extend(self.records.iter().copied().map(Write::Delete));
        Some(writes)
    }
}

/// Connections onto a patch.
pub struct OntoConnector {
    connector: Rc<dyn Connector>,
    plan: Rc<Plan>,
}

impl OntoConnector {
    /// What `connector` opens, shown as `plan` has it.
    pub fn new(connector: Rc<dyn Connector>, plan: Plan) -> Self {
        let plan = Rc::new(plan);
        Self { connector, plan }
    }
}

impl Connector for OntoConnector {
    fn open(&self, events: Rc<dyn Fn(Event)>) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>>> {
        let (opening, plan) = (self.connector.open_existing(events), self.plan.clone());
        async move {
            let backend = opening.await?;
            Ok(Rc::new(OntoBackend { backend, plan }) as Rc<dyn Backend>)
        }
        .boxed_local()
    }

    fn reserve_bytes(&self) -> usize {
        self.connector.reserve_bytes()
    }

    fn hold(&self, life: Id, epoch: u64) -> LocalBoxFuture<'static, Option<Box<dyn Any>>> {
        self.connector.hold(life, epoch)
    }

    fn held(&self, life: Id) -> LocalBoxFuture<'static, Option<u64>> {
        self.connector.held(life)
    }

    fn estimate(&self) -> LocalBoxFuture<'static, Option<(f64, f64)>> {
        self.connector.estimate()
    }
}

struct OntoBackend {
    backend: Rc<dyn Backend>,
    plan: Rc<Plan>,
}

impl Backend for OntoBackend {
    fn read(&self, reads: Vec<Read>) -> Settled<Vec<Reply>> {
        let (reading, plan) = (self.backend.read(reads.clone()), self.plan.clone());
        async move { Ok(plan.show(&reads, reading.await?)) }.boxed_local()
    }

    fn write(&self, writes: Vec<Write>, durability: Durability) -> Settled<()> {
        self.backend.write(writes, durability)
    }

    fn append(&self, _: Append, _: Durability) -> Settled<Appended> {
        // Nobody commits to a draft.
        ready(Err(Failure::Lost)).boxed_local()
    }

    fn flip(&self, decide: Decide, durability: Durability) -> Settled<bool> {
        let plan = self.plan.clone();
        let decide = Box::new(move |seen| plan.decide(seen, decide));
        self.backend.flip(decide, durability)
    }

    fn tears(&self, append: &Append) -> bool {
        self.backend.tears(append)
    }

    fn reclaim(&self, position: u64, attempt: u32) -> LocalBoxFuture<'static, ()> {
        self.backend.reclaim(position, attempt)
    }

    fn notify(&self) {
        self.backend.notify();
    }

    fn signal(&self, signal: Signal) {
        self.backend.signal(signal);
    }

    fn close(&self) {
        self.backend.close();
    }
}
