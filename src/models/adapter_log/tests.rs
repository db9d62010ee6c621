use super::*;
use crate::models::fake::Fake;
use proptest::prelude::*;

type Entry = (u64, Vec<u8>);

fn append(fake: &mut Fake, owner: u64, entry: u8) -> Result<u64> {
    append_with(fake, owner, entry, Vec::new())
}

fn append_with(fake: &mut Fake, owner: u64, entry: u8, changes: Changes) -> Result<u64> {
    let mut append = Append::new(owner, vec![entry].into(), changes);
    fake.write(|w| append.step(w))
}

fn pending(fake: &mut Fake) -> Vec<Entry> {
    let (mut pending, mut found) = (Pending::default(), Vec::new());
    fake.read(|r| {
        pending.step(r, &mut |id, stored| {
            found.push((id, stored.to_vec()));
            Ok(())
        })
    })
    .unwrap();
    found
}

fn prune(fake: &mut Fake, owner: u64, handed_out: u64, up_to: u64) {
    let mut prune = Prune::new(owner, handed_out, up_to);
    fake.write(|w| prune.step(w)).unwrap();
}

fn delete_one(fake: &mut Fake, id: u64) {
    fake.write(|w| delete(w, id)).unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Look(usize),
    Prune(usize, u64),
    Delete(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let owner = || 0..3usize;
    prop_oneof![
        5 => owner().prop_map(Step::Append),
        1 => owner().prop_map(Step::Look),
        2 => (owner(), 0u64..40).prop_map(|(owner, up_to)| Step::Prune(owner, up_to)),
        1 => (0u64..40).prop_map(Step::Delete),
    ]
}

/// The owners of the property test: neighbours, and the ends.
const OWNERS: [u64; 3] = [0, 1, u64::MAX];

proptest! {
    #[test]
    fn what_an_owner_knows_is_pruned_and_nothing_else(
        steps in prop::collection::vec(step(), 0..60), seed in any::<u64>(),
    ) {
        let mut fake = Fake::disturbed(seed);
        // Id, entry, owner, and who has seen it.
        let mut model: Vec<(u64, u8, usize, [bool; 3])> = Vec::new();
        let (mut given, mut handed_out) = (0, [0; 3]);
        for (at, step) in (0u8..).zip(steps) {
            match step {
                Step::Append(owner) => {
                    let id = append(&mut fake, OWNERS[owner], at).unwrap();
                    prop_assert_eq!(id, given + 1, "ids are given once");
                    given = id;
                    model.push((id, at, owner, [0, 1, 2].map(|each| each == owner)));
                }
                Step::Look(owner) => {
                    let found = pending(&mut fake);
                    handed_out[owner] = found.last().map_or(handed_out[owner], |(id, _)| *id);
                    model.iter_mut().for_each(|entry| entry.3[owner] = true);
                }
                Step::Prune(owner, up_to) => {
                    prune(&mut fake, OWNERS[owner], handed_out[owner], up_to);
                    model.retain(|(id, _, _, seen)| *id > up_to || !seen[owner]);
                }
                Step::Delete(id) => {
                    delete_one(&mut fake, id);
                    model.retain(|entry| entry.0 != id);
                }
            }
            let expected: Vec<Entry> = model.iter().map(|entry| (entry.0, vec![entry.1])).collect();
            prop_assert_eq!(pending(&mut fake), expected);
        }
    }

    #[test]
    fn changes_go_along_whatever_stops_them(count in 0u8..200, seed in any::<u64>()) {
        let mut fake = Fake::disturbed(seed);
        let key = |at: u8| Bytes::from(vec![keys::ADAPTER_RECORD, b'k', at, 0]);
        let kept = Bytes::from(vec![keys::ADAPTER_META, b'k', 0]);
        fake.map.insert(kept.clone(), Bytes::new());
        for at in (1..count).step_by(2) {
            fake.map.insert(key(at), Bytes::new());
        }
        let change = |at| (key(at), (at % 2 == 0).then(|| Bytes::from(vec![at])));
        let id = append_with(&mut fake, 7, 1, (0..count).map(change).collect()).unwrap();
        prop_assert_eq!(id, 1);
        let stored: Vec<u8> = fake.map.values().filter_map(|value| match value[..] {
            [at] => Some(at),
            _ => None,
        }).collect();
        // (The entry's own 1 lies behind them.)
        prop_assert_eq!(stored, (0..count).step_by(2).chain([1]).collect::<Vec<_>>());
        prop_assert!(fake.map.contains_key(&kept));
    }
}

#[test]
fn the_last_id_is_a_number_that_javascript_has() {
    let mut fake = Fake::default();
    let counter = Bytes::from_static(&[keys::ADAPTER_LAST]);
    let before = MAX_ID - 1;
    fake.map.insert(
        counter.clone(),
        Bytes::copy_from_slice(&before.to_be_bytes()),
    );
    assert_eq!(append(&mut fake, 1, 1).unwrap(), MAX_ID);
    let error = append(&mut fake, 1, 2).unwrap_err();
    assert_eq!(error.code(), Code::LimitExceeded);
    assert_eq!(pending(&mut fake), [(MAX_ID, vec![1])]);
    prune(&mut fake, 1, MAX_ID, u64::MAX);
    assert_eq!(pending(&mut fake), []);
    delete_one(&mut fake, u64::MAX);
}

#[test]
fn what_was_handed_out_is_pruned_blindly() {
    let mut fake = Fake::default();
    for entry in 0..4 {
        append(&mut fake, 1, entry).unwrap();
    }
    let reads = fake.reads;
    prune(&mut fake, 2, 3, 3);
    assert_eq!(fake.reads, reads);
    assert_eq!(pending(&mut fake), [(4, vec![3])]);
}

#[test]
fn damage_is_noticed() {
    for (key, value) in [
        (&[keys::ADAPTER_LAST][..], &[1, 2, 3][..]),
        (&[keys::ADAPTER_ENTRY, 1], &[]),
    ] {
        let mut fake = Fake::default();
        let (key, value) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        fake.map.insert(key.clone(), value);
        let error = if key.len() == 1 {
            append(&mut fake, 1, 1).unwrap_err()
        } else {
            let mut pending = Pending::default();
            let found = fake.read(|r| pending.step(r, &mut |_, _| Ok(())));
            found.unwrap_err()
        };
        assert_eq!(error.code(), Code::Corrupt);
    }
}
