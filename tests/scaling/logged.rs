//! An op-log of a million entries: read in pages in bounded memory, and pruned at the cost of what is pruned.

use super::{CACHE_BYTES, World, memory};
use bytes::Bytes;
use patchstore::codec::feature::Feature;
use patchstore::codec::kinds::key as kinds;
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Session, afresh};
use patchstore::engine::{Engine, Notice};
use patchstore::models::Scope;
use patchstore::models::kv::{self, Kv, SetMany};
use patchstore::models::many;
use patchstore::models::op_log::journal::dirty_key;
use patchstore::models::op_log::log::{Count, Mark, Prune, Read, Which};
use patchstore::models::op_log::service::{Service, answered};
use patchstore::models::op_log::{Name, hash_of, leaf_of};
use patchstore::{Error, Result};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

const ENTRIES: usize = 1_000_000;
/// Records that they are of: each is written again and again.
const RECORDS: usize = 1_000;
/// Entries that one call writes.
const AT_ONCE: usize = 20_000;
/// Entries of a page.
const PAGE: usize = 1_000;
/// What reading pages may hold at any time, in bytes: a page's numbers, and what is decompressed for it.
const MOST_HELD: usize = 512 << 10;

async fn logged(world: &World) -> Engine {
    let engine = world.open().await;
    engine.switch_on(Feature::OpLog).await.unwrap();
    engine
}

fn key_of(n: usize) -> Bytes {
    let kv = Kv::new(&Scope::Name("s".into())).unwrap();
    kv.key(format!("key-{n}").as_str().into()).unwrap()
}

/// Sets a value in a step of a transaction, which may fail after that.
async fn set(to: &impl Session, n: usize, is_fine: bool) -> Result<()> {
    let work = to.write(Box::new(move |w| {
        kv::set(w, &key_of(n), &from_json(b"1"), NEVER)?;
        if is_fine {
            Ok(())
        } else {
            Err(Error::invalid("it fails").into())
        }
    }));
    work.await
}

async fn fill(world: &World, engine: &Engine, entries: usize) {
    for from in (0..entries).step_by(AT_ONCE) {
        let sets = (from..entries.min(from + AT_ONCE)).map(|n| {
            let value = from_json(n.to_string().as_bytes());
            (key_of(n % RECORDS), value, NEVER)
        });
        let sets = SetMany::new(sets.collect());
        many::write(engine, Rc::new(world.env.clone()), sets)
            .await
            .unwrap();
    }
}

/// The numbers of a page of pending entries, behind one.
async fn page(engine: &Engine, after: f64) -> Vec<f64> {
    let begin = move || Ok((Read::new(after, PAGE as f64, false), Vec::new()));
    let work = afresh(begin, |(read, ids): &mut (Read, Vec<_>), r| {
        read.step(r, &mut |id, _, _| {
            ids.push(id as f64);
            Ok(())
        })?;
        Ok(std::mem::take(ids))
    });
    answered(engine.read_committed(work)).await.unwrap()
}

async fn pending(engine: &Engine) -> u64 {
    let work = afresh(|| Ok(Count::default()), Count::step);
    answered(engine.read_committed(work)).await.unwrap()
}

/// Bytes that the stores hold, which are in memory: what is left once no tab is open. And a new tab.
async fn in_stores(world: &World, engine: Engine) -> (Engine, usize) {
    engine.close().await;
    drop(engine);
    let held = memory::held();
    (world.open().await, held)
}

/// What is held, but for the cache, which has a budget of its own. The stores are in memory: they count.
fn held(engine: &Engine) -> usize {
    memory::held() - engine.cached_bytes()
}

/// Goes through all that is pending. The last number of each page, and bytes taken by each.
async fn page_through(engine: &Engine) -> Vec<(f64, usize)> {
    let before = held(engine);
    let mut pages = Vec::with_capacity(ENTRIES / PAGE);
    let (mut after, mut most) = (-1.0, 0);
    loop {
        let taken = memory::taken();
        let ids = page(engine, after).await;
        most = most.max(held(engine));
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
            break;
        };
        assert!(ids.len() == PAGE && *first > after && ids.is_sorted());
        after = *last;
        pages.push((after, memory::taken() - taken));
    }
    assert!(most < before + MOST_HELD, "{most} bytes after {before}");
    pages
}

/// Prunes entries up to a number, and gives back their space. Bytes taken by pruning, and written by all of it.
async fn prune(engine: &Engine, id: f64, count: usize) -> (usize, u64) {
    let (taken, written) = (memory::taken(), engine.written_bytes());
    let mut prune = Prune::new(Which::UpTo(id));
    let pruned = engine.write(Box::new(move |w| prune.step(w))).await;
    assert_eq!(pruned.unwrap(), count as u64);
    let taken = memory::taken() - taken;
    engine.compact().await.unwrap();
    (taken, engine.written_bytes() - written)
}

#[test]
fn a_million_entries_are_read_in_bounded_memory_and_pruned_at_the_cost_of_what_is_pruned() {
    World::run(async |world| {
        let engine = logged(&world).await;
        fill(&world, &engine, ENTRIES).await;
        engine.compact().await.unwrap();
        let stored = engine.stored_bytes();
        let (engine, all_held) = in_stores(&world, engine).await;

        let pages = page_through(&engine).await;
        assert_eq!(pages.len() * PAGE, ENTRIES);
        let tenth = pages.len() / 10;
        let of = |pages: &[(f64, usize)]| pages.iter().map(|(_, taken)| taken).sum::<usize>();
        let (first, last) = (of(&pages[..tenth]), of(&pages[9 * tenth..]));
        assert!(last < first + first / 4, "{first} bytes became {last}");
        assert_eq!(pending(&engine).await, ENTRIES as u64);

        let few = ENTRIES / 10;
        let (of_few, written) = prune(&engine, pages[tenth - 1].0, few).await;
        assert!(written < stored / 50, "{written} bytes for a tenth");
        let left = engine.stored_bytes();
        assert!(left < stored - stored / 11, "{left} of {stored}");
        let (engine, left) = in_stores(&world, engine).await;
        assert!(left < all_held - all_held / 11, "{left} of {all_held}");
        assert_eq!(pending(&engine).await, (ENTRIES - few) as u64);

        let (of_many, written) = prune(&engine, f64::INFINITY, ENTRIES - few).await;
        assert!(written < stored / 50, "{written} bytes for the rest");
        let each = |taken: usize, count: usize| taken as f64 / count as f64;
        let (of_few, of_many) = (each(of_few, few), each(of_many, ENTRIES - few));
        assert!(
            of_few < 1.2 * of_many,
            "{of_few} bytes an entry of few, {of_many} of many"
        );
        assert!(
            of_many < 1.2 * of_few,
            "{of_few} bytes an entry of few, {of_many} of many"
        );
        let left = engine.stored_bytes();
        assert!(left < stored / 50, "{left} of {stored}");
        let (_engine, left) = in_stores(&world, engine).await;
        assert!(left < all_held / 50, "{left} of {all_held}");
    });
}

/// Entries that are marked one by one, and the most that pruning a page of them may hold, in bytes.
const MARKED: usize = 100_000;
const MOST_PRUNING: usize = 2 << 20;

async fn mark(engine: &Engine, ids: Vec<f64>) -> u64 {
    let mut mark = Mark::new(Which::These(ids));
    engine.write(Box::new(move |w| mark.step(w))).await.unwrap()
}

#[test]
fn entries_that_were_marked_one_by_one_are_pruned_in_bounded_memory() {
    World::run(async |world| {
        let engine = logged(&world).await;
        fill(&world, &engine, 2 * MARKED).await;
        let mut after = -1.0;
        for _ in 0..2 * MARKED / PAGE {
            let ids = page(&engine, after).await;
            after = ids[PAGE - 1];
            let every_other = ids.into_iter().step_by(2).collect();
            assert_eq!(mark(&engine, every_other).await as usize, PAGE / 2);
        }
        engine.compact().await.unwrap();
        let service = Service::new(&engine, Rc::new(world.env.clone()));
        let (before, stored) = (memory::held(), engine.stored_bytes());
        let most = memory::most_held(async {
            assert_eq!(service.prune_synced().await.unwrap() as usize, MARKED);
        });
        let most = most.await - before;
        assert!(most < MOST_PRUNING + CACHE_BYTES, "{most} bytes");
        engine.compact().await.unwrap();
        let left = engine.stored_bytes();
        assert!(left < stored * 6 / 10, "{left} bytes of {stored}");
        assert_eq!(pending(&engine).await as usize, MARKED);
        assert_eq!(service.prune_synced().await.unwrap(), 0);
    });
}

/// The leaves of the Merkle tree that a commit marks, each as often as it does.
fn marks(engine: &Engine) -> (Rc<RefCell<Vec<Bytes>>>, impl Sized) {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let marks = heard.clone();
    let hear = move |notice: &Notice| {
        if let Notice::Commit { writes, .. } = notice {
            let keys = writes
                .keys()
                .iter()
                .filter(|key| key.starts_with(&[kinds::DIRTY]));
            marks.borrow_mut().extend(keys.cloned());
        }
    };
    (heard, engine.subscribe(Rc::new(hear)))
}

#[test]
fn a_call_marks_each_leaf_about_once() {
    World::run(async |world| {
        let engine = logged(&world).await;
        let (marks, _hearing) = marks(&engine);
        // Few values: they are in the log.
        fill(&world, &engine, 5_000).await;
        let marks = marks.take();
        let leaves: BTreeSet<_> = marks.iter().collect();
        assert!(leaves.len() > 500, "{} leaves", leaves.len());
        assert!(marks.len() < leaves.len() + 64, "{} marks", marks.len());
    });
}

#[test]
fn what_was_taken_back_is_marked_when_it_is_written_again() {
    World::run(async |world| {
        let engine = logged(&world).await;
        let (marks, _hearing) = marks(&engine);
        let transaction = engine.begin().await.unwrap();
        for n in 0..50 {
            set(&transaction, n, true).await.unwrap();
        }
        for n in 50..100 {
            set(&transaction, n, false).await.unwrap_err();
        }
        for n in 50..100 {
            set(&transaction, n, true).await.unwrap();
        }
        assert!(transaction.commit().await.unwrap());
        let marks: BTreeSet<_> = marks.take().into_iter().collect();
        for n in 0..100 {
            let key = key_of(n);
            let name = Name::of(&key).unwrap();
            let leaf = leaf_of(hash_of(name.key));
            assert!(marks.contains(&dirty_key(leaf)), "{n}");
        }
    });
}
