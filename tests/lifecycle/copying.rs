//! Copying a patch.

use super::*;
use futures_util::future::join;
use patchstore::codec::batch::Op;
use patchstore::engine::Interest;

/// Something of every size, in the log and below it.
async fn fill(engine: &Engine) {
    for n in 0..60 {
        put(engine, &format!("k{n}"), &[n; 4_000]).await.unwrap();
        put(engine, &format!("other{n}"), &[n]).await.unwrap();
    }
    put(engine, "k-large", &[9; 200_000]).await.unwrap();
    remove(engine, "k7").await;
}

#[test]
fn a_copy_is_the_same_and_lives_on_by_itself() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        let source = world.open().await;
        fill(&source).await;
        world.copy_to(&copy).await.unwrap();
        let target = copy.open().await;
        assert_eq!(all(&target).await, all(&source).await);
        put(&target, "k0", b"of the copy").await.unwrap();
        put(&source, "k1", b"of the source").await.unwrap();
        for n in 0..40 {
            put(&target, &format!("k-more-{n}"), b"v").await.unwrap();
        }
        target.compact().await.unwrap();
        assert_eq!(all(&target).await.len(), all(&source).await.len() + 40);
        let refused = world.copy_to(&copy).await.unwrap_err();
        assert_eq!(refused.code(), Code::Exists);
        assert_eq!(
            world.copy_to(&world).await.unwrap_err().code(),
            Code::Exists
        );
        assert_eq!(all(&target).await.len(), all(&source).await.len() + 40);
    });
}

#[test]
fn without_a_source_nothing_is_created() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        let refused = world.copy_to(&copy).await.unwrap_err();
        assert_eq!(refused.code(), Code::NoPatch);
        assert!(world.is_bare() && copy.is_bare());
        world.open().await.close().await;
        world.copy_to(&copy).await.unwrap();
        assert_eq!(
            copy.size().await.unwrap(),
            Some(0),
            "a copy of an empty patch"
        );
    });
}

#[test]
fn a_copy_goes_into_a_patch_that_is_open_and_empty() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        let (source, target) = (world.open().await, copy.open().await);
        fill(&source).await;
        // What was there before is not there any more, nor hidden traces of it.
        put(&target, "k-before", &[1; 100_000]).await.unwrap();
        put(&target, "other-before", b"x").await.unwrap();
        target.compact().await.unwrap();
        remove(&target, "k-before").await;
        let heard = Rc::new(Cell::new(0));
        let count = heard.clone();
        let _subscription = target.subscribe(Rc::new(move |notice| {
            if matches!(notice, Notice::Cut) {
                count.set(count.get() + 1);
            }
        }));
        world.copy_to(&copy).await.unwrap();
        target.refresh().await.unwrap();
        assert_eq!(all(&target).await, all(&source).await);
        assert_eq!(heard.get(), 1, "it hears that anything may have changed");
        put(&target, "k-after", b"v").await.unwrap();
        let other = copy.open().await;
        put(&other, "k-after too", b"v").await.unwrap();
        target.refresh().await.unwrap();
        assert_eq!(all(&target).await, all(&other).await);
        assert_eq!(all(&target).await.len(), all(&source).await.len() + 2);
    });
}

/// Counts how often anything may have changed.
struct Listener(Vec<KeyRange>, Cell<usize>);

impl Interest for Listener {
    fn ranges(&self) -> &[KeyRange] {
        &self.0
    }

    fn touched(&self, _op: &Op, _is_new: bool) {}

    fn blurred(&self) {}

    fn told(&self) {}

    fn lost(&self) {
        self.1.set(self.1.get() + 1);
    }
}

#[test]
fn who_keeps_copies_of_what_an_engine_shows_hears_that_it_is_copied_into() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        let (source, target) = (world.open().await, copy.open().await);
        fill(&source).await;
        let listener = Rc::new(Listener(vec![range("")], Cell::new(0)));
        let interest: Rc<dyn Interest> = listener.clone();
        target.interested(&interest);
        let copied = source.copy_to(&target, vec![range("")], Rc::new(|| false));
        copied.await.unwrap();
        assert_eq!(all(&target).await, all(&source).await);
        assert!(listener.1.get() > 0);
    });
}

#[test]
fn who_stops_a_copy_leaves_nothing_behind() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        fill(&world.open().await).await;
        for after in [0, 1, 50, 100] {
            let copy = world.beside();
            let asked = Cell::new(0);
            let stopped = move || asked.replace(asked.get() + 1) >= after;
            let refused = world.copy_while(&copy, Rc::new(stopped)).await;
            let refused = refused.unwrap_err();
            assert_eq!(refused.code(), Code::Closed);
            assert!(copy.is_bare(), "stopped after {after}");
        }
    });
}

#[test]
fn killed_at_any_moment_a_copy_is_whole_or_not_there() {
    let (mut whole, mut none) = (0, 0);
    for at_us in (0..100).map(|n| n * 2_500) {
        let world = World::new(at_us);
        let copy = world.beside();
        world.env.clone().block_on(async {
            let source = world.open().await;
            fill(&source).await;
            let dying = world.env.new_realm();
            let options = |absent| Options {
                absent,
                ..Options::default()
            };
            let open = |database: &SimDatabase, absent| {
                let connector = Rc::new(SimConnector::new(&dying, database));
                Engine::open(connector, Rc::new(dying.clone()), options(absent))
            };
            let from = open(&world.database, Absent::Refuse);
            let to = open(&copy.database, Absent::Prepare);
            dying.spawn(Box::pin(async move {
                let (from, to) = (from.await.unwrap(), to.await.unwrap());
                drop(from.copy_to(&to, vec![range("k")], Rc::new(|| false)).await);
            }));
            world.env.sleep_us(at_us).await;
            copy.database.sever();
            dying.kill();
            world.env.sleep(10).await;
            if copy.size().await.unwrap().is_some() {
                whole += 1;
                assert_eq!(all(&copy.open().await).await, all(&source).await);
            } else {
                none += 1;
                assert!(!copy.has_records().await.unwrap());
                assert!(!copy.delete().await.unwrap());
                // The name is free, for another copy too.
                world.copy_to(&copy).await.unwrap();
                assert_eq!(all(&copy.open().await).await, all(&source).await);
            }
        });
    }
    assert!(whole > 5 && none > 5, "{whole} whole, {none} not there");
}

#[test]
fn a_draft_gives_way_to_who_opens_in_earnest() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        fill(&world.open().await).await;
        let opened = Cell::new(None);
        let steps = Rc::new(Cell::new(0));
        let counted = steps.clone();
        let counting = move || {
            counted.set(counted.get() + 1);
            false
        };
        let waiting = world.copy_while(&copy, Rc::new(counting));
        let opening = async {
            while steps.get() == 0 {
                world.env.sleep_us(100).await;
            }
            let engine = copy.open().await;
            put(&engine, "k-mine", b"v").await.unwrap();
            opened.set(Some(engine));
        };
        let (copied, ()) = futures_util::future::join(waiting, opening).await;
        let engine = opened.take().unwrap_or_else(|| panic!("it was opened"));
        engine.refresh().await.unwrap();
        match copied {
            // Faster than the opening.
            Ok(()) => assert!(all(&engine).await.len() > 100),
            Err(error) => {
                assert!(
                    matches!(error.code(), Code::Exists | Code::Closed),
                    "{error}"
                );
                assert_eq!(all(&engine).await.len(), 1);
            }
        }
    });
}

/// WriteSet to while it is being made, be it before the first or after the last look at it.
#[test]
fn a_copy_never_takes_away_what_is_written_into_its_target_meanwhile() {
    let mut ends = [0, 0];
    for at_us in (0..400_000).step_by(8_000) {
        let world = World::new(at_us);
        let copy = world.beside();
        world.env.clone().block_on(async {
            let (source, tab) = (world.open().await, copy.open().await);
            fill(&source).await;
            let env = world.env.clone();
            let write = async {
                env.sleep_us(at_us).await;
                put(&tab, "k-mine", b"mine").await
            };
            let (copied, written) = join(world.copy_to(&copy), write).await;
            written.unwrap();
            tab.refresh().await.unwrap();
            let there = all(&copy.open().await).await;
            assert!(
                there.iter().any(|(key, _)| key == "k-mine"),
                "what was acknowledged is gone ({copied:?}, at {at_us} us)"
            );
            match copied {
                Ok(()) => {
                    assert_eq!(there.len(), all(&source).await.len() + 1);
                    ends[0] += 1;
                }
                Err(error) => {
                    assert_eq!(error.code(), Code::Exists);
                    assert_eq!(there.len(), 1);
                    ends[1] += 1;
                }
            }
        });
    }
    assert!(ends.iter().all(|end| *end > 0), "one of two ends: {ends:?}");
}

/// Counts how often it is asked; says yes from the `last` time on.
fn counting(last: usize) -> (Rc<Cell<usize>>, Rc<dyn Fn() -> bool>) {
    let asked = Rc::new(Cell::new(0));
    let counted = asked.clone();
    let stopped = move || {
        counted.set(counted.get() + 1);
        counted.get() >= last
    };
    (asked, Rc::new(stopped))
}

#[test]
fn a_copy_that_never_gets_through_is_given_up_or_stopped() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        let source = world.open().await;
        fill(&source).await;
        let (asked, stopped) = counting(usize::MAX);
        world.copy_while(&world.beside(), stopped).await.unwrap();
        let a_try = asked.get();
        assert!(a_try > 100);
        for (stops, code, asks) in [
            (usize::MAX, Code::Conflict, 10 * a_try),
            (2 * a_try + 1, Code::Closed, 2 * a_try + 1),
        ] {
            let copy = world.beside();
            let (target, tab) = (copy.open().await, copy.open().await);
            let (asked, stopped) = counting(stops);
            let done = Cell::new(false);
            let copying = async {
                let copied = source.copy_to(&target, vec![range("k")], stopped).await;
                done.set(true);
                copied
            };
            let writing = async {
                while !done.get() {
                    put(&tab, "other", b"of somebody else").await.unwrap();
                }
            };
            let (copied, ()) = join(copying, writing).await;
            assert_eq!(copied.unwrap_err().code(), code);
            assert_eq!(asked.get(), asks, "a try asks {a_try} times");
            tab.refresh().await.unwrap();
            assert_eq!(all(&tab).await.len(), 1, "it is as it was");
        }
    });
}

#[test]
fn a_copy_whose_source_is_merged_under_it_is_begun_anew() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        let tab = world.open().await;
        for n in 100..250 {
            put(&tab, &format!("k{n}"), &[n; 70_000]).await.unwrap();
        }
        tab.compact().await.unwrap();
        let source = world.open_where(Absent::Refuse).await.unwrap();
        let copy = world.beside();
        let target = copy.open_where(Absent::Prepare).await.unwrap();
        let (asked, stopped) = counting(usize::MAX);
        let merging = async {
            while asked.get() < 2 {
                world.env.sleep_us(100).await;
            }
            remove(&tab, "k249").await;
            tab.compact().await.unwrap();
        };
        let copying = source.copy_to(&target, vec![range("k")], stopped);
        let (copied, ()) = join(copying, merging).await;
        copied.unwrap();
        let there = all(&copy.open().await).await;
        assert!(there == all(&tab).await && there.len() == 149);
        assert_eq!(
            asked.get(),
            151 + 150,
            "one try up to what is missing, another one to the end"
        );
    });
}
