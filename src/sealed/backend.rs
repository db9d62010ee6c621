//! A connection on which everything that is written is sealed, and everything that is read is opened.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};

use super::record::{Opening, Sealing, kind_of};
use super::vault::{Sealer, Unable, Vault};
use crate::backend::{
    Append, Appended, Backend, Decide, Durability, Failure, Read, RecordKey, Reply, Seen, Settled,
    Signal, Write,
};
use crate::blobs;
use crate::codec::frame;
use crate::codec::head::Head;
use crate::codec::seal::{self, Kind};
use crate::error::{Code, Error, Result};
use crate::record::Id;

/// A connection with keys.
pub struct SealedBackend(Rc<Inner>);

struct Inner {
    backend: Rc<dyn Backend>,
    vault: Rc<Vault>,
    sealer: Sealer,
}

impl SealedBackend {
    /// Seals what is written to `backend`.
    #[must_use]
    pub fn new(backend: Rc<dyn Backend>, vault: Rc<Vault>) -> Self {
        let sealer = Sealer::new(&*vault.env);
        Self(Rc::new(Inner {
            backend,
            vault,
            sealer,
        }))
    }
}

/// A transaction is not begun with what cannot be sealed.
fn refused(error: &Error) -> Failure {
    match error.code() {
        Code::Closed => Failure::Lost,
        _ => Failure::Aborted(error.message().to_owned(), None),
    }
}

impl Inner {
    /// What is about to be written, to be sealed; `None` for what stays as it is: sealed already, a fence, or no record
    /// of ours (the reserve).
    fn sealing(&self, life: Option<Id>, key: RecordKey, record: &Bytes) -> Result<Option<Sealing>> {
        let Some(kind) = kind_of(record) else {
            return Ok(None);
        };
        if seal::key_id(kind, record)? != 0
            || (kind == Kind::Frame && frame::peek(record)?.is_fence())
        {
            return Ok(None);
        }
        if blobs::any(record) {
            // Beside a record, a Blob would lie in the clear.
            return Err(Error::internal("a Blob is not inside of what is encrypted"));
        }
        let life = life.or_else(|| self.vault.life());
        let life = life.ok_or_else(|| Error::internal("no head was read yet"))?;
        Sealing::new(&self.vault, &self.sealer, life, key, record).map(Some)
    }

    /// Seals here and now what is not sealed.
    fn seal_now(&self, life: Option<Id>, key: RecordKey, record: Bytes) -> Result<Bytes> {
        match self.sealing(life, key, &record)? {
            Some(sealing) => sealing.now(),
            None => Ok(record),
        }
    }

    fn seal_writes(&self, writes: Vec<Write>) -> Result<Vec<Write>> {
        // The head says of which life everything is; a draft has no keys yet, and nothing to hide.
        let head = writes.iter().find_map(|write| match write {
            Write::Put(RecordKey::Head, record) => Some(Head::decode_any(record)),
            _ => None,
        });
        let head = head.transpose()?;
        let is_draft = head.as_ref().is_some_and(|head| !head.is_live());
        let life = head.map(|head| head.incarnation);
        let sealed = writes.into_iter().map(|write| {
            Ok(match write {
                Write::Put(RecordKey::Head | RecordKey::Root, _) if is_draft => write,
                Write::Put(key, record) => Write::Put(key, self.seal_now(life, key, record)?),
                Write::Add(at, record) => {
                    Write::Add(at, self.seal_now(life, RecordKey::Frame(0), record)?)
                }
                other => other,
            })
        });
        sealed.collect()
    }

    /// Begins to seal a record, elsewhere if that is worth it.
    fn begin_sealing(&self, key: RecordKey, record: Bytes) -> Result<Underway> {
        let Some(mut sealing) = self.sealing(None, key, &record)? else {
            return Ok(Underway::Done(record));
        };
        if sealing.bytes() < self.vault.bulk.least_bytes() {
            return sealing.now().map(Underway::Done);
        }
        let (keys, job) = sealing.job();
        let sealed = self.vault.bulk.seal(keys, job);
        Ok(Underway::Sealing(sealing, record, sealed))
    }

    /// Begins to open a record, elsewhere if that is worth it.
    fn begin_opening(&self, opening: Opening) -> Underway {
        if opening.bytes() < self.vault.bulk.least_bytes() {
            return Underway::Done(opening.plain_or_forged());
        }
        let (keys, job) = opening.job();
        let opened = self.vault.bulk.open(keys, job);
        Underway::Opening(opening, opened)
    }

    async fn end(&self, key: RecordKey, underway: Underway) -> Result<Bytes> {
        match underway {
            Underway::Done(record) => Ok(record),
            Underway::Sealing(sealing, record, sealed) => match sealed.await {
                Some(sealed) => Ok(sealing.finish(sealed)),
                // That nonce counts as used.
                None => self.seal_now(None, key, record),
            },
            Underway::Opening(opening, opened) => Ok(match opened.await {
                Ok(Some(opened)) => opening.plain(opened),
                Ok(None) => seal::forged(opening.kind),
                Err(_) => opening.plain_or_forged(),
            }),
        }
    }

    /// The head as the engine may see it. One of another life is handed on as it is: that it is another is all that
    /// is made of it.
    fn open_head(&self, record: Bytes) -> Result<Bytes> {
        let Ok(head) = Head::decode(&record) else {
            return Ok(record);
        };
        let life = self.vault.life();
        let is_other = life.is_some_and(|life| life != head.incarnation);
        // planted: draft-kept
        if is_other && self.vault.is_live() {
            return Ok(record);
        }
        if !head.is_live() {
            self.vault.note_draft(head.incarnation);
            return Ok(record);
        }
        let opening = Opening::new(
            &self.vault,
            head.incarnation,
            RecordKey::Head,
            Kind::Head,
            &record,
        )?;
        // planted: head-obeyed
        let Some(opened) = opening.and_then(Opening::now) else {
            // What has taken a draft's place is none of ours; what has come of it says that it is.
            return Ok(if is_other {
                record
            } else {
                seal::forged(Kind::Head)
            });
        };
        self.vault.note_head(head.incarnation, &head.keys);
        Ok(opened)
    }

    fn open_one(&self, key: RecordKey, record: Bytes) -> Result<Underway> {
        // What begins as no record, or one of another version, is told of by whoever decodes it.
        let (Some(kind), Some(life)) = (kind_of(&record), self.vault.life()) else {
            return Ok(Underway::Done(record));
        };
        if kind == Kind::Frame {
            let Ok(header) = frame::peek(&record) else {
                return Ok(Underway::Done(record));
            };
            // Void, whatever else it is.
            if header.incarnation != life {
                return Ok(Underway::Done(record));
            }
            if header.is_fence() && seal::key_id(kind, &record)? == 0 {
                return Ok(Underway::Done(record));
            }
        }
        // planted: plain-taken
        if seal::key_id(kind, &record)? == 0 {
            return Ok(Underway::Done(seal::forged(kind)));
        }
        let Some(opening) = Opening::new(&self.vault, life, key, kind, &record)? else {
            return Ok(Underway::Done(seal::forged(kind)));
        };
        Ok(self.begin_opening(opening))
    }

    async fn open_replies(
        self: Rc<Self>,
        reads: Vec<Read>,
        replies: Vec<Reply>,
    ) -> Result<Vec<Reply>> {
        let mut opened = replies;
        // The head first: it says of which life the rest must be.
        let mut life = Some(());
        for (read, reply) in reads.iter().zip(&mut opened) {
            if let (Read::Get(RecordKey::Head), Reply::Record(Some(record))) = (read, reply) {
                *record = self.open_head(std::mem::take(record))?;
                let of = Head::decode(record).ok().filter(Head::is_live);
                life = of
                    .filter(|head| self.vault.life() == Some(head.incarnation))
                    .map(|_| ());
            }
        }
        if life.is_none() {
            // Of another life: nothing of it is used.
            return Ok(opened);
        }
        // All are begun before the first is waited for.
        let mut underway = Vec::new();
        for (key, record) in records_of(&reads, &mut opened) {
            underway.push(self.open_one(key, std::mem::take(record))?);
        }
        let mut underway = underway.into_iter();
        for (key, record) in records_of(&reads, &mut opened) {
            if let Some(opening) = underway.next() {
                *record = self.end(key, opening).await?;
            }
        }
        Ok(opened)
    }
}

/// A record that is being sealed or opened.
enum Underway {
    Done(Bytes),
    Sealing(Sealing, Bytes, LocalBoxFuture<'static, Option<Vec<u8>>>),
    Opening(
        Opening,
        LocalBoxFuture<'static, Result<Option<Vec<u8>>, Unable>>,
    ),
}

/// The records that were read, but the head.
fn records_of<'a>(
    reads: &'a [Read],
    replies: &'a mut [Reply],
) -> impl Iterator<Item = (RecordKey, &'a mut Bytes)> {
    let pairs = reads.iter().zip(replies);
    pairs.flat_map(|(read, reply)| {
        let (one, frames) = match (read, reply) {
            (Read::Get(RecordKey::Head), _) => (None, None),
            (Read::Get(key), Reply::Record(Some(record))) => (Some((*key, record)), None),
            (Read::Frames { .. }, Reply::Frames(frames)) => (None, Some(frames)),
            _ => (None, None),
        };
        let frames = frames.into_iter().flatten();
        let frames = frames.map(|(number, record)| (RecordKey::Frame(*number), record));
        one.into_iter().chain(frames)
    })
}

impl Backend for SealedBackend {
    fn read(&self, reads: Vec<Read>) -> Settled<Vec<Reply>> {
        let reading = self.0.backend.read(reads.clone());
        let inner = self.0.clone();
        async move {
            let replies = reading.await?;
            let opened = inner.open_replies(reads, replies).await;
            opened.map_err(|_| Failure::Lost)
        }
        .boxed_local()
    }

    fn write(&self, writes: Vec<Write>, durability: Durability) -> Settled<()> {
        match self.0.seal_writes(writes) {
            Ok(writes) => self.0.backend.write(writes, durability),
            Err(error) => ready(Err(refused(&error))).boxed_local(),
        }
    }

    fn append(&self, append: Append, durability: Durability) -> Settled<Appended> {
        let Append { frame, at, pieces } = append;
        let seal_all = || {
            let frame = self.0.seal_now(None, RecordKey::Frame(0), frame)?;
            let pieces = pieces.into_iter().map(|(id, record)| {
                let sealed = self.0.seal_now(None, RecordKey::Piece(id), record)?;
                Ok((id, sealed))
            });
            Ok(Append {
                frame,
                at,
                pieces: pieces.collect::<Result<_>>()?,
            })
        };
        match seal_all() {
            Ok(append) => {
                let appending = self.0.backend.append(append, durability);
                let inner = self.0.clone();
                async move {
                    let mut appended = appending.await?;
                    let head = appended.head.take().map(|head| inner.open_head(head));
                    appended.head = head.transpose().map_err(|_| Failure::Lost)?;
                    Ok(appended)
                }
                .boxed_local()
            }
            Err(error) => ready(Err(refused(&error))).boxed_local(),
        }
    }

    fn flip(&self, decide: Decide, durability: Durability) -> Settled<bool> {
        let inner = self.0.clone();
        let sealed = Box::new(move |mut seen: Seen| {
            seen.head = match seen.head.map(|head| inner.open_head(head)) {
                Some(Err(_)) => return None,
                head => head.and_then(Result::ok),
            };
            let writes = decide(seen)?;
            inner.seal_writes(writes).ok()
        });
        self.0.backend.flip(sealed, durability)
    }

    fn seal(&self, records: Vec<(RecordKey, Bytes)>) -> Settled<Vec<Bytes>> {
        let inner = self.0.clone();
        async move {
            let begun = records.into_iter().map(|(key, record)| {
                let sealing = inner.begin_sealing(key, record);
                sealing.map(|sealing| (key, sealing))
            });
            let begun = begun.collect::<Result<Vec<_>>>();
            let begun = begun.map_err(|error| refused(&error))?;
            let mut sealed = Vec::with_capacity(begun.len());
            for (key, sealing) in begun {
                let record = inner.end(key, sealing).await;
                sealed.push(record.map_err(|error| refused(&error))?);
            }
            Ok(sealed)
        }
        .boxed_local()
    }

    fn seals(&self) -> bool {
        true
    }

    fn tears(&self, append: &Append) -> bool {
        self.0.backend.tears(append)
    }

    fn reclaim(&self, position: u64, attempt: u32) -> LocalBoxFuture<'static, ()> {
        self.0.backend.reclaim(position, attempt)
    }

    fn notify(&self) {
        self.0.backend.notify();
    }

    fn signal(&self, signal: Signal) {
        self.0.backend.signal(signal);
    }

    fn close(&self) {
        self.0.backend.close();
    }
}
