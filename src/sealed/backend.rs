//! A connection on which everything that is written is sealed, and everything that is read is opened.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};

use super::record::{Opening, Sealing, kind_of};
use super::vault::{Sealer, Vault};
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

    /// Seals one record, elsewhere if that is worth it.
    async fn seal_one(self: Rc<Self>, key: RecordKey, record: Bytes) -> Result<Bytes, Failure> {
        let begin = || {
            self.sealing(None, key, &record)
                .map_err(|error| refused(&error))
        };
        let Some(mut sealing) = begin()? else {
            return Ok(record);
        };
        if sealing.bytes() >= self.vault.bulk.least_bytes() {
            let (keys, job) = sealing.job();
            if let Some(sealed) = self.vault.bulk.seal(keys, job).await {
                return Ok(sealing.finish(&sealed));
            }
            // That nonce counts as used.
            let Some(again) = begin()? else {
                return Ok(record);
            };
            sealing = again;
        }
        sealing.now().map_err(|error| refused(&error))
    }

    /// The head as the engine may see it. One of another life is handed on as it is: that it is another is all that
    /// is made of it.
    fn open_head(&self, record: Bytes) -> Result<Bytes> {
        let Ok(head) = Head::decode(&record) else {
            return Ok(record);
        };
        let is_other = self
            .vault
            .life()
            .is_some_and(|life| life != head.incarnation);
        if is_other || !head.is_live() {
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
            return Ok(seal::forged(Kind::Head));
        };
        self.vault.note_head(head.incarnation, &head.keys);
        Ok(opened)
    }

    async fn open_one(&self, key: RecordKey, record: Bytes) -> Result<Bytes> {
        // What begins as no record, or one of another version, is told of by whoever decodes it.
        let (Some(kind), Some(life)) = (kind_of(&record), self.vault.life()) else {
            return Ok(record);
        };
        if kind == Kind::Frame {
            let Ok(header) = frame::peek(&record) else {
                return Ok(record);
            };
            // Void, whatever else it is.
            if header.incarnation != life {
                return Ok(record);
            }
            if header.is_fence() && seal::key_id(kind, &record)? == 0 {
                return Ok(record);
            }
        }
        // planted: plain-taken
        if seal::key_id(kind, &record)? == 0 {
            return Ok(seal::forged(kind));
        }
        let Some(opening) = Opening::new(&self.vault, life, key, kind, &record)? else {
            return Ok(seal::forged(kind));
        };
        if opening.bytes() >= self.vault.bulk.least_bytes() {
            let (keys, job) = opening.job();
            match self.vault.bulk.open(keys, job).await {
                Ok(Some(opened)) => return Ok(opening.finish(&opened)),
                Ok(None) => return Ok(seal::forged(kind)),
                Err(_) => {}
            }
        }
        Ok(opening.now().unwrap_or_else(|| seal::forged(kind)))
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
        for (read, reply) in reads.iter().zip(&mut opened) {
            match (read, reply) {
                (Read::Get(RecordKey::Head), _) => {}
                (Read::Get(key), Reply::Record(Some(record))) => {
                    *record = self.open_one(*key, std::mem::take(record)).await?;
                }
                (Read::Frames { .. }, Reply::Frames(frames)) => {
                    for (number, record) in frames {
                        let key = RecordKey::Frame(*number);
                        *record = self.open_one(key, std::mem::take(record)).await?;
                    }
                }
                _ => {}
            }
        }
        Ok(opened)
    }
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
            let mut sealed = Vec::with_capacity(records.len());
            for (key, record) in records {
                sealed.push(inner.clone().seal_one(key, record).await?);
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
