use super::Tree;
use crate::engine::access::KeyRange;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn key(n: u16) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

fn range(from: u16, until: u16) -> KeyRange {
    KeyRange {
        from: key(from),
        until: key(until),
    }
}

/// A state of the map, and what it must hold.
type Pair = (Tree<u16>, BTreeMap<Bytes, u16>);

fn compare((ours, known): &Pair, (from, until): (u16, u16)) -> Result<(), TestCaseError> {
    prop_assert!(ours.iter().eq(known));
    prop_assert_eq!(ours.is_empty(), known.is_empty());
    let some = range(from.min(until), from.max(until));
    let between = || known.range(some.from.clone()..some.until.clone());
    prop_assert!(ours.between(&some).eq(between()));
    prop_assert!(
        ours.starting_at(&some.from)
            .eq(known.range(some.from.clone()..))
    );
    prop_assert_eq!(ours.last(&some), between().next_back());
    prop_assert_eq!(ours.get(&some.from), known.get(&some.from));
    Ok(())
}

/// Does one of: insert, insert a row, remove a range; in both alike.
fn change((ours, known): &mut Pair, (kind, from, len): (u8, u16, u16)) {
    match kind {
        0 => assert_eq!(ours.insert(key(from), len), known.insert(key(from), len)),
        1 => (from..from.saturating_add(len)).for_each(|n| {
            assert_eq!(ours.insert(key(n), n), known.insert(key(n), n));
        }),
        _ => {
            let gone = range(from, from.saturating_add(len * 4));
            let mut seen = Vec::new();
            ours.remove(&gone, &mut |value| seen.push(*value));
            let kept = known.split_off(&gone.from);
            let (out, kept): (Vec<_>, Vec<_>) =
                kept.into_iter().partition(|(key, _)| *key < gone.until);
            known.extend(kept);
            assert!(seen.iter().eq(out.iter().map(|(_, value)| value)));
        }
    }
}

proptest! {
    #[test]
    fn does_as_the_map_of_std_does_and_leaves_its_copies_alone(
        steps in prop::collection::vec(((0u8..3, 0u16..2000, 0u16..150), any::<bool>()), 0..60),
        asked in prop::collection::vec((0u16..2100, 0u16..2100), 4),
    ) {
        let mut now = Pair::default();
        let mut copies = Vec::new();
        for (step, copy) in steps {
            if copy {
                copies.push(now.clone());
            }
            change(&mut now, step);
        }
        copies.push(now);
        for pair in &copies {
            for bounds in &asked {
                compare(pair, *bounds)?;
            }
        }
    }
}

#[test]
fn is_dropped_leaf_by_leaf() {
    let mut ours = Tree::default();
    (0..5000).for_each(|n| assert_eq!(ours.insert(key(n), n), None));
    let copy = ours.clone();
    assert_eq!(ours.drop_leaf(), 0, "what is shared costs nothing");
    drop(copy);
    let mut dropped = 0;
    while let leaf @ 1.. = ours.drop_leaf() {
        assert!(leaf <= 32);
        dropped += leaf;
    }
    assert_eq!(dropped, 5000);
    assert_eq!(ours.iter().count(), 0);
}
