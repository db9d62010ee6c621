//! What holds at the end of a world, whoever has died over what.

use bytes::Bytes;
use patchstore::Result;
use patchstore::codec::kinds::key as kinds;
use patchstore::engine::Engine;
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session, afresh};
use patchstore::env::Env;
use patchstore::models::contents::{HOUR_MS, collect_all};
use patchstore::models::{keys, nodes};
use patchstore::simulation::SimEnv;
use std::cell::Cell;
use std::rc::Rc;

use super::super::cells::Clocked;
use super::{Gathering, Node, lent};

async fn settled<T: 'static>(answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}

async fn gathered(engine: &Engine) -> Result<Option<Bytes>> {
    let begin = || Ok(Gathering::new());
    let work = afresh(begin, |contents: &mut Gathering, r| contents.step(r));
    settled(engine.read(work)).await
}

/// All that there is of contents.
async fn left(engine: &Engine) -> Result<Vec<Bytes>> {
    let range = KeyRange {
        from: keys::all_of(kinds::CONTENT).from,
        until: keys::all_of(kinds::SIZED).until,
    };
    let begin = move || Ok((Cursor::new(range.clone(), false), Vec::new()));
    let work = afresh(begin, |(cursor, found): &mut (Cursor, Vec<Bytes>), r| {
        while let Some(key) = r.next_key(cursor)? {
            found.push(key);
        }
        Ok(std::mem::take(found))
    });
    settled(engine.read(work)).await
}

/// Takes all holders away.
async fn release(engine: &Engine) -> Result<()> {
    let lent = lent().all();
    let released = engine.write(Box::new(move |w| {
        w.delete_range(lent.clone());
        Ok(())
    }));
    released.await?;
    for node in Node::ALL {
        let mut delete = nodes::Delete::new(keys::encoded_scope(&node.scope())?);
        engine.write(Box::new(move |w| delete.step(w))).await?;
    }
    Ok(())
}

/// In a pass, what is held stays. Two hours after nothing is held any more, nothing is left of any content, citation or upload.
pub async fn check_end(engine: &Engine, env: &SimEnv) -> Result<()> {
    let before = gathered(engine).await?;
    let now: Rc<dyn Env> = Rc::new(env.clone());
    collect_all(engine, &now).await?;
    assert_eq!(
        gathered(engine).await?,
        before,
        "a pass has changed records"
    );
    let later_ms = Rc::new(Cell::new((2 * HOUR_MS) as f64));
    let later: Rc<dyn Env> = Rc::new(Clocked::off(env.clone(), later_ms));
    collect_all(engine, &later).await?;
    assert_eq!(gathered(engine).await?, before);
    release(engine).await?;
    collect_all(engine, &later).await?;
    let left = left(engine).await?;
    assert!(left.is_empty(), "left: {left:?}");
    assert_eq!(collect_all(engine, &later).await?, 0);
    Ok(())
}
