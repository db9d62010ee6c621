//! The realm's queue of uncommitted calls.

use std::collections::VecDeque;

use super::done::Done;
use super::group::{Group, Work};
use super::recent::Since;
use crate::backend::Id;
use crate::codec::batch::{Op, OpValue};
use crate::codec::catalog;
use crate::codec::kinds::key as kinds;
use crate::codec::stamp::STAMPED;
use crate::engine::keyspace::draft::Draft;

/// Something that waits for its turn because an earlier call is not ready.
pub enum Waiting {
    /// A write whose batch is not made yet.
    Write(Box<Submission>),
    /// The finished batch of a transaction.
    Prepared(Box<Prepared>),
    /// Anything else that wants to start when its turn comes.
    Turn(Box<dyn FnOnce()>),
    /// A look at what other tabs have committed, for the reads behind it.
    Look,
}

impl Waiting {
    /// The number of the call that it is.
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        match self {
            Self::Write(submission) => Some(submission.id),
            Self::Prepared(prepared) => Some(prepared.id),
            Self::Turn(_) | Self::Look => None,
        }
    }
}

/// A transaction's batch on its way into the queue.
pub struct Prepared {
    /// The number of the call, in program order.
    pub id: u64,
    /// What it wrote and read.
    pub draft: Draft,
    /// The call whose places in the order of insertion the draft has.
    pub drafted_as: u64,
    /// When it began.
    pub since: Since,
    /// The turn in which it ran, if it had one.
    pub ticket: Option<Id>,
    /// Whom to tell.
    pub done: Done,
}

/// A write on its way into the queue.
pub struct Submission {
    /// The number of the call, in program order.
    pub id: u64,
    /// Makes its batch, as often as need be.
    pub work: Work,
    /// Whom to tell.
    pub done: Done,
}

/// What a put takes beside its key and its value, about.
const PUT_BYTES: usize = 16;

/// The uncommitted calls of a realm: gathered into groups, or waiting in line before that.
#[derive(Default)]
pub struct Queue {
    /// The first may be in flight; the last gathers.
    pub groups: VecDeque<Group>,
    /// Calls and reads that wait behind a call which is not ready.
    pub line: VecDeque<Waiting>,
    /// Above 0: newcomers must wait in line.
    pub hold: u32,
    /// Whether the line is being served.
    pub serving: bool,
    /// The call from the line that is being made ready.
    pub served: Option<u64>,
    /// The first call of the groups, while they are taken out to be built anew.
    pub rebuilt_from: Option<u64>,
    /// Whether the committer runs.
    pub committing: bool,
    /// Whether a call of the groups may be stale. What it writes was made for another state of the patch than the
    /// one below: together they may show a document at two places, or what no order of commits has made.
    pub unfit: bool,
}

impl Queue {
    /// Whether any call is in a group.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty() || self.rebuilt_from.is_some()
    }

    /// Whether no call is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let nothing_is_out = !self.serving && self.rebuilt_from.is_none();
        self.groups.is_empty() && self.line.is_empty() && nothing_is_out
    }

    /// The lowest number of a call that is not settled yet; where none has one, but something waits in line, the last
    /// but one that there is, and the last of all where nothing does.
    #[must_use]
    pub fn lowest(&self) -> u64 {
        let in_line = self.line.iter().find_map(Waiting::id);
        let in_groups = self.groups.iter().filter_map(|group| group.lowest);
        let out = [self.served, self.rebuilt_from, in_line];
        let rest = u64::MAX - u64::from(!self.is_empty());
        in_groups
            .chain(out.into_iter().flatten())
            .min()
            .unwrap_or(rest)
    }

    /// Whether the first group only removes.
    #[must_use]
    pub fn first_frees_room(&self) -> bool {
        let calls = self.groups.iter().take(1).flat_map(|group| &group.calls);
        let ops = calls.flat_map(|call| &call.ops);
        // What accompanies a removal in the op-log is small, and stores nothing of the user's.
        let accompanies = |value: &[u8]| value.first().is_none_or(|first| *first == STAMPED);
        // What is marked as synced is what goes for room.
        let marks = |key: &[u8]| key == [kinds::SYNCED_TO];
        // So does what is left in the catalog where something of it goes.
        let removes = || ops.clone().any(|op| !matches!(op, Op::Put(..)));
        let remains = |key: &[u8]| catalog::has(key) && removes();
        ops.clone().all(|op| match op {
            Op::Put(key, OpValue::Inline(value), _) => {
                accompanies(value) || marks(&key.prefix) || remains(&key.prefix)
            }
            Op::Put(..) => false,
            Op::Delete(_) | Op::DeleteRange(_) => true,
        })
    }

    /// About how many bytes the first group stores.
    #[must_use]
    pub fn first_bytes(&self) -> usize {
        let calls = self.groups.iter().take(1).flat_map(|group| &group.calls);
        let ops = calls.flat_map(|call| &call.ops);
        ops.map(|op| match op {
            Op::Put(key, value, _) => {
                let bytes = match value {
                    OpValue::Inline(value) => value.len(),
                    OpValue::Piece(piece) => piece.len as usize,
                    OpValue::Order(_) => 0,
                };
                key.prefix.len() + bytes + PUT_BYTES
            }
            Op::Delete(_) | Op::DeleteRange(_) => 0,
        })
        .sum()
    }

    /// Whether a call of a lower number waits in line. (Those that have come back into it are its first.)
    #[must_use]
    pub fn has_in_line_before(&self, id: u64) -> bool {
        let first = self.line.iter().find_map(Waiting::id);
        first.is_some_and(|first| first < id)
    }

    /// Puts a call back into the line, at its place in program order.
    pub fn put_back(&mut self, item: Waiting) {
        let id = item.id();
        let is_before = |other: &Waiting| other.id().is_some() && other.id() < id;
        let at = self.line.iter().rposition(is_before);
        self.line.insert(at.map_or(0, |at| at + 1), item);
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.is_held() && !self.committing && self.groups.is_empty()
    }

    /// Whether a newcomer must wait.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_paused() || !self.line.is_empty() || self.serving
    }

    /// Whether those in line must wait too: the groups are being built anew, or have to be.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        // planted: unfit-shown
        self.hold > 0 || self.unfit
    }

    /// Whether any call of the groups is stale.
    pub fn has_stale(&mut self) -> bool {
        let mut calls = self.groups.iter().flat_map(|group| &group.calls);
        self.unfit = self.unfit && calls.any(|call| call.stale);
        self.unfit
    }
}
