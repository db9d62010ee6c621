//! When contents are collected: all when asked for, and in the background now and then.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::collect::{Bury, Fate, Judge, Trim, give_up};
use super::records::{is_recent, time_at};
use crate::codec::kinds::key as kinds;
use crate::codec::range::after;
use crate::codec::tuple;
use crate::engine::access::{Answer, Attempt, Cursor, KeyRange, Reads, Session, afresh};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::models::keys;
use crate::record::{ContentHash, Id};

/// Of the keys that begin with the hash of a content: it is here, or was.
const KINDS: [u8; 2] = [kinds::CONTENT, kinds::CITATION];
/// Between two passes in the background, at least, ms.
const PASS_MS: f64 = 30_000.0;
/// A pass in the background waits so many times as long as the last one took, ms.
const PATIENCE: f64 = 100.0;
/// And no longer than this, ms.
const LONGEST_MS: f64 = 3_600_000.0;

/// Deletes the contents that no record holds and that were not put within the hour, left-over citations, and uploads without progress.
/// How many contents and uploads.
///
/// # Errors
/// `Closed`, `ConnectionLost`, and what else a commit fails with. What is damaged is left as it is; where a key tells of no content,
/// `Corrupt` at the end of the pass.
pub async fn collect_all<S: Session>(session: &S, env: &Rc<dyn Env>) -> Result<u64> {
    let (mut gone, mut damage) = (0, None);
    let mut from = KINDS.map(|kind| keys::all_of(kind).from);
    while let Some(met) = next_hash(session, &mut from).await? {
        match met {
            Ok(hash) => gone += u64::from(passing_by(one(session, env, hash).await)?),
            // planted: damage-ends-pass
            Err(error) => damage = damage.or(Some(error)),
        }
        env.yield_now().await;
    }
    let mut from = keys::all_of(kinds::UPLOAD).from;
    let next = |from: Bytes| {
        let work = move |r: &mut dyn Reads| first(r, kinds::UPLOAD, &from);
        answered(session.read(Box::new(work)))
    };
    while let Some(key) = next(from).await? {
        from = after(&key);
        gone += u64::from(passing_by(dead_upload(session, env, &key).await)?);
    }
    damage.map_or(Ok(gone), Err)
}

/// What is damaged, or written all the time, is passed by.
fn passing_by(gone: Result<bool>) -> Result<bool> {
    match gone {
        Err(error)
            if matches!(
                error.code(),
                Code::Corrupt | Code::UnsupportedFormat | Code::Conflict
            ) =>
        {
            Ok(false)
        }
        gone => gone,
    }
}

async fn answered<T>(answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}

/// The first key of a kind at or above `from`.
fn first(r: &mut dyn Reads, kind: u8, from: &Bytes) -> Attempt<Option<Bytes>> {
    let range = KeyRange {
        from: from.clone(),
        until: keys::all_of(kind).until,
    };
    r.next_key(&mut Cursor::new(range, false))
}

/// The least hash that is here, of a content or of citations that are left over of one, at or above the keys in `from`, which go
/// beyond it; or what is wrong with a key there, which they go beyond too.
async fn next_hash<S: Session>(
    session: &S,
    from: &mut [Bytes; 2],
) -> Result<Option<Result<ContentHash>>> {
    let begin = from.clone();
    let work = move |r: &mut dyn Reads| {
        let mut found = [None, None];
        for (found, (kind, from)) in found.iter_mut().zip(KINDS.iter().zip(&begin)) {
            *found = first(r, *kind, from)?;
        }
        Ok(found)
    };
    let found = answered(session.read(Box::new(work))).await?;
    let mut least: Option<ContentHash> = None;
    for (from, key) in from.iter_mut().zip(found) {
        let Some(key) = key else { continue };
        match hash_of(&key) {
            Ok(hash) => least = Some(least.map_or(hash, |least| least.min(hash))),
            Err(error) => {
                *from = after(&key);
                return Ok(Some(Err(error)));
            }
        }
    }
    if let Some(hash) = least {
        *from = KINDS.map(|kind| tuple::after_prefix(&[&[kind][..], &hash].concat()));
    }
    Ok(least.map(Ok))
}

fn hash_of(key: &[u8]) -> Result<ContentHash> {
    let hash = key.get(1..).and_then(<[u8]>::first_chunk);
    let hash = hash.ok_or_else(|| Error::corrupt("the key of a content is damaged"))?;
    Ok(*hash)
}

/// Whether a content has gone.
async fn one<S: Session>(session: &S, env: &Rc<dyn Env>, hash: ContentHash) -> Result<bool> {
    loop {
        let now_ms = env.now_ms() as u64;
        let judge = afresh(move || Ok(Judge::of(hash, now_ms)), Judge::step);
        let (fate, stale) = answered(session.read(judge)).await?;
        if !stale.is_empty() {
            let mut trim = Trim::of(hash, stale);
            session.write(Box::new(move |w| trim.step(w))).await?;
        }
        match fate {
            Fate::Kept => return Ok(false),
            // Those that were left over are fewer now.
            Fate::Unknown => {}
            Fate::Dead => {
                let (mut bury, env) = (Bury::of(hash), env.clone());
                let work = session.write(Box::new(move |w| bury.step(w, env.now_ms() as u64)));
                return work.await;
            }
        }
    }
}

async fn dead_upload<S: Session>(session: &S, env: &Rc<dyn Env>, key: &Bytes) -> Result<bool> {
    let now_ms = env.now_ms() as u64;
    let time = {
        let key = key.clone();
        answered(session.read(Box::new(move |r| time_at(r, &key)))).await?
    };
    if time.is_none_or(|ms| is_recent(ms, now_ms)) {
        return Ok(false);
    }
    let upload = key.get(1..).and_then(<[u8]>::first_chunk);
    let upload = Id(*upload.ok_or_else(|| Error::corrupt("the key of an upload is damaged"))?);
    let env = env.clone();
    let work = session.write(Box::new(move |w| give_up(w, upload, env.now_ms() as u64)));
    work.await
}

/// Collects now and then, as long as the session is open: where anything was committed since the last pass (as `has_changed` says), never
/// again before half a minute has gone by, and a hundred times what the last pass took.
pub fn look_after<S: Session + 'static>(
    session: S,
    env: Rc<dyn Env>,
    has_changed: impl Fn() -> bool + 'static,
    is_open: impl Fn() -> bool + 'static,
) -> LocalBoxFuture<'static, ()> {
    async move {
        let mut wait_ms = PASS_MS;
        while is_open() {
            env.sleep(wait_ms as u32).await;
            if !is_open() || !has_changed() {
                continue;
            }
            let begun_ms = env.monotonic_ms();
            // What fails here has closed the patch, or is met by the next pass.
            drop(collect_all(&session, &env).await);
            let took_ms = env.monotonic_ms() - begun_ms;
            wait_ms = (PATIENCE * took_ms).clamp(PASS_MS, LONGEST_MS);
        }
    }
    .boxed_local()
}
