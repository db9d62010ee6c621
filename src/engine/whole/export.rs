//! Exporting a patch: what one view shows, as the chunks of an archive, each made when it is asked for.
//!
//! The view is held ([`crate::engine::store::held`]) as long as the export is there.

use bytes::Bytes;
use std::rc::Rc;

use super::filling::with_blobs_inside;
use super::walk::{Walk, is_of_log, value_of};
use crate::codec::archive::chunk::{Kind, USUAL_BYTES};
use crate::codec::archive::contents::{Beginning, Totals, first_part, place_of};
use crate::codec::cell::{Cell, PieceRef, Value};
use crate::codec::head::Head;
use crate::codec::page_builder::{CellHoles, PageBuilder};
use crate::codec::tags::Tags;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::view::View;
use crate::engine::log::intake;
use crate::engine::log::reading::renewed_view;
use crate::engine::store::held::{self, Hold};
use crate::engine::store::pieces::is_piece;
use crate::engine::upkeep::poll;
use crate::error::{Code, Error, Result};
use crate::record::Id;
use crate::sealed::archive::{Envelope, With};
use crate::sealed::keys::Credential;
use crate::sealed::vault::Bulk;

/// How an archive is made.
pub struct ExportOptions {
    /// What is to open it; none: it is not sealed.
    pub credential: Option<Rc<dyn Credential>>,
    /// Seals large chunks, and reads Blobs.
    pub bulk: Rc<dyn Bulk>,
    /// Whether the entries of the op-log go along.
    pub with_log: bool,
}

/// A patch on its way out.
pub struct Export {
    core: Rc<Core>,
    options: ExportOptions,
    header: Option<Bytes>,
    envelope: Envelope,
    view: Rc<View>,
    _hold: Hold,
    walk: Walk,
    beginning: Beginning,
    page: PageBuilder,
    /// A large value, and how much of it has gone.
    large: Option<(Bytes, usize)>,
    totals: Totals,
    number: u64,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Beginning,
    Cells,
    End,
    Over,
}

/// What was made: its kind and its content.
type Made = (Kind, Vec<u8>);

impl Export {
    /// Begins to export what is stored once the calls issued before are settled.
    ///
    /// # Errors
    /// What reading fails with; `Unavailable` where the credential's key cannot be used.
    pub async fn begin(core: Rc<Core>, options: ExportOptions) -> Result<Self> {
        core.check_open()?;
        poll::before(&core).await;
        core.settled_so_far().await;
        let with = options.credential.as_deref().map(|credential| With {
            credential,
            bulk: &options.bulk,
        });
        let (envelope, header) = Envelope::make(core.env(), with).await?;
        let hold = held::hold(&core).await;
        intake::take_in(&core).await?;
        core.check_open()?;
        let view = core.view().committed();
        let beginning = Beginning {
            head: head_of(&core),
            expected: view.held_bytes(),
            with_log: options.with_log && core.state.borrow().head.op_log.is_some(),
        };
        Ok(Self {
            walk: Walk::new(&core, &view, &KeyRange::everything()),
            core,
            options,
            header: Some(header),
            envelope,
            view,
            _hold: hold,
            beginning,
            page: PageBuilder::default(),
            large: None,
            totals: Totals::default(),
            number: 0,
            stage: Stage::Beginning,
        })
    }

    /// How many bytes of keys and values have gone, and how many there are, about.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let (done, total) = (self.totals.bytes, self.beginning.expected);
        match self.stage {
            Stage::Over => (done, done),
            _ => (done, total.max(done)),
        }
    }

    /// The next bytes; `None`: there are no more.
    ///
    /// # Errors
    /// `Conflict` where what is still needed was given up for room, or replaced where tabs cannot hear of each other; `NotStorable` of Blobs that are
    /// too large; what reading fails with.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.core.check_open()?;
        if let Some(header) = self.header.take() {
            return Ok(Some(header));
        }
        let made = match self.made().await {
            Ok(made) => made,
            Err(LoadError::Fail(error)) => return Err(error),
            Err(LoadError::Missing) => {
                renewed_view(&self.core, &self.view).await?;
                return Err(Error::new(
                    Code::Conflict,
                    "what is still to be exported had to be given up, for room or since other tabs do not hear of it",
                ));
            }
        };
        let Some((kind, content)) = made else {
            return Ok(None);
        };
        let number = self.number;
        self.number += 1;
        self.envelope.seal(number, kind, &content).await.map(Some)
    }

    async fn made(&mut self) -> Result<Option<Made>, LoadError> {
        loop {
            match self.stage {
                Stage::Beginning => {
                    self.stage = Stage::Cells;
                    return Ok(Some((Kind::Beginning, self.beginning.encode())));
                }
                Stage::Cells => {
                    if let Some(made) = self.cells().await? {
                        return Ok(Some(made));
                    }
                    self.stage = Stage::End;
                }
                Stage::End => {
                    self.stage = Stage::Over;
                    return Ok(Some((Kind::End, self.totals.encode())));
                }
                Stage::Over => return Ok(None),
            }
        }
    }

    async fn cells(&mut self) -> Result<Option<Made>, LoadError> {
        if let Some(part) = self.part_of_large() {
            return Ok(Some(part));
        }
        while self.page.len() < USUAL_BYTES {
            let Some((key, cell)) = self.walk.next(&self.core).await? else {
                break;
            };
            if is_of_log(&key) && !self.beginning.with_log {
                continue;
            }
            self.cell(&key, cell).await?;
            if let Some(part) = self.part_of_large() {
                return Ok(Some(part));
            }
        }
        let is_over = self.page.is_empty();
        Ok((!is_over).then(|| (Kind::Cells, self.page.take())))
    }

    async fn cell(&mut self, key: &Bytes, mut cell: Cell) -> Result<(), LoadError> {
        if let Some(piece) = cell.cited_piece() {
            let value = value_of(&self.core, &piece).await?;
            let value = with_blobs_inside(&*self.options.bulk, value).await?;
            cell.value = if is_piece(&value) {
                let (id, len) = (place_of(self.totals.large), value.len() as u64);
                self.large = Some((value, 0));
                let shared = false;
                Value::Piece(PieceRef { id, len, shared })
            } else {
                Value::Inline(value)
            };
        }
        let is_large = self.large.is_some();
        self.totals.add(key.len(), cell.len(), is_large);
        self.page.push(key, &cell, CellHoles::default());
        Ok(())
    }

    /// The next part of the large value at hand.
    fn part_of_large(&mut self) -> Option<Made> {
        let (value, at) = self.large.take()?;
        let end = value.len().min(at + USUAL_BYTES);
        let bytes = value.get(at..end).unwrap_or_default();
        let made = match at {
            0 => (Kind::Large, first_part(value.len(), bytes)),
            _ => (Kind::More, bytes.to_vec()),
        };
        if end < value.len() {
            self.large = Some((value, end));
        }
        Some(made)
    }
}

/// What the head is to say in an archive.
fn head_of(core: &Core) -> Head {
    let state = core.state.borrow();
    let head = &state.head;
    let mut op_log = head.op_log.clone();
    if let Some(op_log) = &mut op_log {
        op_log.next_stamp = state.next_stamp.get();
    }
    Head {
        op_log,
        catalog: head.catalog.map(|_| 0),
        position: state.known,
        writers: Vec::new(),
        keys: Bytes::new(),
        sweep: false,
        more: Tags::default(),
        generation: 1,
        epoch: 1,
        incarnation: Id([0; 16]),
        ..head.clone()
    }
}
