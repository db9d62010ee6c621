use crate::codec::kinds::key as kinds;
use crate::models::op_log::testing::{delete, device, look, refresh, root, set};

#[test]
fn digests_follow_the_writes_and_are_stored() {
    let mut fake = device("me", 8);
    assert_eq!(root(&mut fake), "0".repeat(32));
    for n in 0..300 {
        set(&mut fake, &format!("k{n}"), "1");
    }
    let before = look(&mut fake, "");
    refresh(&mut fake);
    assert!(!fake.map.keys().any(|key| key[0] == kinds::DIRTY));
    assert_eq!(look(&mut fake, ""), before);
    fake.reads = 0;
    let reads = {
        look(&mut fake, "");
        fake.reads
    };
    assert!(reads < 700, "{reads}");
    set(&mut fake, "k5", "1");
    assert_ne!(look(&mut fake, "").sum, before.sum);
    refresh(&mut fake);
    let after = look(&mut fake, "");
    let changed = |(a, b): &(&(String, u128), &(String, u128))| a != b;
    let differing: Vec<_> = before
        .children
        .iter()
        .zip(&after.children)
        .filter(changed)
        .collect();
    assert_eq!(differing.len(), 1);
    let (path, sum) = differing[0].1;
    let node = look(&mut fake, path);
    assert_eq!(node.sum, *sum);
    assert_eq!(
        node.children
            .iter()
            .fold(0u128, |all, (_, sum)| all.wrapping_add(*sum)),
        *sum
    );
    let leaf = look(&mut fake, &node.children[0].0);
    assert_eq!((leaf.sum, leaf.children.len()), (node.children[0].1, 0));
    // Removed, it counts no more.
    for n in 0..300 {
        delete(&mut fake, &format!("k{n}"));
    }
    assert_eq!(root(&mut fake), "0".repeat(32));
}
