//! Raising the version of the data's shape.
//!
//! A migration is announced first, by a commit of its own ([`mark`]): tabs of a lower version end at it, before anything is
//! changed. Its transaction ends with the change of version ([`finish`]). Whatever was made under the catalog before either is
//! void. A mark that is left behind by a tab that died says nothing more than that.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::keys;
use super::many;
use super::op_log::migrated::Restate;
use super::op_log::service::Service;
use crate::codec::data_version::{DataVersion, KEY};
use crate::engine::access::{Cursor, Session, Writes};
use crate::engine::{Engine, Transaction};
use crate::env::Env;
use crate::error::Result;

fn put(w: &mut dyn Writes, version: DataVersion) {
    w.put(Bytes::from_static(&KEY), version.encode());
}

/// Announces a migration to `target`: the number of the attempt, 0 where that version is there already.
///
/// # Errors
/// What writing fails with.
#[must_use]
pub fn mark(engine: &Engine, target: u64) -> LocalBoxFuture<'static, Result<u64>> {
    engine.write(Box::new(move |w| {
        let found = w.catalog().data_version()?;
        if found.version >= target {
            return Ok(0);
        }
        let attempt = found.attempt + 1;
        put(
            w,
            DataVersion {
                target,
                attempt,
                ..found
            },
        );
        Ok(attempt)
    }))
}

/// Takes the announcement of a migration back that has failed, unless another one was begun since.
///
/// # Errors
/// What writing fails with.
#[must_use]
pub fn unmark(engine: &Engine, attempt: u64) -> LocalBoxFuture<'static, Result<()>> {
    engine.write(Box::new(move |w| {
        let found = w.catalog().data_version()?;
        if found.attempt == attempt && found.target > 0 {
            put(w, DataVersion { target: 0, ..found });
        }
        Ok(())
    }))
}

/// Gives a version to a patch that has none and holds nothing; whether it has that version now.
///
/// # Errors
/// What reading or writing fails with.
#[must_use]
pub fn adopt(engine: &Engine, version: u64) -> LocalBoxFuture<'static, Result<bool>> {
    engine.write(Box::new(move |w| {
        let found = w.catalog().data_version()?;
        if found.version > 0 {
            return Ok(found.version == version);
        }
        for range in keys::data_ranges() {
            if w.next_key(&mut Cursor::new(range, false))?.is_some() {
                return Ok(false);
            }
        }
        put(w, DataVersion { version, ..found });
        Ok(true)
    }))
}

/// Begins the transaction of a migration.
///
/// # Errors
/// `Closed`; what reading or writing fails with.
pub async fn begin(engine: Engine, env: Rc<dyn Env>, in_turn: bool) -> Result<Transaction> {
    if engine.op_log().is_some() {
        // Afterwards it could not be told which records are new.
        Service::new(&engine, env).seeded().await?;
    }
    engine.begin_migration(in_turn).await
}

/// Commits it, together with the version that the data have by then. False: another commit touched what it read, and it must
/// begin anew.
///
/// # Errors
/// What the commit fails with.
pub async fn finish(transaction: Transaction, env: Rc<dyn Env>, version: u64) -> Result<bool> {
    let written = transaction.take_aside();
    if !written.is_empty() {
        many::write(&transaction, env, Restate::new(written)).await?;
    }
    let raise = transaction.write(Box::new(move |w| {
        let DataVersion { attempt, .. } = w.catalog().data_version()?;
        put(
            w,
            DataVersion {
                version,
                target: 0,
                attempt,
            },
        );
        Ok(())
    }));
    raise.await?;
    transaction.commit().await
}
