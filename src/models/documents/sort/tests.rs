use super::*;
use crate::codec::value::from_json;
use crate::error::Code;

fn sorting(by: &[(JsString, bool)], keep: Keep) -> Sorter {
    Sorter::new(Rc::new(By::new(by)), keep)
}

fn place(n: usize) -> Order {
    Order {
        frame: n as u64,
        slot: 0,
    }
}

fn doc(n: usize, text_bytes: usize) -> Bytes {
    from_json(format!("{{\"n\":{n},\"t\":\"{}\"}}", "x".repeat(text_bytes)).as_bytes())
}

#[test]
fn large_documents_that_are_not_wanted_go_early() {
    let mut sorter = sorting(&[("n".into(), true)], Keep::First(2));
    for n in 0..100 {
        sorter.add(place(n), &doc(n, 1 << 20)).unwrap();
        assert!(sorter.held_bytes() < 16 << 20, "{}", sorter.held_bytes());
    }
    assert!(sorter.prepare());
    let first = sorter.pop().unwrap().doc;
    assert!(first.starts_with(b"\x01{\"n\":99"));
    assert!(sorter.pop().is_some());
}

#[test]
fn what_is_held_is_counted_down_too() {
    let mut sorter = sorting(&[("n".into(), false)], Keep::First(700));
    for n in 0..5000 {
        sorter.add(place(n), &doc(n, 10)).unwrap();
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
    let mut sorter = sorting(&[("t".into(), false)], Keep::All);
    sorter.add(place(1), &doc(1, MAX_KEY_BYTES - 2)).unwrap();
    let error = sorter.add(place(1), &doc(1, MAX_KEY_BYTES)).unwrap_err();
    assert_eq!(error.code(), Code::LimitExceeded);
    assert!(error.message().contains("the limit is 262144"), "{error}");
}

#[test]
fn keys_of_a_run_are_bounded() {
    let mut sorter = sorting(&[("t".into(), false)], Keep::All);
    for n in 0..64 {
        sorter.add(place(n), &doc(n, 200 << 10)).unwrap();
        let Kept::All(runs) = &sorter.kept else {
            panic!("not all are kept");
        };
        assert!(runs.key_bytes <= RUN_KEY_BYTES);
    }
    for n in 0..64 {
        let found = sorter.pop().unwrap().doc;
        assert!(found == doc(n, 200 << 10), "equal keys keep their order");
    }
    assert!(sorter.pop().is_none());
}

#[test]
fn a_page_holds_as_many_as_fit_and_the_first_that_does_not_ends_it() {
    let mut sorter = sorting(&[("n".into(), false)], Keep::Within(u64::MAX, 64 << 10));
    // A large one goes first, and those between it and what is left then have room, but come behind it.
    for n in [50, 10, 40, 20, 60, 30, 45, 5] {
        let bytes = if n == 40 { 60 << 10 } else { 4 << 10 };
        sorter.add(place(n), &doc(n, bytes)).unwrap();
    }
    assert!(sorter.prepare());
    let mut found = Vec::new();
    while let Some(item) = sorter.pop() {
        found.push(item.place.frame);
    }
    assert_eq!(found, [5, 10, 20, 30]);
    let mut sorter = sorting(&[("n".into(), false)], Keep::Within(u64::MAX, 1));
    for n in [2, 1, 3] {
        sorter.add(place(n), &doc(n, 4 << 10)).unwrap();
    }
    assert!(sorter.prepare());
    assert_eq!(
        sorter.pop().map(|item| item.place.frame),
        Some(1),
        "one at least"
    );
    assert!(sorter.pop().is_none());
}

#[test]
fn what_is_not_behind_is_left_out() {
    let mut sorter = sorting(&[("n".into(), true)], Keep::All);
    sorter.go_on_behind(&[Value::Number(3.0)], place(7));
    for (at, n) in [(1, 4), (6, 3), (7, 3), (8, 3), (2, 2)] {
        sorter.add(place(at), &doc(n, 1)).unwrap();
    }
    assert_eq!(sorter.pop().map(|item| item.place.frame), Some(8));
    assert_eq!(sorter.pop().map(|item| item.place.frame), Some(2));
    assert!(sorter.pop().is_none());
}
