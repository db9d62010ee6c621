//! Deleting a patch, and looking whether there is one.

use super::*;

#[test]
fn deleting_closes_every_tab_within_a_second_and_the_patch_can_be_opened_at_once() {
    for wake_loss_percent in [0, 100] {
        let world = World::new(1);
        world.database.set_timing(Timing {
            wake_loss_percent,
            ..Timing::default()
        });
        world.env.clone().block_on(async {
            let tabs = [world.open().await, world.open().await];
            for (tab, engine) in tabs.iter().enumerate() {
                for n in 0..50 {
                    put(engine, &format!("k{tab}-{n}"), &[7; 3_000])
                        .await
                        .unwrap();
                }
            }
            assert!(world.delete().await.unwrap());
            assert!(world.is_bare());
            let late = put(&tabs[0], "k-late", b"x").await;
            assert_eq!(late.unwrap_err().code(), Code::Closed);
            let again = world.open().await;
            assert_eq!(all(&again).await, []);
            for n in 0..50 {
                put(&again, &format!("k-new-{n}"), &[8; 10]).await.unwrap();
            }
            world.env.sleep(1_000).await;
            for engine in &tabs {
                assert_eq!(engine.closed(), Some(Reason::Deleted));
            }
            assert_eq!(all(&again).await.len(), 50);
            again.close().await;
            assert_eq!(all(&world.open().await).await.len(), 50);
        });
    }
}

#[test]
fn there_is_nothing_to_delete_twice() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        assert!(!world.delete().await.unwrap());
        assert!(world.is_bare());
        world.open().await.close().await;
        assert!(world.delete().await.unwrap());
        assert!(!world.delete().await.unwrap());
        world.sweep();
        let engine = world.open().await;
        put(&engine, "k", b"v").await.unwrap();
        world.sweep();
        engine.close().await;
        world.sweep();
        assert!(
            world.has_records().await.unwrap(),
            "a sweep takes no living patch"
        );
    });
}

#[test]
fn what_cannot_be_read_and_what_has_no_room_can_be_deleted() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        let engine = world.open().await;
        for n in 0..30 {
            put(&engine, &format!("k{n}"), b"v").await.unwrap();
        }
        world.database.set_quota(Some(10));
        assert!(world.delete().await.unwrap());
        world.database.set_quota(None);
        drop(engine);
        let engine = world.open().await;
        engine.close().await;
        for spoiled in [Bytes::from_static(b"rot"), Bytes::new()] {
            world.database.spoil(RecordKey::Head, spoiled);
            assert!(world.size().await.is_err());
            assert!(world.has_records().await.is_err());
            assert!(world.delete().await.unwrap());
            put(&world.open().await, "k", b"v").await.unwrap();
        }
    });
}

#[test]
fn only_want_of_room_lets_it_go_without_a_number_of_the_log() {
    for (fault, is_fenced) in [
        (Fault::Abort("UnknownError".into()), true),
        (Fault::Quota, false),
    ] {
        let world = World::new(1);
        world.env.clone().block_on(async {
            let _engine = world.open().await;
            let told = Rc::new(Cell::new(None));
            let witness = told.clone();
            world
                .database
                .when_erased(move |_, fenced| witness.set(Some(fenced)));
            let connector = SimConnector::new(&world.env, &world.database);
            connector.fault_next(fault);
            let deleted = engine::delete(Rc::new(connector), Rc::new(|| false)).await;
            assert!(deleted.unwrap());
            assert_eq!(told.get(), Some(is_fenced));
        });
    }
}

#[test]
fn looking_creates_nothing_and_sees_what_is_there() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        assert_eq!(world.size().await.unwrap(), None);
        assert!(!world.has_records().await.unwrap());
        assert!(world.is_bare());
        let engine = world.open().await;
        assert_eq!(world.size().await.unwrap(), Some(0));
        assert!(!world.has_records().await.unwrap(), "open and empty");
        put(&engine, "other", b"v").await.unwrap();
        assert!(!world.has_records().await.unwrap(), "nothing that counts");
        put(&engine, "k", &[1; 5_000]).await.unwrap();
        assert!(world.has_records().await.unwrap(), "in the log");
        assert!(world.size().await.unwrap() > Some(5_000));
        engine.compact().await.unwrap();
        assert!(world.has_records().await.unwrap(), "in a page");
        assert!(world.size().await.unwrap() > Some(5_000));
        remove(&engine, "k").await;
        assert!(!world.has_records().await.unwrap(), "all removed");
        engine.compact().await.unwrap();
        assert!(!world.has_records().await.unwrap());
        assert!(world.size().await.unwrap() < Some(100));
    });
}

#[test]
fn what_was_deleted_cannot_be_promised_to_survive() {
    for begun_anew in [false, true] {
        let world = World::new(1);
        world.database.set_timing(Timing {
            wake_loss_percent: 100,
            ..Timing::default()
        });
        world.env.clone().block_on(async {
            let (flushes, compacts) = (world.open().await, world.open().await);
            put(&flushes, "k", b"v").await.unwrap();
            assert!(world.delete().await.unwrap());
            if begun_anew {
                drop(world.open().await);
            }
            let flushed = flushes.flush().await.unwrap_err();
            assert_eq!(flushed.code(), Code::Closed);
            assert_eq!(flushes.closed(), Some(Reason::Deleted));
            let compacted = compacts.compact().await.unwrap_err();
            assert_eq!(compacted.code(), Code::Closed);
        });
    }
}

#[test]
fn a_deletion_that_is_said_to_be_aborted_is_one() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        put(&world.open().await, "k", b"v").await.unwrap();
        let connector = SimConnector::new(&world.env.new_realm(), &world.database);
        connector.fault_next(Fault::Misreported("no reason".into()));
        let deleted = engine::delete(Rc::new(connector), Rc::new(|| false));
        assert!(deleted.await.unwrap());
        assert!(world.is_bare());
    });
}
