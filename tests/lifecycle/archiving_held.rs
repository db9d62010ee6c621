//! The moment that an export holds, and imports that are cut short.

use patchstore::codec::marks::NEVER;
use patchstore::engine::Export;
use patchstore::env::Env;

use super::archiving::{beside, export_of, exported, import_options, imported};
use super::converting::{Patch, everything, open_by, options, pairs, set, stock, text};
use super::*;

/// So little is kept in memory that records are read again.
const SMALL_CACHE_BYTES: usize = 20_000;

async fn open_small(patch: &Patch) -> Engine {
    let mut options = options(Absent::Refuse);
    options.cache_bytes = SMALL_CACHE_BYTES;
    let (connector, env) = (patch.world.connector(), patch.world.env());
    open_by(connector, env, options, None).await.unwrap()
}

/// Sets everything to a number, and merges that.
async fn turn_over(engine: &Engine, n: u64) {
    for at in 0..40 {
        // Of these every tenth is a piece.
        let length = if at % 10 == 0 { 80_000 } else { 3_000 };
        set(engine, &pairs(), &format!("k{at}"), text(n, length), NEVER)
            .await
            .unwrap();
    }
    engine.compact().await.unwrap();
}

async fn rest(export: &mut Export, archive: &mut Vec<u8>) -> Result<()> {
    while let Some(bytes) = export.next().await? {
        archive.extend_from_slice(&bytes);
    }
    Ok(())
}

async fn shown_by(source: &Patch, archive: &[u8]) -> Vec<(Bytes, Bytes)> {
    let target = beside(source, None);
    imported(&target, archive, 1 << 20, None).await.unwrap();
    everything(&target.open().await).await
}

#[test]
fn an_export_is_of_its_beginning_whatever_another_tab_writes_and_merges() {
    let source = Patch::new(11, None);
    source.world.env.clone().block_on(async {
        let tab = source.open().await;
        turn_over(&tab, 0).await;
        let before = everything(&tab).await;
        let engine = open_small(&source).await;
        let mut export = export_of(&engine, None, false).await.unwrap();
        assert_eq!(source.world.database.held(), 1);
        let mut archive = Vec::new();
        for n in 1..9 {
            // One of the same page, too.
            turn_over(if n % 2 == 0 { &engine } else { &tab }, n).await;
            let bytes = export.next().await.unwrap().unwrap();
            archive.extend_from_slice(&bytes);
        }
        rest(&mut export, &mut archive).await.unwrap();
        drop(export);
        assert_eq!(source.world.database.held(), 0, "it lets go");
        assert_eq!(shown_by(&source, &archive).await, before);
        let much = source.ids().len();
        tab.compact().await.unwrap();
        tab.compact().await.unwrap();
        assert!(
            source.ids().len() * 2 < much,
            "what was held is deleted after that"
        );
    });
}

#[test]
fn where_tabs_cannot_hear_of_it_or_for_room_it_ends_in_a_conflict() {
    for short in [false, true] {
        let source = Patch::new(12, None);
        source.world.env.clone().block_on(async {
            let tab = source.open().await;
            turn_over(&tab, 0).await;
            if !short {
                source.world.database.lose_locks();
            }
            let engine = open_small(&source).await;
            let mut export = export_of(&engine, None, false).await.unwrap();
            let mut archive = export.next().await.unwrap().unwrap().to_vec();
            if short {
                let sizes = source.world.database.records();
                let size: usize = sizes.iter().map(|(_, record)| record.len()).sum();
                source.world.database.set_quota(Some(size * 2));
            }
            for n in 1..5 {
                turn_over(&tab, n).await;
            }
            let failed = rest(&mut export, &mut archive).await.unwrap_err();
            assert_eq!(failed.code(), Code::Conflict, "{failed}");
            // What came of it is no archive.
            let target = beside(&source, None);
            let refused = imported(&target, &archive, 1 << 20, None).await;
            assert_eq!(refused.unwrap_err().code(), Code::Corrupt);
            assert!(target.world.is_bare());
        });
    }
}

#[test]
fn the_least_of_two_moments_counts() {
    let source = Patch::new(13, None);
    source.world.env.clone().block_on(async {
        let tab = source.open().await;
        let mut exports = Vec::new();
        for n in 0..3 {
            turn_over(&tab, n).await;
            let engine = open_small(&source).await;
            let export = export_of(&engine, None, false).await.unwrap();
            exports.push((export, everything(&tab).await));
        }
        // The middle one ends first.
        for at in [1, 0, 0] {
            turn_over(&tab, 9).await;
            let (mut export, before) = exports.remove(at);
            let mut archive = Vec::new();
            rest(&mut export, &mut archive).await.unwrap();
            assert_eq!(shown_by(&source, &archive).await, before);
        }
        assert_eq!(source.world.database.held(), 0);
    });
}

/// A tab at rest flips to shorten its list of garbage: not for what is held, which stays in it.
#[test]
fn a_tab_at_rest_leaves_what_is_held_alone() {
    let source = Patch::new(17, None);
    source.world.env.clone().block_on(async {
        let mut options = options(Absent::Create);
        options.poll_ms = 700;
        options.limits.garbage_bytes = 1000;
        let (connector, env) = (source.world.connector(), source.world.env());
        let tab = open_by(connector, env, options, None).await.unwrap();
        turn_over(&tab, 0).await;
        let engine = open_small(&source).await;
        let export = export_of(&engine, None, false).await.unwrap();
        turn_over(&tab, 1).await;
        let epoch = source.head().epoch;
        source.world.env.sleep(60_000).await;
        assert_eq!(source.head().epoch, epoch);
        drop(export);
    });
}

/// Whenever it begins, while another tab flips and deletes.
#[test]
fn no_export_misses_what_goes_while_it_begins() {
    for seed in 0..20 {
        let source = Patch::new(1000 + seed, None);
        let env = source.world.env.clone();
        env.clone().block_on(async {
            let tab = source.open().await;
            turn_over(&tab, 0).await;
            let writing = tab.clone();
            let stopped = Rc::new(Cell::new(false));
            let until = stopped.clone();
            env.spawn(Box::pin(async move {
                for n in 1.. {
                    if until.get() {
                        break;
                    }
                    turn_over(&writing, n).await;
                }
            }));
            env.sleep((seed * 9) as u32).await;
            let engine = open_small(&source).await;
            let mut export = export_of(&engine, None, false).await.unwrap();
            let mut archive = Vec::new();
            while let Some(bytes) = export.next().await.unwrap() {
                archive.extend_from_slice(&bytes);
                env.sleep(20).await;
            }
            stopped.set(true);
            let shown = shown_by(&source, &archive).await;
            assert_eq!(shown.len(), 40);
            // Written one after the other: none is newer than one before it.
            let number = |value: &Bytes| -> u64 {
                let text = String::from_utf8_lossy(value);
                let digits = text.trim_end_matches('"').rsplit(' ').next().unwrap();
                digits.parse().unwrap()
            };
            let numbers: Vec<u64> = shown.iter().map(|(_, value)| number(value)).collect();
            let (least, most) = (numbers.iter().min().unwrap(), numbers.iter().max().unwrap());
            assert!(most - least <= 1, "seed {seed}: {numbers:?}");
        });
    }
}

#[test]
fn of_a_patch_that_is_deleted_meanwhile_there_is_no_more() {
    let source = Patch::new(14, None);
    source.world.env.clone().block_on(async {
        stock(&source).await;
        let engine = open_small(&source).await;
        let mut export = export_of(&engine, None, false).await.unwrap();
        let mut archive = export.next().await.unwrap().unwrap().to_vec();
        assert!(source.world.delete().await.unwrap());
        // (What is in memory goes on, until it is noticed.)
        engine.refresh().await.ok();
        let failed = rest(&mut export, &mut archive).await.unwrap_err();
        assert_eq!(failed.code(), Code::Closed);
    });
}

#[test]
fn somebody_who_opens_the_target_meanwhile_keeps_it() {
    let source = Patch::new(15, None);
    source.world.env.clone().block_on(async {
        stock(&source).await;
        let archive = exported(&source, None, false).await;
        for writes in [false, true] {
            let target = beside(&source, None);
            let (connector, env) = (target.world.connector(), target.world.env());
            let draft = open_by(connector, env, options(Absent::Prepare), None).await;
            let mut import = draft.unwrap().import(import_options(None)).await.unwrap();
            import.write(&archive[..archive.len() / 2]).await.unwrap();
            let other = target.open().await;
            if writes {
                set(&other, &pairs(), "theirs", text(1, 5), NEVER)
                    .await
                    .unwrap();
            }
            let written = import.write(&archive[archive.len() / 2..]).await;
            let refused = match written {
                Ok(()) => import.end().await.map(drop),
                failed => failed,
            };
            let code = refused.unwrap_err().code();
            assert!(
                [Code::Conflict, Code::Exists, Code::Closed].contains(&code),
                "{code:?}"
            );
            assert_eq!(everything(&other).await.len(), usize::from(writes));
        }
    });
}

/// Imports until the `nth` transaction, where the browser dies. Whether it came that far.
async fn dies(target: &Patch, archive: &Rc<Vec<u8>>, nth: u64, fault: Fault) -> bool {
    let dying = target.world.env.new_realm();
    let connector = SimConnector::new(&dying, &target.world.database);
    connector.fault_at(nth, fault);
    let done = Rc::new(Cell::new(false));
    let (told, archive) = (done.clone(), archive.clone());
    let (through, env) = (Rc::new(connector.clone()), Rc::new(dying.clone()));
    dying.spawn(Box::pin(async move {
        let opened = open_by(through, env, options(Absent::Prepare), None).await;
        let mut import = opened.unwrap().import(import_options(None)).await.unwrap();
        for part in archive.chunks(10_000) {
            import.write(part).await.unwrap();
        }
        import.end().await.unwrap();
        told.set(true);
    }));
    target.world.env.sleep(60_000).await;
    connector.sever();
    target.world.database.sever();
    dying.kill();
    connector.thaw();
    target.world.env.sleep(10).await;
    !done.get()
}

#[test]
fn cut_short_at_any_transaction_nothing_or_all_of_it_is_there() {
    let source = Patch::new(16, None);
    source.world.env.clone().block_on(async {
        stock(&source).await;
        let archive = Rc::new(exported(&source, None, false).await);
        let all = shown_by(&source, &archive).await;
        for is_there in [false, true] {
            let (mut none, mut whole) = (0, 0);
            'each: for nth in 1.. {
                for fault in [Fault::FrozenBefore, Fault::FrozenAfter] {
                    let target = beside(&source, None);
                    if is_there {
                        target.open().await.close().await;
                    }
                    if !dies(&target, &archive, nth, fault.clone()).await {
                        break 'each;
                    }
                    let when = format!("{nth} {fault:?}");
                    let size = target.world.size().await.unwrap();
                    let found = match size {
                        Some(_) => everything(&target.open().await).await,
                        None => Vec::new(),
                    };
                    assert!(found.is_empty() || found == all, "{when}");
                    whole += u32::from(!found.is_empty());
                    if found.is_empty() {
                        none += 1;
                        assert_eq!(size.is_some(), is_there, "{when}");
                        let engine = target.open().await;
                        engine.compact().await.unwrap();
                        engine.close().await;
                        assert!(target.ids().is_empty(), "{when}: nothing is left of it");
                        imported(&target, &archive, 1 << 20, None).await.unwrap();
                    }
                }
            }
            assert!(
                none > 4 && whole > 0,
                "{none} times nothing, {whole} times all"
            );
        }
    });
}
