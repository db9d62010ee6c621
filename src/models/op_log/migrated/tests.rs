use super::*;
use crate::codec::data_version::{DataVersion, KEY};
use crate::models::documents::Cascade;
use crate::models::fake::Fake;
use crate::models::op_log::apply::Why;
use crate::models::op_log::testing::{
    apply, collection, delete, device, entries, insert, log, pair, pending, records, root, set,
};

/// Raises the version, with what `work` writes.
fn migrate(fake: &mut Fake, version: u64, work: impl FnOnce(&mut Fake)) {
    fake.aside = Some(Vec::new());
    work(fake);
    let mut restate = Restate::new(fake.aside.take().unwrap());
    fake.write(|w| restate.step(w)).unwrap();
    let found = DataVersion {
        version,
        target: 0,
        attempt: 1,
    };
    fake.write(|w| {
        w.put(Bytes::from_static(&KEY), found.encode());
        Ok(())
    })
    .unwrap();
    while restate.release(2) {}
}

#[test]
fn a_migration_is_not_noted_and_moves_no_stamp() {
    for seed in 0..20 {
        let mut fake = device("me", seed);
        for key in ["kept", "changed", "removed", "was removed"] {
            set(&mut fake, key, "1");
        }
        insert(&mut fake, "doc", "text");
        assert!(delete(&mut fake, "was removed"));
        let (logged, before) = (
            log(&mut fake, -1.0, true),
            records(&mut fake, "", None, 99.0),
        );
        migrate(&mut fake, 2, |fake| {
            for key in ["changed", "made", "was removed", "made and removed"] {
                set(fake, key, "2");
            }
            assert!(delete(fake, "removed") && delete(fake, "made and removed"));
            let doc = collection();
            assert!(
                fake.write(|w| doc.delete(w, "doc".into(), &mut Cascade::new(0.0)))
                    .unwrap()
            );
        });
        assert_eq!(log(&mut fake, -1.0, true).len(), logged.len());
        let mut after = records(&mut fake, "", None, 99.0);
        assert!(after.iter().all(|record| record.version == 2));
        let name = |key: &str| pair(key);
        let lowest = Stamp::default();
        after.retain(|record| {
            let is_new = [name("made"), name("was removed")].contains(&record.record);
            assert_eq!(is_new, record.stamp == lowest, "{record:?}");
            assert!(!is_new || record.value.is_some());
            !is_new
        });
        for record in after {
            let old = before
                .iter()
                .find(|old| old.record == record.record)
                .unwrap();
            assert_eq!((record.stamp, &record.device), (old.stamp, &old.device));
            let is_live = [name("kept"), name("changed")].contains(&record.record);
            assert_eq!(record.value.is_some(), is_live, "{record:?}");
        }
    }
}

#[test]
fn two_devices_that_migrate_alike_have_the_same() {
    let (mut one, mut two) = (device("one", 1), device("two", 2));
    set(&mut one, "a", "1");
    set(&mut one, "b", "1");
    apply(&mut two, entries(&mut one));
    assert_eq!(root(&mut one), root(&mut two));
    for fake in [&mut one, &mut two] {
        migrate(fake, 2, |fake| {
            set(fake, "a", "2");
            assert!(delete(fake, "b"));
        });
    }
    assert_eq!(root(&mut one), root(&mut two));
}

#[test]
fn what_is_pending_of_a_former_version_is_told_as_it_is_now_and_other_versions_are_refused() {
    let mut fake = device("me", 7);
    for key in ["kept", "changed", "removed"] {
        set(&mut fake, key, "1");
    }
    let old = entries(&mut fake);
    migrate(&mut fake, 3, |fake| {
        set(fake, "changed", "[2]");
        assert!(delete(fake, "removed"));
    });
    set(&mut fake, "new", "5");
    let told = pending(&mut fake);
    let values = told.iter().map(|(_, entry)| {
        let value = entry.value.as_ref();
        value.map(|value| String::from_utf8_lossy(&value[1..]).into_owned())
    });
    let values: Vec<_> = values.collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(values, [text("1"), text("[2]"), None, text("5")]);
    assert!(told.iter().all(|(_, entry)| entry.version == 3));
    for ((_, entry), old) in told.iter().zip(&old) {
        assert_eq!((&entry.record, entry.stamp), (&old.record, old.stamp));
    }
    let mut other = device("other", 8);
    let refused = apply(&mut other, entries(&mut fake)).refused;
    assert_eq!(refused, [0, 1, 2, 3].map(|at| (at, Why::Version)));
    let refused = apply(&mut fake, old).refused;
    assert_eq!(refused, [0, 1, 2].map(|at| (at, Why::Version)));
    migrate(&mut other, 3, |_| {});
    assert_eq!(apply(&mut other, entries(&mut fake)).applied, 4);
}
