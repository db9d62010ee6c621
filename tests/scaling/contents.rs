//! Contents: what citing, collecting and reading cost does not grow with what lies around.

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join_all};
use patchstore::Result;
use patchstore::codec::js_string::JsString;
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::Value;
use patchstore::engine::Engine;
use patchstore::engine::access::{Answer, ReadWork, Session, WriteWork, afresh};
use patchstore::env::Env;
use patchstore::models::Scope;
use patchstore::models::contents::{
    Finish, PIECE_BYTES, Piece, Pieces, collect_all, content, put_piece,
};
use patchstore::models::kv::{self, Kv};
use patchstore::record::{ContentHash, Id};
use std::cell::Cell;
use std::rc::Rc;

use super::{World, memory, read};

const BYTES: usize = 10;

fn hash(n: usize) -> ContentHash {
    let mut hash = [0; 32];
    fastrand::Rng::with_seed(n as u64).fill(&mut hash);
    hash
}

/// Puts a content of these bytes.
async fn put(to: &Engine, n: usize, bytes: &[u8]) {
    let now_ms = 1;
    let upload = Id(std::array::from_fn(|at| {
        hash(n).get(at).copied().unwrap_or_default()
    }));
    for (at, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
        let piece = Bytes::from([&[0], piece].concat());
        let work = to.write(Box::new(move |w| {
            put_piece(w, upload, at as u32, &piece, now_ms)
        }));
        work.await.unwrap();
    }
    let finish = Finish {
        upload,
        hash: hash(n),
        size: bytes.len() as u64,
        piece_bytes: PIECE_BYTES as u64,
        now_ms,
    };
    to.write(Box::new(move |w| finish.step(w))).await.unwrap();
}

/// A pair that refers to a content.
async fn cite(to: &Engine, pair: usize, n: usize) {
    let name: JsString = format!("{pair}").as_str().into();
    let key = Kv::new(&Scope::Name("s".into()))
        .unwrap()
        .key(name.as_js())
        .unwrap();
    let reference = Value::BlobRef {
        hash: hash(n),
        size: BYTES as u64,
        media_type: "".into(),
    };
    let value = reference.encode().unwrap();
    let set = to.write(Box::new(move |w| kv::set(w, &key, &value, NEVER)));
    set.await.unwrap();
}

/// Contents, each held by a pair; with so many more pairs that hold the first one.
async fn fill(engine: &Engine, contents: usize, citations: usize) {
    join_all((0..contents).map(|n| put(engine, n, &[7; BYTES]))).await;
    join_all((0..contents).map(|n| cite(engine, n, n))).await;
    join_all((0..citations).map(|n| cite(engine, contents + n, 0))).await;
    engine.compact().await.unwrap();
}

#[test]
fn a_citing_write_costs_the_same_among_many() {
    let cost = |contents: usize, citations: usize| {
        World::run(async |world| {
            fill(&world.open().await, contents, citations).await;
            let engine = world.open().await;
            // Citations of one content lie in the order of their holders' hashes: the first ones read
            // the few pages that the others lie in.
            for pair in 0..50 {
                cite(&engine, 1_000_000 + pair, 0).await;
            }
            let before = (memory::taken(), engine.written_bytes());
            for pair in 0..50 {
                cite(&engine, 2_000_000 + pair, 0).await;
            }
            (
                memory::taken() - before.0,
                engine.written_bytes() - before.1,
            )
        })
    };
    let few = cost(200, 200);
    for (contents, citations) in [(3_000, 200), (200, 3_000)] {
        let many = cost(contents, citations);
        assert!(
            many.0 < few.0 + few.0 / 2 && many.1 < few.1 + few.1 / 2,
            "{few:?} bytes taken and written among few, {many:?} among {contents} and {citations}"
        );
    }
}

/// Counts what a pass asks for.
struct Counted<'a> {
    engine: &'a Engine,
    reads: Cell<usize>,
    writes: Cell<usize>,
}

impl Session for Counted<'_> {
    fn read<T: 'static>(&self, work: ReadWork<T>) -> Answer<T> {
        self.reads.set(self.reads.get() + 1);
        self.engine.read(work)
    }

    fn write<T: 'static>(&self, work: WriteWork<T>) -> LocalBoxFuture<'static, Result<T>> {
        self.writes.set(self.writes.get() + 1);
        self.engine.write(work)
    }
}

#[test]
fn a_pass_with_nothing_to_do_looks_at_each_content_once_and_commits_nothing() {
    const CONTENTS: usize = 10_000;
    World::run(async |world| {
        fill(&world.open().await, CONTENTS, 0).await;
        let engine = world.open().await;
        let counted = Counted {
            engine: &engine,
            reads: Cell::default(),
            writes: Cell::default(),
        };
        let env: Rc<dyn Env> = Rc::new(world.env.clone());
        let before = engine.written_bytes();
        assert_eq!(collect_all(&counted, &env).await.unwrap(), 0);
        assert_eq!(counted.writes.get(), 0);
        assert_eq!(engine.written_bytes(), before);
        // Where the next one is, and whether it is held.
        assert_eq!(counted.reads.get(), 2 * CONTENTS + 2);
    });
}

#[test]
fn reading_a_part_takes_the_pieces_that_it_lies_in() {
    const PIECES: usize = 24;
    World::run(async |world| {
        let mut bytes = vec![0; PIECES * PIECE_BYTES];
        fastrand::Rng::with_seed(1).fill(&mut bytes);
        let engine = world.open().await;
        put(&engine, 1, &bytes).await;
        engine.compact().await.unwrap();
        let cost = async |from: u64, until: u64| {
            let engine = world.open().await;
            let before = memory::taken();
            let begin = || Ok((None, 0));
            let work = afresh(
                begin,
                move |(pieces, got): &mut (Option<Pieces>, usize), r| {
                    if pieces.is_none() {
                        let found = content(r, &hash(1))?;
                        *pieces = found.map(|found| Pieces::new(found, from, until));
                    }
                    if let Some(pieces) = pieces {
                        pieces.step(r, &mut |piece| {
                            let Piece::Bytes(piece) = piece else {
                                panic!("it is no Blob")
                            };
                            *got += piece.len();
                            Ok(())
                        })?;
                    }
                    Ok(*got)
                },
            );
            let got = read(&engine, work).await;
            assert_eq!(got, (until - from) as usize * PIECE_BYTES);
            memory::taken() - before
        };
        let (one, two, all) = (
            cost(7, 8).await,
            cost(7, 9).await,
            cost(0, PIECES as u64).await,
        );
        assert!(one < 4 * PIECE_BYTES, "{one} bytes for one piece");
        assert!(two < 2 * one + PIECE_BYTES, "{one} for one, {two} for two");
        assert!(all > 5 * one, "{one} for one, {all} for all");
    });
}
