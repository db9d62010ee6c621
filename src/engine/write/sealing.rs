//! Sealing: from the first group of the queue to a frame that can be appended.

use bytes::Bytes;
use std::rc::Rc;

use super::write_ahead;
use crate::backend::{Id, RecordKey};
use crate::blobs;
use crate::codec::batch::{Batch, Op, OpValue};
use crate::codec::catalog;
use crate::codec::cell::PieceRef;
use crate::codec::frame::{self, FrameHeader};
use crate::engine::core::group::{Flight, Sighting};
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::invariant;
use crate::engine::log::flight::landed;
use crate::engine::log::recover::Sent;
use crate::engine::store::connection;
use crate::engine::store::pieces::{is_piece, seal_piece};
use crate::error::{Error, Result};

/// A frame ready to be appended.
pub struct Sealed {
    /// What it says of itself.
    pub header: FrameHeader,
    /// The encoded frame.
    pub frame: Bytes,
    /// The pieces that it cites, written with it.
    pub pieces: Vec<(Id, Bytes)>,
    /// The number that it names, with which the log is made to go on.
    pub at: Option<u64>,
    /// The epoch that was known.
    pub epoch: u64,
    /// What has been seen of it since it was sent.
    pub sighting: Sighting,
}

impl Sealed {
    /// What finding out about it needs to know.
    pub fn sent(&self) -> Sent<'_> {
        Sent {
            epoch: self.epoch,
            sighting: &self.sighting,
        }
    }

    /// Whether Blobs are written with it, which a browser may fail to read.
    pub fn has_blobs(&self) -> bool {
        self.pieces.iter().any(|(_, record)| blobs::any(record))
    }
}

/// Makes the first group's frame; `None` when it had nothing to write.
///
/// # Errors
/// What writing ahead fails with.
pub async fn seal_first(core: &Rc<Core>) -> Result<Option<Sealed>> {
    let sighting = Sighting::default();
    let is_fit;
    let (ops, kind, mut header, stamps) = {
        let mut state = core.state.borrow_mut();
        state.sequence += 1;
        // The generation under which the work of sealing begins: what is written ahead from now on
        // may be collected by a flip that raises it, and then the frame must be void.
        let mut header = FrameHeader {
            incarnation: state.head.incarnation,
            generation: state.head.generation,
            writer: core.writer,
            sequence: state.sequence,
            wall_ms: 0,
            required: 0,
            catalog: 0,
        };
        let (on, is_logged) = (state.head.features(), state.head.op_log.is_some());
        let Some(group) = state.queue.groups.front_mut() else {
            return Ok(None);
        };
        is_fit = !on.lack(group.needs());
        let raised = group.calls.iter().map(|call| call.wall_ms).max();
        // That of its work, whatever may have come since.
        header.catalog = group.catalog;
        let changes_catalog = group.changes_catalog;
        header.wall_ms = frame::wall_ms(core.env().now_ms()).max(raised.unwrap_or_default());
        let stamps = if is_logged { group.slots() } else { 0 };
        // From here on nothing joins it.
        group.flight = Some(Flight {
            sequence: header.sequence,
            batch: Batch::default(),
            wall_ms: header.wall_ms,
            sighting: sighting.clone(),
        });
        let large = group.is_large();
        let ops = if large { Vec::new() } else { group.batch_ops() };
        let kind = (large, group.is_dependent(), changes_catalog);
        (ops, kind, header, stamps)
    };
    let (large, dependent, changes_catalog) = kind;
    invariant!(core, is_fit, "a frame would need what is not on");
    if !large && ops.is_empty() {
        landed(core, header.sequence, None);
        return Ok(None);
    }
    let (mut batch, pieces) = if large {
        (
            write_ahead::first(core, header.generation).await?,
            Vec::new(),
        )
    } else {
        move_out_pieces(core, ops)?
    };
    batch.stamps = stamps;
    batch.changes_catalog = changes_catalog;
    let mut sealed = {
        let mut state = core.state.borrow_mut();
        let next = state.known + 1;
        if dependent {
            // planted: no-required
            header.required = next;
        }
        // planted: catalog-late
        let sealed = Sealed {
            header,
            frame: frame::encode(&header, &batch),
            pieces,
            at: (state.looked && (state.repair_log || dependent && state.contended > 0))
                .then_some(next),
            epoch: state.head.epoch,
            sighting,
        };
        if let Some(flight) = state
            .queue
            .groups
            .front_mut()
            .and_then(|group| group.flight.as_mut())
        {
            flight.batch = batch;
        }
        sealed
    };
    under_key(core, &mut sealed).await?;
    Ok(Some(sealed))
}

/// Seals frame and pieces under the patch's key, if there is one: once, however often they are sent.
async fn under_key(core: &Rc<Core>, sealed: &mut Sealed) -> Result<()> {
    let backend = core.backend();
    if !backend.seals() {
        return Ok(());
    }
    let mut records = vec![(RecordKey::Frame(0), sealed.frame.clone())];
    let pieces = sealed.pieces.iter();
    records.extend(pieces.map(|(id, record)| (RecordKey::Piece(*id), record.clone())));
    let mut under_key = match backend.seal(records).await {
        Ok(records) => records.into_iter(),
        Err(failure) => return Err(connection::error_of(core, failure).await),
    };
    let mut next = || {
        let record = under_key.next();
        record.ok_or_else(|| Error::internal("a record was not sealed"))
    };
    sealed.frame = next()?;
    for (_, record) in &mut sealed.pieces {
        *record = next()?;
    }
    Ok(())
}

/// Replaces large values by references to pieces. Where a value is the very one of the Put before, as bytes in
/// memory, both get the same piece, which is shared then.
///
/// # Errors
/// `Internal` when a Blob is missing, `LimitExceeded` where there is no memory for a piece.
fn move_out_pieces(core: &Rc<Core>, mut ops: Vec<Op>) -> Result<(Batch, Vec<(Id, Bytes)>)> {
    let mut pieces = Vec::new();
    let mut before: Option<(Bytes, &mut PieceRef)> = None;
    for op in &mut ops {
        // (What stands in the catalog is never a piece.)
        let value = match op {
            Op::Put(key, value, _) if !catalog::has(&key.prefix) => value,
            _ => continue,
        };
        let bytes = match value {
            OpValue::Inline(bytes) if is_piece(bytes) => bytes.clone(),
            _ => {
                before = None;
                continue;
            }
        };
        let is_same = |held: &Bytes| (held.as_ptr(), held.len()) == (bytes.as_ptr(), bytes.len());
        match &mut before {
            Some((held, piece)) if is_same(held) => {
                piece.shared = true;
                *value = OpValue::Piece(**piece);
            }
            _ => {
                let (piece, record) = seal_piece(core, &bytes)?;
                pieces.push((piece.id, record));
                *value = OpValue::Piece(piece);
                if let OpValue::Piece(piece) = value {
                    before = Some((bytes, piece));
                }
            }
        }
    }
    let batch = Batch {
        ops,
        ..Batch::default()
    };
    Ok((batch, pieces))
}
