//! Builds of indexes and definitions, from the first commit to the last.
//!
//! Where there are few documents, and these are small, one commit does all. Else: a commit that puts the new parts into the definition as *being built*,
//! which writers keep and readers do not see; pages of documents, a commit each; a commit that makes the parts ready. Writers
//! meanwhile mark what a new part would refuse, and the build fails for it. A build whose tab has died is no harm: it is given
//! up by the next one, or by who opens the patch later, and a builder that wakes up from it finds its number gone, and begins anew.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::Collection;
use super::building::{Finish, Page, Work};
use super::definition::{Definition, Wish};
use super::indexing::{Busy, Define, Outcome};
use crate::codec::kinds::key::DEFINITION;
use crate::engine::access::{Answer, Catalog, Session};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::models::many;

/// Between two looks at another's build.
const LOOK_MS: u32 = 100;
/// A build of the same that has not moved for so long is taken over.
const TAKEN_MS: f64 = 5_000.0;
/// And another one after that.
const DEAD_MS: f64 = 60_000.0;

/// Runs a step in a commit of its own.
type Write = dyn Fn(Work) -> LocalBoxFuture<'static, Result<Outcome>>;

/// Hears how many documents a build of many has looked at so far.
pub type Heard = dyn Fn(u64);

/// Makes of a collection's definition what is wished. `in_pages`: in several commits, if there are many documents; a session that
/// commits what it notes as one can do it at once only.
///
/// # Errors
/// As [`Define`]; `ConstraintViolation` also for what others have written meanwhile.
pub fn define<S: Session + Clone + 'static>(
    session: &S,
    env: Rc<dyn Env>,
    collection: &Collection,
    wish: Wish,
    in_pages: bool,
    heard: Option<Box<Heard>>,
) -> LocalBoxFuture<'static, Result<()>> {
    let write = {
        let (session, env) = (session.clone(), env.clone());
        move |work| many::write(&session, env.clone(), work)
    };
    Building {
        env,
        write: Box::new(write),
        collection: collection.clone(),
        wish,
        in_pages,
        heard,
    }
    .run()
}

/// Gives up the builds that have died. Where some are under way that may go on, it looks again later, until none is.
///
/// # Errors
/// `Closed`, `ConnectionLost`, and what else a commit fails with.
pub async fn bury<S: Session + Clone + 'static>(session: S, env: Rc<dyn Env>) -> Result<()> {
    loop {
        let found = session.read(Box::new(|r| Ok(under_way(&r.catalog())?)));
        let found = match found {
            Answer::Ready(found) => found?,
            Answer::Later(found) => found.await?,
        };
        let mut is_left = false;
        for (collection, build) in found {
            let finish = Finish::of_dead(&collection, build, env.now_ms() as u64);
            let finished = many::write(&session, env.clone(), Work::Finish(finish)).await?;
            is_left |= matches!(finished, Outcome::Busy(_));
        }
        if !is_left {
            return Ok(());
        }
        env.sleep(DEAD_MS as u32).await;
    }
}

/// The collections of which something is being built, and the numbers of the builds.
fn under_way(catalog: &Catalog) -> Result<Vec<(Collection, u64)>> {
    let mut found = Vec::new();
    for (key, record) in catalog.records() {
        if key.first() == Some(&DEFINITION)
            && let Some(build) = Definition::build_in(record.clone())?
        {
            found.push((Collection::of_definition(key), build));
        }
    }
    Ok(found)
}

struct Building {
    env: Rc<dyn Env>,
    write: Box<Write>,
    collection: Collection,
    wish: Wish,
    in_pages: bool,
    heard: Option<Box<Heard>>,
}

impl Building {
    fn now_ms(&self) -> u64 {
        self.env.now_ms() as u64
    }

    fn begin(&self, dead: Option<u64>) -> LocalBoxFuture<'static, Result<Outcome>> {
        let define = Define::new(&self.collection, self.wish.clone());
        let define = match self.in_pages {
            true => define.in_pages(self.now_ms(), dead),
            false => define,
        };
        (self.write)(Work::Begin(define))
    }

    fn run(self) -> LocalBoxFuture<'static, Result<()>> {
        // (At once: what is few is done in the order of the calls.)
        let begun = self.begin(None);
        async move {
            let mut begun = begun.await?;
            let mut seen: Option<(Busy, f64)> = None;
            loop {
                let dead = match begun {
                    Outcome::Building(build) if self.build(build).await? => return Ok(()),
                    Outcome::Building(_) => None,
                    Outcome::Busy(busy) => {
                        let now_ms = self.env.monotonic_ms();
                        let since_ms = match &seen {
                            Some((before, since_ms)) if *before == busy => *since_ms,
                            _ => now_ms,
                        };
                        let patience_ms = if busy.is_same { TAKEN_MS } else { DEAD_MS };
                        let build = busy.build;
                        seen = Some((busy, since_ms));
                        if now_ms - since_ms < patience_ms {
                            self.env.sleep(LOOK_MS).await;
                            None
                        } else {
                            Some(build)
                        }
                    }
                    _ => return Ok(()),
                };
                begun = self.begin(dead).await?;
            }
        }
        .boxed_local()
    }

    /// Reads all documents and ends the build; false where it is gone.
    async fn build(&self, build: u64) -> Result<bool> {
        let mut behind = None;
        let mut looked_at = 0;
        loop {
            let page = Page::new(&self.collection, build, behind, self.now_ms());
            match (self.write)(Work::Page(page)).await {
                Ok(Outcome::More {
                    behind: last,
                    looked_at: more,
                }) => {
                    behind = Some(last);
                    looked_at += more as u64;
                    if let Some(heard) = &self.heard {
                        heard(looked_at);
                    }
                }
                Ok(Outcome::Read) => break,
                Ok(_) => return Ok(false),
                Err(error) => return self.give_up(build, error).await,
            }
            self.env.yield_now().await;
        }
        let finish = Finish::new(&self.collection, build, Some(self.wish.clone()));
        match (self.write)(Work::Finish(finish)).await? {
            Outcome::Done => Ok(true),
            Outcome::Failed(error) => Err(error),
            _ => Ok(false),
        }
    }

    async fn give_up(&self, build: u64, error: Error) -> Result<bool> {
        let finish = Finish::new(&self.collection, build, None);
        // (If this fails too, it is a dead one.)
        drop((self.write)(Work::Finish(finish)).await);
        Err(error)
    }
}
