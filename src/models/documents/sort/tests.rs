use super::*;
use crate::codec::value::from_json;
use crate::error::Code;

fn doc(n: usize, text_bytes: usize) -> Bytes {
    from_json(format!("{{\"n\":{n},\"t\":\"{}\"}}", "x".repeat(text_bytes)).as_bytes())
}

#[test]
fn large_documents_that_are_not_wanted_go_early() {
    let mut sorter = Sorter::new(&[("n".into(), true)], Some(2));
    for n in 0..100 {
        sorter.add(&doc(n, 1 << 20)).unwrap();
        assert!(sorter.held_bytes() < 16 << 20, "{}", sorter.held_bytes());
    }
    assert!(sorter.prepare());
    let first = sorter.pop().unwrap();
    assert!(first.starts_with(b"\x01{\"n\":99"));
    assert!(sorter.pop().is_some());
}

#[test]
fn what_is_held_is_counted_down_too() {
    let mut sorter = Sorter::new(&[("n".into(), false)], Some(700));
    for n in 0..5000 {
        sorter.add(&doc(n, 10)).unwrap();
    }
    let Kept::First(first) = &sorter.kept else {
        panic!("all are kept");
    };
    assert_eq!(first.heap.len(), 700);
    let items = first.heap.iter();
    assert_eq!(
        sorter.held_bytes(),
        items.map(Item::held_bytes).sum::<usize>()
    );
}

#[test]
fn a_field_too_large_to_be_sorted_by_is_refused() {
    let mut sorter = Sorter::new(&[("t".into(), false)], None);
    sorter.add(&doc(1, MAX_KEY_BYTES - 2)).unwrap();
    let error = sorter.add(&doc(1, MAX_KEY_BYTES)).unwrap_err();
    assert_eq!(error.code(), Code::LimitExceeded);
    assert!(error.message().contains("the limit is 262144"), "{error}");
}

#[test]
fn keys_of_a_run_are_bounded() {
    let mut sorter = Sorter::new(&[("t".into(), false)], None);
    for n in 0..64 {
        sorter.add(&doc(n, 200 << 10)).unwrap();
        let Kept::All(runs) = &sorter.kept else {
            panic!("not all are kept");
        };
        assert!(runs.key_bytes <= RUN_KEY_BYTES);
    }
    for n in 0..64 {
        let found = sorter.pop().unwrap();
        assert!(found == doc(n, 200 << 10), "equal keys keep their order");
    }
    assert!(sorter.pop().is_none());
}
