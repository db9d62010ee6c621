//! Importing a patch: the bytes of an archive, as they come, become the directory of a draft or of a patch that holds nothing, by one flip
//! at the end.

use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

use super::copy::{occupied, onto_nothing};
use super::filling::Filling;
use super::walk::is_of_log;
use crate::blobs;
use crate::codec::archive::chunk::{Chunk, Kind};
use crate::codec::archive::contents::{Beginning, Totals, place_of, split_first_part};
use crate::codec::archive::splitter::{Part, Splitter};
use crate::codec::batch::{Op, OpKey, OpValue};
use crate::codec::catalog::has as is_of_catalog;
use crate::codec::cell::{Cell, PIECE_BYTES, Value};
use crate::codec::head::Head;
use crate::codec::kinds::key as kinds;
use crate::codec::marks::{Marks, NEVER, expiry_of};
use crate::codec::page::Page;
use crate::codec::stamp::Fill;
use crate::codec::value::attached::has_attached;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::access::{Answer, KeyRange};
use crate::engine::keyspace::catalog::Catalog;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::sealed::archive::{Envelope, With};
use crate::sealed::keys::Credential;
use crate::sealed::vault::Bulk;

/// The longest key: more than any that this library makes.
const MAX_KEY_BYTES: usize = 64 << 10;

/// Bytes of all that is defined of collections: more than a patch may have.
const MAX_CATALOG_BYTES: usize = 2 << 20;

/// How an archive is read.
pub struct ImportOptions {
    /// What opens it; none: it is not sealed.
    pub credential: Option<Rc<dyn Credential>>,
    /// Opens large chunks.
    pub bulk: Rc<dyn Bulk>,
    /// What the target must not hold.
    pub data: Vec<KeyRange>,
    /// What is counted, each on its own.
    pub counted: [Vec<KeyRange>; 2],
    /// What says in the target of which device the entries of the op-log are that come along.
    pub carried: Carried,
}

/// A cell that is made by what an archive says of the whole patch: in the place of the one that it has, if it has.
#[derive(Clone, Copy)]
pub struct Carried {
    /// Its key.
    pub key: &'static [u8],
    /// Its value, by that of the archive's.
    pub value: fn(&Head, Option<&Bytes>) -> Result<Bytes>,
}

/// A patch on its way in.
pub struct Import {
    core: Rc<Core>,
    options: ImportOptions,
    _pass: Pass,
    filling: Filling,
    splitter: Splitter,
    envelope: Option<Envelope>,
    beginning: Option<Beginning>,
    large: Large,
    catalog: Vec<Op>,
    catalog_bytes: usize,
    last: Bytes,
    is_carried: bool,
    is_over: bool,
    totals: Totals,
    counts: [u64; 2],
    slice: Slice,
}

/// Large values: they come before the cells that cite them.
#[derive(Default)]
struct Large {
    /// The one at hand, and how long it will be.
    value: Vec<u8>,
    length: usize,
    /// Those that are complete, and not cited yet.
    waiting: VecDeque<Value>,
    cited: u64,
}

impl Import {
    /// Begins to fill a target.
    ///
    /// # Errors
    /// `Exists` when it holds data; what reading or writing fails with.
    pub async fn begin(core: Rc<Core>, options: ImportOptions) -> Result<Self> {
        core.check_open()?;
        let pass = core.maintenance.enter().await;
        let flip = onto_nothing(&core, &pass, &options.data).await?;
        let mut filling = Filling::new(&core, flip);
        if let Err(error) = filling.clear().await {
            filling.flip.staging.abandon().await;
            return Err(error);
        }
        Ok(Self {
            slice: Slice::new(&core),
            core,
            options,
            _pass: pass,
            filling,
            splitter: Splitter::default(),
            envelope: None,
            beginning: None,
            large: Large::default(),
            catalog: Vec::new(),
            catalog_bytes: 0,
            last: Bytes::new(),
            is_carried: false,
            is_over: false,
            totals: Totals::default(),
            counts: [0; 2],
        })
    }

    /// How many bytes of keys and values have come, and how many there are, about; 0 of 0 where nothing is known yet.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let expected = self.beginning.as_ref().map_or(0, |known| known.expected);
        let done = self.totals.bytes;
        (
            done,
            if self.is_over {
                done
            } else {
                expected.max(done)
            },
        )
    }

    /// Takes the next bytes of the stream. After an error, nothing but [`Import::abandon`] makes sense.
    ///
    /// # Errors
    /// `UnsupportedFormat`, `Corrupt`, `Encrypted`, `NotEncrypted`, `WrongKey`, what writing fails with.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.core.check_open()?;
        self.splitter.push(bytes);
        while let Some(part) = self.splitter.part()? {
            match part {
                Part::Header(header, bytes) => {
                    let with = self.options.credential.as_deref().map(|credential| With {
                        credential,
                        bulk: &self.options.bulk,
                    });
                    self.envelope = Some(Envelope::open(&header, &bytes, with).await?);
                }
                Part::Chunk(chunk) => self.chunk(&chunk).await?,
            }
        }
        Ok(())
    }

    /// Makes it live, if the archive was whole. What was counted.
    ///
    /// # Errors
    /// `Corrupt` for one that was cut short, `UnsupportedFormat` for none; `Exists`, or `Conflict`, when others have written to the target meanwhile; what writing fails with.
    pub async fn end(mut self) -> Result<[u64; 2]> {
        if let Err(error) = self.finished().await {
            self.filling.flip.staging.abandon().await;
            return Err(error);
        }
        let is_live = self.filling.flip.run(&self.core).await?;
        self.core.backend().notify();
        if is_live {
            return Ok(self.counts);
        }
        let held = match super::lifecycle::holds_any(&self.core, &self.options.data) {
            Answer::Ready(held) => held,
            Answer::Later(held) => held.await,
        };
        Err(match held? {
            true => occupied(),
            false => Error::new(
                Code::Conflict,
                "somebody has opened the patch while it was imported",
            ),
        })
    }

    /// Gives up: nothing is left.
    pub async fn abandon(self) {
        self.filling.flip.staging.abandon().await;
    }

    async fn finished(&mut self) -> Result<()> {
        // planted: import-cut
        self.splitter.end()?;
        let Some(beginning) = &self.beginning else {
            return Err(broken("lacks its beginning"));
        };
        let flip = &mut self.filling.flip;
        let catalog = Catalog::default().after(&self.catalog, 0);
        let is_fitting = self.catalog.is_empty() || beginning.head.catalog.is_some();
        if !is_fitting || catalog.check().is_err() {
            return Err(broken("has definitions that do not fit"));
        }
        flip.take_catalog(&catalog, &beginning.head);
        self.carry(None).await?;
        self.filling.end().await.map_err(LoadError::into_error)
    }

    async fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        let Some(envelope) = &self.envelope else {
            return Err(Error::internal("an archive was split wrongly"));
        };
        let content = envelope.open_chunk(chunk).await?;
        if (chunk.kind == Kind::More) != self.large.is_begun() {
            return Err(broken("has a large value that is not complete"));
        }
        match chunk.kind {
            Kind::Beginning => self.begun(Beginning::decode(content)?).await,
            Kind::Cells => self.cells(content.into()).await,
            Kind::Large => {
                let (length, bytes) = split_first_part(&content)?;
                self.large.length = usize::try_from(length)
                    .ok()
                    .filter(|length| (PIECE_BYTES + 1..=limits::MAX_VALUE_BYTES).contains(length))
                    .ok_or_else(|| broken("has a large value of an impossible length"))?;
                self.more(&bytes).await
            }
            Kind::More => self.more(&content).await,
            Kind::End => self.over(Totals::decode(content)?),
        }
    }

    async fn begun(&mut self, beginning: Beginning) -> Result<()> {
        let (flip, head) = (&mut self.filling.flip, &beginning.head);
        let last = head.base.saturating_add(head.position);
        flip.order_after(last);
        let next = head.op_log.as_ref().map(|op_log| op_log.next_stamp);
        flip.log_after(&self.core, head.op_log.as_ref(), next.unwrap_or_default());
        flip.take_features(&self.core, head);
        self.beginning = Some(beginning);
        Ok(())
    }

    /// Takes a part of a large value.
    async fn more(&mut self, bytes: &[u8]) -> Result<()> {
        let large = &mut self.large;
        if bytes.is_empty() || large.value.len() + bytes.len() > large.length {
            return Err(broken("has a large value of another length than it says"));
        }
        // (It grows as its bytes come, whatever it claims.)
        limits::room_for(large.value.len() + bytes.len())?;
        large.value.extend_from_slice(bytes);
        if large.value.len() < large.length {
            return Ok(());
        }
        let value = Bytes::from(std::mem::take(&mut large.value));
        large.length = 0;
        if blobs::any(&value) {
            return Err(broken("has a value that lacks its Blobs"));
        }
        let value = self.filling.value(value, false).await?;
        self.large.waiting.push_back(value);
        Ok(())
    }

    async fn cells(&mut self, raw: Vec<u8>) -> Result<()> {
        let page = Page::decode(raw, Fill::default())?;
        for at in 0..page.len() {
            self.slice.breathe(&self.core).await;
            let (key, Some(mut cell)) = (page.key_bytes(at), page.cell(at)) else {
                return Err(broken("has a broken page"));
            };
            if key <= self.last || key.len() > MAX_KEY_BYTES {
                return Err(broken("has keys that do not ascend, or are too long"));
            }
            self.check(&key, &cell)?;
            let is_large = cell.cited_piece().is_some();
            self.totals.add(key.len(), cell.len(), is_large);
            if let Some(piece) = cell.cited_piece() {
                let value = self.large.waiting.pop_front();
                let value = value.filter(|value| match value {
                    Value::Piece(known) => known.len == piece.len && !piece.shared,
                    _ => false,
                });
                let is_next = piece.id == place_of(self.large.cited);
                self.large.cited += 1;
                cell.value = value
                    .filter(|_| is_next)
                    .ok_or_else(|| broken("cites a large value that it lacks"))?;
            }
            self.carry(Some((&key, &mut cell))).await?;
            self.add(&key, &cell).await?;
            self.last = key;
        }
        Ok(())
    }

    /// Once it is its turn, before a cell or at the end: adds the cell that says of which device the entries are.
    async fn carry(&mut self, next: Option<(&Bytes, &mut Cell)>) -> Result<()> {
        let Carried { key, value } = self.options.carried;
        let Some(Beginning { head, with_log, .. }) = &self.beginning else {
            return Ok(());
        };
        if self.is_carried || !with_log || next.as_ref().is_some_and(|(next, _)| **next < *key) {
            return Ok(());
        }
        self.is_carried = true;
        if let Some((at, cell)) = next
            && *at == *key
        {
            let Value::Inline(before) = &cell.value else {
                return Err(broken("has a cell that cannot be in it"));
            };
            cell.value = Value::Inline(value(head, Some(before))?);
            return Ok(());
        }
        let cell = Cell::inline(value(head, None)?);
        self.filling.push(&Bytes::from_static(key), &cell).await
    }

    /// Checks that a cell may be in a patch with this beginning.
    fn check(&self, key: &[u8], cell: &Cell) -> Result<()> {
        let Some(Beginning { head, with_log, .. }) = &self.beginning else {
            return Err(broken("lacks its beginning"));
        };
        let kind = key.first().copied().unwrap_or_default();
        let is_logged = (kinds::LOGGED..=0x4F).contains(&kind);
        let is_in_place = match &cell.value {
            Value::Tombstone => false,
            Value::Inline(value) => {
                (value.len() <= PIECE_BYTES || is_of_catalog(key)) && !has_attached(value)
            }
            Value::Piece(_) => !is_of_catalog(key),
        };
        if !is_in_place
            || is_logged && head.op_log.is_none()
            || is_of_log(key) && !with_log
            || expiry_of(cell.marks.as_slice()) != NEVER && head.clock.is_none()
        {
            return Err(broken("has a cell that cannot be in it"));
        }
        Ok(())
    }

    async fn add(&mut self, key: &Bytes, cell: &Cell) -> Result<()> {
        if let (Value::Inline(value), true) = (&cell.value, is_of_catalog(key)) {
            self.catalog_bytes += key.len() + value.len();
            if self.catalog_bytes > MAX_CATALOG_BYTES {
                return Err(broken("has more definitions than a patch may have"));
            }
            let value = OpValue::Inline(value.clone());
            self.catalog
                .push(Op::Put(OpKey::plain(key.clone()), value, Marks::NONE));
        }
        for (count, ranges) in self.counts.iter_mut().zip(&self.options.counted) {
            let is_in = |range: &KeyRange| range.from <= *key && *key < range.until;
            *count += u64::from(ranges.iter().any(is_in));
        }
        self.filling.push(key, cell).await
    }

    fn over(&mut self, totals: Totals) -> Result<()> {
        self.is_over = true;
        if totals == self.totals && self.large.waiting.is_empty() {
            Ok(())
        } else {
            Err(broken("says at its end that it is another one"))
        }
    }
}

impl Large {
    const fn is_begun(&self) -> bool {
        self.length > 0
    }
}

fn broken(how: &str) -> Error {
    Error::corrupt(format!("an archive {how}"))
}
