//! What an engine sees to by itself, natively: that the log stays short, that what was replaced is deleted,
//! that what is stored is counted rightly.

use bytes::Bytes;
use patchstore::engine::access::KeyRange;
use patchstore::engine::{Engine, Limits, Options, Stats};
use patchstore::env::Env;
use std::cell::Cell;

use super::{LARGE_BYTES, World, get, put};

/// Frames at which the log is flushed.
const LOG_FRAMES: usize = 40;
/// A tab with a short log.
async fn open(world: &World) -> Engine {
    let limits = Limits {
        log_frames: LOG_FRAMES,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    world.open(options).await
}

impl World {
    fn frames(&self) -> usize {
        self.database.snapshot().log.records
    }
}

fn all() -> KeyRange {
    KeyRange {
        from: Bytes::new(),
        until: Bytes::from_static(&[0xff]),
    }
}

async fn put_many(engine: &Engine, count: usize) {
    for n in 0..count {
        put(engine, &format!("key-{n:04}"), 50).await.unwrap();
    }
}

#[test]
fn a_log_that_is_full_is_flushed_while_others_write_on() {
    World::run(1, async |world| {
        let engine = open(&world).await;
        let mut most = 0;
        for n in 0..10 * LOG_FRAMES {
            put(&engine, &format!("key-{n:04}"), 50).await.unwrap();
            most = most.max(world.frames());
            // Slices of work may take some ten milliseconds.
            world.env.sleep(10).await;
        }
        // (Nor do commits wait, as they would at twice the line.)
        assert!((LOG_FRAMES..LOG_FRAMES * 3 / 2).contains(&most), "{most}");
        assert_eq!(engine.stats(vec![all()]).await.unwrap().records, 400);
    });
}

#[test]
fn what_is_left_in_the_log_is_flushed_when_nobody_writes_any_more() {
    World::run(1, async |world| {
        let (writer, reader) = (open(&world).await, open(&world).await);
        put_many(&writer, LOG_FRAMES / 2).await;
        assert_eq!(world.frames(), LOG_FRAMES / 2);
        world.env.sleep(5_000).await;
        assert_eq!(world.frames(), 0);
        // Not for the sake of one frame.
        put_many(&writer, 1).await;
        world.env.sleep(5_000).await;
        assert_eq!(world.frames(), 1);
        assert_eq!(get(&reader, "key-0019").await.unwrap().unwrap().len(), 50);
    });
}

#[test]
fn who_closes_flushes_what_it_has_written() {
    World::run(1, async |world| {
        let (writer, reader) = (open(&world).await, open(&world).await);
        put_many(&writer, LOG_FRAMES / 2).await;
        // Whoever has written nothing leaves it alone.
        reader.close().await;
        assert_eq!(world.frames(), LOG_FRAMES / 2);
        writer.close().await;
        assert_eq!(world.frames(), 0);
    });
}

#[test]
fn what_was_flushed_survives_a_cut_of_power() {
    let lost = Cell::new(0);
    for seed in 0..20 {
        World::run(seed, async |world| {
            let engine = open(&world).await;
            put(&engine, "flushed", 50).await.unwrap();
            engine.flush().await.unwrap();
            for _ in 0..5 {
                put(&engine, "relaxed", 50).await.unwrap();
            }
            drop(engine);
            world.database.cut_power();
            let engine = open(&world).await;
            assert!(get(&engine, "flushed").await.unwrap().is_some(), "{seed}");
            let relaxed = get(&engine, "relaxed").await.unwrap();
            lost.set(lost.get() + u32::from(relaxed.is_none()));
        });
    }
    assert!(lost.get() > 0, "the power was never cut");
}

#[test]
fn large_values_that_were_replaced_are_deleted_by_themselves() {
    World::run(1, async |world| {
        let engine = open(&world).await;
        for n in 0..30 {
            put(&engine, "large", LARGE_BYTES + n).await.unwrap();
        }
        assert!(world.database.snapshot().blobs.records >= 2);
        // Slow readers are given some flips to end.
        for _ in 0..12 {
            put_many(&engine, LOG_FRAMES).await;
            world.env.sleep(2_000).await;
        }
        assert_eq!(world.database.snapshot().blobs.records, 1);
        let large = get(&engine, "large").await.unwrap().unwrap();
        assert_eq!(large.len(), LARGE_BYTES + 29);
    });
}

#[test]
fn segments_that_were_merged_away_are_deleted_by_themselves() {
    World::run(1, async |world| {
        let engine = open(&world).await;
        for _ in 0..100 {
            put_many(&engine, LOG_FRAMES).await;
        }
        world.env.sleep(5_000).await;
        let runs = world.database.snapshot().runs.records;
        assert!(
            runs < 40,
            "{runs} segments and pages for {LOG_FRAMES} records"
        );
        assert_eq!(
            engine.stats(vec![all()]).await.unwrap().records,
            LOG_FRAMES as u64
        );
    });
}

#[test]
fn what_is_stored_is_counted_wherever_it_lies() {
    World::run(1, async |world| {
        let engine = open(&world).await;
        let live = |count: u64| (count, count * (8 + 50));
        let counted = |stats: Stats| (stats.records, stats.live_bytes);
        let stats = async || engine.stats(vec![all()]).await.unwrap();
        put_many(&engine, 20).await;
        let in_log = stats().await;
        assert_eq!(counted(in_log), live(20));
        assert!(in_log.log_bytes >= 20 * 58);
        assert_eq!(in_log.garbage_bytes, 0);
        engine.compact().await.unwrap();
        let compacted = stats().await;
        assert_eq!(counted(compacted), live(20));
        assert_eq!((compacted.log_bytes, compacted.garbage_bytes), (0, 0));
        // Ten of them hide what is in the segment.
        put_many(&engine, 10).await;
        world.env.sleep(5_000).await;
        assert_eq!(world.frames(), 0);
        let hidden = stats().await;
        assert_eq!(counted(hidden), live(20));
        assert_eq!(hidden.garbage_bytes, 10 * 58);
        assert!(hidden.written_bytes > compacted.written_bytes);
        let part = KeyRange {
            from: "key-0005".into(),
            until: "key-0015".into(),
        };
        assert_eq!(counted(engine.stats(vec![part]).await.unwrap()), live(10));
    });
}
