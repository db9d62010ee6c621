//! What is left of a database whose patch was deleted.

use bytes::Bytes;
use std::rc::Rc;

use super::connection::Connection;
use super::link::Link;
use super::open::{Found, open};
use crate::backend::{Backend, Read, RecordKey, Reply};
use crate::error::Error;

/// Whether the database `name` may be removed: it is one of ours whose head `is_dead`, or its creation was taken back,
/// of which WebKit keeps a database without stores. Creates none. Whoever asks holds the lock of that name alone.
///
/// # Errors
/// `Unavailable`, where it could not be opened.
pub async fn is_remains(name: String, is_dead: fn(Option<&Bytes>) -> bool) -> Result<bool, Error> {
    let database = match open(&name, false).await? {
        Found::Ours(database) => database,
        Found::Foreign => return Ok(false),
        Found::Nothing => return Ok(true),
    };
    // Closed at the end.
    let connection = Connection::new(Link::new(database, Rc::new(|_| {}), None, None));
    let replies = connection.read(vec![Read::Get(RecordKey::Head)]).await;
    Ok(match replies.as_deref() {
        Ok([Reply::Record(head)]) => is_dead(head.as_ref()),
        // Nobody can tell.
        _ => false,
    })
}
