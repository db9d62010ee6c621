//! Numbers and frames of the log.

use super::*;

fn named(frames: &[(u64, &str)]) -> Vec<(u64, String)> {
    frames
        .iter()
        .map(|(number, content)| (*number, (*content).to_owned()))
        .collect()
}

pub async fn frames_are_numbered_in_the_order_of_the_calls(world: World) {
    let backend = open(&world).await;
    let outcomes: Vec<_> = ["a", "b", "c"]
        .map(|content| append(&backend, frame(content, None)))
        .into();
    for (index, outcome) in outcomes.into_iter().enumerate().rev() {
        assert_eq!(outcome.await.unwrap().number, index as u64 + 1);
    }
    assert_eq!(
        frames(&backend).await,
        named(&[(1, "a"), (2, "b"), (3, "c")])
    );
}

pub async fn frames_are_read_in_pages(world: World) {
    let backend = open(&world).await;
    let outcomes: Vec<_> = (1..=30)
        .map(|n| append(&backend, frame(&format!("f{n}"), None)))
        .collect();
    for outcome in outcomes {
        outcome.await.unwrap();
    }
    for (after, limit, expected) in [
        (0, 3, vec![1, 2, 3]),
        (10, 2, vec![11, 12]),
        (28, 10, vec![29, 30]),
        (30, 10, vec![]),
        (99, 10, vec![]),
        (u64::MAX, 10, vec![]),
        (0, 0, vec![]),
    ] {
        let replies = backend
            .read(vec![Read::Frames { after, limit }])
            .await
            .unwrap();
        let page = expected
            .into_iter()
            .map(|n| (n, text(&format!("f{n}"))))
            .collect();
        assert_eq!(
            replies,
            [Reply::Frames(page)],
            "after {after}, at most {limit}"
        );
    }
}

pub async fn an_explicit_number_moves_the_generator(world: World) {
    let backend = open(&world).await;
    assert_eq!(
        append(&backend, frame("a", Some(1))).await.unwrap().number,
        1
    );
    assert_eq!(append(&backend, frame("b", None)).await.unwrap().number, 2);
    assert_eq!(
        append(&backend, frame("c", Some(10))).await.unwrap().number,
        10
    );
    assert_eq!(append(&backend, frame("d", None)).await.unwrap().number, 11);
    let expected = named(&[(1, "a"), (2, "b"), (10, "c"), (11, "d")]);
    assert_eq!(frames(&backend).await, expected);
}

pub async fn a_filled_hole_does_not_move_the_generator(world: World) {
    let backend = open(&world).await;
    append(&backend, frame("a", Some(10))).await.unwrap();
    assert_eq!(
        append(&backend, frame("b", Some(4))).await.unwrap().number,
        4
    );
    assert_eq!(append(&backend, frame("c", None)).await.unwrap().number, 11);
}

pub async fn a_taken_number_writes_nothing(world: World) {
    let backend = open(&world).await;
    append(&backend, frame("a", None)).await.unwrap();
    let refused = Append {
        frame: text("b"),
        at: Some(1),
        pieces: vec![(id(1), text("piece"))],
    };
    let outcome = append(&backend, refused).await;
    assert!(matches!(outcome, Err(Failure::Taken)), "{outcome:?}");
    assert_eq!(frames(&backend).await, named(&[(1, "a")]));
    assert_eq!(get(&backend, RecordKey::Piece(id(1))).await, None);
    // Two that want the same number, at once: the first call gets it. The connection goes on.
    let first = append(&backend, frame("c", Some(2)));
    let second = append(&backend, frame("d", Some(2)));
    let third = append(&backend, frame("e", None));
    assert!(matches!(second.await, Err(Failure::Taken)));
    assert_eq!(first.await.unwrap().number, 2);
    assert_eq!(third.await.unwrap().number, 3);
    assert_eq!(
        frames(&backend).await,
        named(&[(1, "a"), (2, "c"), (3, "e")])
    );
}

pub async fn cutting_the_log_keeps_the_numbers_going(world: World) {
    let backend = open(&world).await;
    for content in ["a", "b", "c"] {
        append(&backend, frame(content, None)).await.unwrap();
    }
    write(&backend, vec![Write::CutLog { through: 0 }])
        .await
        .unwrap();
    assert_eq!(frames(&backend).await.len(), 3);
    write(&backend, vec![Write::CutLog { through: 2 }])
        .await
        .unwrap();
    assert_eq!(frames(&backend).await, named(&[(3, "c")]));
    write(&backend, vec![Write::Delete(RecordKey::Frame(3))])
        .await
        .unwrap();
    assert_eq!(append(&backend, frame("d", None)).await.unwrap().number, 4);
    write(&backend, vec![Write::CutLog { through: u64::MAX }])
        .await
        .unwrap();
    assert_eq!(frames(&backend).await, []);
    assert_eq!(append(&backend, frame("e", None)).await.unwrap().number, 5);
    // A number that was cut is free again for whoever names it.
    assert_eq!(
        append(&backend, frame("f", Some(1))).await.unwrap().number,
        1
    );
}

pub async fn an_append_by_number_sees_the_head_of_its_moment(world: World) {
    let backend = open(&world).await;
    let before = append(&backend, frame("a", Some(1)));
    let head = write(&backend, vec![put(RecordKey::Head, "h1")]);
    let unnumbered = append(&backend, frame("b", None));
    let after = append(&backend, frame("c", Some(3)));
    assert_eq!(before.await.unwrap().head, None);
    head.await.unwrap();
    assert_eq!(unnumbered.await.unwrap().head, None);
    assert_eq!(after.await.unwrap().head, Some(text("h1")));
}

pub async fn a_write_can_add_a_frame(world: World) {
    let backend = open(&world).await;
    let add = |at: Option<u64>, content: &str| Write::Add(at, text(content));
    write(&backend, vec![add(None, "a"), put(RecordKey::Head, "h1")])
        .await
        .unwrap();
    assert_eq!(frames(&backend).await, named(&[(1, "a")]));
    // What is cut behind it in the same transaction has used up its number all the same.
    let all = Write::CutLog { through: u64::MAX };
    write(&backend, vec![add(None, "b"), all.clone()])
        .await
        .unwrap();
    assert_eq!(frames(&backend).await, []);
    assert_eq!(append(&backend, frame("c", None)).await.unwrap().number, 3);
    write(&backend, vec![add(Some(9), "d"), all]).await.unwrap();
    assert_eq!(append(&backend, frame("e", None)).await.unwrap().number, 10);
    // A number that is taken takes everything back.
    let refused = write(
        &backend,
        vec![put(RecordKey::Head, "h2"), add(Some(10), "f")],
    )
    .await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(get(&backend, RecordKey::Head).await, Some(text("h1")));
    assert_eq!(frames(&backend).await, named(&[(10, "e")]));
}

pub async fn an_append_brings_its_pieces(world: World) {
    let backend = open(&world).await;
    let pieces = vec![(id(1), text("one")), (id(2), text("two"))];
    append(
        &backend,
        Append {
            frame: text("a"),
            at: None,
            pieces,
        },
    )
    .await
    .unwrap();
    assert_eq!(
        get(&backend, RecordKey::Piece(id(1))).await,
        Some(text("one"))
    );
    assert_eq!(
        get(&backend, RecordKey::Piece(id(2))).await,
        Some(text("two"))
    );
    assert_eq!(get(&backend, RecordKey::Run(id(1))).await, None);
    let pieces = vec![(id(1), text("replaced"))];
    append(
        &backend,
        Append {
            frame: text("b"),
            at: Some(2),
            pieces,
        },
    )
    .await
    .unwrap();
    assert_eq!(
        get(&backend, RecordKey::Piece(id(1))).await,
        Some(text("replaced"))
    );
}

pub async fn numbers_end_at_2_to_the_53(world: World) {
    let backend = open(&world).await;
    assert!(is_aborted(
        &append(&backend, frame("a", Some((1 << 53) + 1))).await
    ));
    assert_eq!(append(&backend, frame("b", None)).await.unwrap().number, 1);
    let last = 1 << 53;
    assert_eq!(
        append(&backend, frame("c", Some(last)))
            .await
            .unwrap()
            .number,
        last
    );
    assert!(is_aborted(&append(&backend, frame("d", None)).await));
    assert_eq!(frames(&backend).await, named(&[(1, "b"), (last, "c")]));
}

pub async fn a_database_that_was_cleared_is_empty_and_goes_on_counting(world: World) {
    let backend = open(&world).await;
    let writes = vec![
        put(RecordKey::Head, "h"),
        put(RecordKey::Root, "r"),
        put(RecordKey::Run(id(1)), "run"),
        put(RecordKey::Piece(id(1)), "piece"),
    ];
    write(&backend, writes).await.unwrap();
    append(&backend, frame("a", None)).await.unwrap();
    let clear = vec![
        Write::Delete(RecordKey::Head),
        Write::Delete(RecordKey::Root),
        Write::CutLog { through: u64::MAX },
        Write::Clear(IdStore::Runs),
        Write::Clear(IdStore::Blobs),
    ];
    let flip = backend.flip(Box::new(|_| Some(clear)), Durability::Strict);
    assert!(flip.await.unwrap());
    for key in [
        RecordKey::Head,
        RecordKey::Root,
        RecordKey::Run(id(1)),
        RecordKey::Piece(id(1)),
    ] {
        assert_eq!(get(&backend, key).await, None);
    }
    let appended = append(&backend, frame("b", None)).await.unwrap();
    assert_eq!((appended.number, appended.head), (2, None));
    assert_eq!(frames(&backend).await, named(&[(2, "b")]));
}
