//! Transactions that decide in between.

use super::*;
use patchstore::backend::Seen;

pub async fn a_flip_sees_and_writes(world: World) {
    let backend = open(&world).await;
    let noted = Rc::new(RefCell::new(Vec::new()));
    let flip = |writes: Vec<Write>| {
        let noted = Rc::clone(&noted);
        let decide = move |seen: Seen| {
            noted.borrow_mut().push(seen);
            Some(writes)
        };
        backend.flip(Box::new(decide), Durability::Relaxed)
    };
    assert!(
        flip(vec![
            put(RecordKey::Head, "h"),
            put(RecordKey::Run(id(1)), "run")
        ])
        .await
        .unwrap()
    );
    for content in ["a", "b", "c"] {
        append(&backend, frame(content, None)).await.unwrap();
    }
    let writes = vec![
        put(RecordKey::Head, "h2"),
        put(RecordKey::Root, "r2"),
        Write::Delete(RecordKey::Run(id(1))),
        Write::CutLog { through: 2 },
        put(RecordKey::Piece(id(1)), "piece"),
    ];
    assert!(flip(writes).await.unwrap());
    let expected = [
        Seen {
            head: None,
            last_frame: None,
        },
        Seen {
            head: Some(text("h")),
            last_frame: Some(3),
        },
    ];
    assert_eq!(*noted.borrow(), expected);
    assert_eq!(get(&backend, RecordKey::Head).await, Some(text("h2")));
    assert_eq!(get(&backend, RecordKey::Root).await, Some(text("r2")));
    assert_eq!(get(&backend, RecordKey::Run(id(1))).await, None);
    assert_eq!(
        get(&backend, RecordKey::Piece(id(1))).await,
        Some(text("piece"))
    );
    assert_eq!(frames(&backend).await, [(3, "c".to_owned())]);
}

pub async fn a_flip_that_declines_writes_nothing(world: World) {
    let backend = open(&world).await;
    write(&backend, vec![put(RecordKey::Head, "h")])
        .await
        .unwrap();
    let declined = backend.flip(Box::new(|_| None), Durability::Relaxed);
    let next = write(&backend, vec![put(RecordKey::Root, "r")]);
    assert!(!declined.await.unwrap());
    next.await.unwrap();
    assert_eq!(get(&backend, RecordKey::Head).await, Some(text("h")));
}

pub async fn a_flip_that_fails_writes_nothing(world: World) {
    let backend = open(&world).await;
    let decide = |_| {
        Some(vec![
            put(RecordKey::Head, "h"),
            put(RecordKey::Frame(1), "frame"),
        ])
    };
    assert!(is_aborted(
        &backend.flip(Box::new(decide), Durability::Relaxed).await
    ));
    assert_eq!(get(&backend, RecordKey::Head).await, None);
    assert_eq!(frames(&backend).await, []);
}

pub async fn flips_take_turns_with_everything_else(world: World) {
    let backend = open(&world).await;
    let decide = |seen: Seen| {
        assert_eq!(seen.last_frame, Some(1));
        Some(vec![put(RecordKey::Head, "flipped")])
    };
    let before = append(&backend, frame("a", None));
    let flip = backend.flip(Box::new(decide), Durability::Relaxed);
    let after = append(&backend, frame("b", None));
    assert_eq!(
        after.await.unwrap(),
        Appended {
            number: 2,
            head: None
        }
    );
    assert_eq!(get(&backend, RecordKey::Head).await, Some(text("flipped")));
    assert!(flip.await.unwrap());
    assert_eq!(
        before.await.unwrap(),
        Appended {
            number: 1,
            head: None
        }
    );
}

pub async fn flips_of_two_connections_lose_no_update(world: World) {
    let (one, two) = (open(&world).await, open(&world).await);
    let count = |seen: Seen| {
        let count = seen.head.map_or(0, |head| head[0]);
        Some(vec![Write::Put(
            RecordKey::Head,
            Bytes::copy_from_slice(&[count + 1]),
        )])
    };
    let mut outcomes = Vec::new();
    for _ in 0..10 {
        outcomes.push(one.flip(Box::new(count), Durability::Relaxed));
        outcomes.push(two.flip(Box::new(count), Durability::Relaxed));
    }
    for outcome in outcomes {
        assert!(outcome.await.unwrap());
    }
    assert_eq!(get(&one, RecordKey::Head).await.unwrap().as_ref(), [20]);
}
