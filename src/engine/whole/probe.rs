//! Whether the storage keeps what it is given.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use crate::backend::{Durability, Failure, Read, RecordKey, Reply, Write};
use crate::codec::seal::{self, Record};
use crate::engine::core::instance::Core;
use crate::engine::store::pieces::seal_piece;
use crate::engine::store::{connection, garbage};
use crate::error::Result;

/// Looks at a value that was read back.
pub type Look = Box<dyn FnOnce(Bytes) -> LocalBoxFuture<'static, bool>>;

/// Whether the storage takes a value and gives it back as `look` finds it. Nothing is left of it.
///
/// # Errors
/// Why that could not be found out.
pub async fn takes(core: Rc<Core>, value: Bytes, look: Look) -> Result<bool> {
    core.check_open()?;
    if core.backend().seals() {
        // A Blob beside a record would lie in the clear.
        return Ok(false);
    }
    let (piece, record) = seal_piece(&core, &value)?;
    let key = RecordKey::Piece(piece.id);
    let put = vec![Write::Put(key, record)];
    match core.backend().write(put, Durability::Relaxed).await {
        Ok(()) => {}
        Err(Failure::Aborted(..)) => return Ok(false),
        Err(failure) => return Err(connection::error_of(&core, failure).await),
    }
    let found = match connection::read(&core, vec![Read::Get(key)]).await?.pop() {
        Some(Reply::Record(Some(record))) => seal::open(Record::piece(piece.id), &record).ok(),
        _ => None,
    };
    let taken = match found {
        Some(found) => look(found).await,
        None => false,
    };
    garbage::delete(&core, &[key]).await;
    Ok(taken)
}
