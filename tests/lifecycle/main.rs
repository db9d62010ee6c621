//! Patches as a whole, natively: deleted under other tabs' feet, looked at, copied.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use patchstore::backend::simulated::{Fault, SimConnector, SimDatabase, Timing};
use patchstore::backend::{Connector, RecordKey};
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session};
use patchstore::engine::{self, Absent, Engine, Limits, Notice, Options, Reason};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::cell::Cell;
use std::rc::Rc;

mod archive_fixtures;
mod archiving;
mod archiving_held;
mod converting;
mod copying;
mod defined;
mod deleting;

struct World {
    env: SimEnv,
    database: SimDatabase,
}

impl World {
    fn new(seed: u64) -> Self {
        let env = SimEnv::new(seed);
        let database = SimDatabase::new(&env);
        Self { env, database }
    }

    /// The same world with another database.
    fn beside(&self) -> Self {
        Self {
            env: self.env.clone(),
            database: SimDatabase::new(&self.env),
        }
    }

    fn connector(&self) -> Rc<dyn Connector> {
        Rc::new(SimConnector::new(&self.env.new_realm(), &self.database))
    }

    fn env(&self) -> Rc<dyn Env> {
        Rc::new(self.env.clone())
    }

    async fn open_where(&self, absent: Absent) -> Result<Engine> {
        let limits = Limits {
            log_frames: 20,
            ..Limits::default()
        };
        let options = Options {
            limits,
            absent,
            ..Options::default()
        };
        Engine::open(self.connector(), self.env(), options).await
    }

    async fn open(&self) -> Engine {
        self.open_where(Absent::Create).await.unwrap()
    }

    async fn delete(&self) -> Result<bool> {
        engine::delete(self.connector(), Rc::new(|| false)).await
    }

    fn sweep(&self) {
        self.database.sweep(engine::is_dead);
    }

    async fn size(&self) -> Result<Option<u64>> {
        match self.open_where(Absent::Refuse).await {
            Err(error) if error.code() == Code::NoPatch => Ok(None),
            opened => Ok(Some(opened?.held_bytes())),
        }
    }

    async fn has_records(&self) -> Result<bool> {
        match self.open_where(Absent::Refuse).await {
            Err(error) if error.code() == Code::NoPatch => Ok(false),
            opened => match opened?.holds_any(&[range("k")]) {
                Answer::Ready(found) => found,
                Answer::Later(found) => found.await,
            },
        }
    }

    async fn copy_to(&self, to: &Self) -> Result<()> {
        self.copy_while(to, Rc::new(|| false)).await
    }

    async fn copy_while(&self, to: &Self, stopped: Rc<dyn Fn() -> bool>) -> Result<()> {
        let source = self.open_where(Absent::Refuse).await?;
        let target = to.open_where(Absent::Prepare).await?;
        let copied = source.copy_to(&target, vec![range("k")], stopped).await;
        target.close().await;
        source.close().await;
        to.sweep();
        copied
    }

    /// Whether the database holds no record at all.
    fn is_bare(&self) -> bool {
        self.database.records().is_empty()
    }
}

fn range(prefix: &str) -> KeyRange {
    KeyRange {
        from: prefix.to_owned().into(),
        until: format!("{prefix}\u{7f}").into(),
    }
}

async fn put(engine: &Engine, key: &str, value: &[u8]) -> Result<()> {
    let (key, value) = (Bytes::from(key.to_owned()), Bytes::copy_from_slice(value));
    let work = Box::new(move |w: &mut dyn patchstore::engine::access::Writes| {
        w.put(key.clone(), value.clone());
        Ok(())
    });
    engine.write(work).await
}

async fn remove(engine: &Engine, key: &str) {
    let key = Bytes::from(key.to_owned());
    let work = Box::new(move |w: &mut dyn patchstore::engine::access::Writes| {
        w.delete(key.clone());
        Ok(())
    });
    engine.write(work).await.unwrap();
}

async fn all(engine: &Engine) -> Vec<(Bytes, Bytes)> {
    let mut cursor = Cursor::new(range(""), false);
    let mut out = Vec::new();
    let outcome = engine.read(Box::new(move |r| {
        while let Some(pair) = r.next(&mut cursor)? {
            out.push(pair);
        }
        Ok(std::mem::take(&mut out))
    }));
    match outcome {
        Answer::Ready(result) => result.unwrap(),
        Answer::Later(future) => future.await.unwrap(),
    }
}
