//! Plain reads and writes.

use super::*;
use patchstore::backend::IdStore;

pub async fn a_new_database_is_empty(world: World) {
    let backend = open(&world).await;
    let reads = vec![
        Read::Get(RecordKey::Head),
        Read::Get(RecordKey::Root),
        Read::Get(RecordKey::Frame(1)),
        Read::Get(RecordKey::Run(id(1))),
        Read::Get(RecordKey::Piece(id(1))),
        Read::Frames {
            after: 0,
            limit: 10,
        },
        Read::Ids(IdStore::Runs),
        Read::Count(IdStore::Blobs),
    ];
    let mut expected = vec![Reply::Record(None); 5];
    expected.extend([Reply::Frames(vec![]), Reply::Ids(vec![]), Reply::Count(0)]);
    assert_eq!(backend.read(reads).await.unwrap(), expected);
}

pub async fn bytes_come_back_as_they_were(world: World) {
    let backend = open(&world).await;
    for length in [0, 1, 255, 60_000, 70_000, 1 << 20] {
        let bytes: Vec<u8> = (0..length).map(|i: u32| (i % 251) as u8).collect();
        // A slice of something larger, as frames cut out of a buffer are.
        let larger = Bytes::from([b"before", bytes.as_slice(), b"after"].concat());
        let slice = larger.slice(6..6 + bytes.len());
        write(&backend, vec![Write::Put(RecordKey::Run(id(7)), slice)])
            .await
            .unwrap();
        assert_eq!(get(&backend, RecordKey::Run(id(7))).await.unwrap(), bytes);
    }
}

pub async fn stores_do_not_mix(world: World) {
    let backend = open(&world).await;
    let writes = vec![
        put(RecordKey::Head, "head"),
        put(RecordKey::Root, "root"),
        put(RecordKey::Run(id(1)), "run"),
        put(RecordKey::Piece(id(1)), "piece"),
    ];
    write(&backend, writes).await.unwrap();
    append(&backend, frame("frame", None)).await.unwrap();
    let keys = [
        RecordKey::Head,
        RecordKey::Root,
        RecordKey::Run(id(1)),
        RecordKey::Piece(id(1)),
        RecordKey::Frame(1),
    ];
    for (key, content) in keys
        .into_iter()
        .zip(["head", "root", "run", "piece", "frame"])
    {
        assert_eq!(get(&backend, key).await, Some(text(content)), "{key:?}");
    }
    write(
        &backend,
        vec![
            Write::Delete(RecordKey::Run(id(1))),
            Write::Delete(RecordKey::Head),
        ],
    )
    .await
    .unwrap();
    assert_eq!(get(&backend, RecordKey::Run(id(1))).await, None);
    assert_eq!(get(&backend, RecordKey::Head).await, None);
    assert_eq!(
        get(&backend, RecordKey::Piece(id(1))).await,
        Some(text("piece"))
    );
    assert_eq!(get(&backend, RecordKey::Root).await, Some(text("root")));
}

pub async fn ids_are_sorted_and_counted(world: World) {
    let backend = open(&world).await;
    let puts = [0xff, 0x00, 0x9a, 0xa9, 0x10].map(|byte| put(RecordKey::Run(id(byte)), "x"));
    write(&backend, puts.to_vec()).await.unwrap();
    write(&backend, vec![put(RecordKey::Run(id(0x10)), "again")])
        .await
        .unwrap();
    let reads = vec![
        Read::Ids(IdStore::Runs),
        Read::Count(IdStore::Runs),
        Read::Ids(IdStore::Blobs),
        Read::Count(IdStore::Blobs),
    ];
    let sorted = [0x00, 0x10, 0x9a, 0xa9, 0xff].map(id).to_vec();
    assert_eq!(
        backend.read(reads).await.unwrap(),
        [
            Reply::Ids(sorted),
            Reply::Count(5),
            Reply::Ids(vec![]),
            Reply::Count(0)
        ]
    );
}

pub async fn deleting_what_is_not_there_is_fine(world: World) {
    let backend = open(&world).await;
    let deletes = [
        RecordKey::Head,
        RecordKey::Root,
        RecordKey::Frame(9),
        RecordKey::Run(id(1)),
        RecordKey::Piece(id(1)),
    ];
    let mut writes = deletes.map(Write::Delete).to_vec();
    writes.push(Write::CutLog { through: 5 });
    write(&backend, writes).await.unwrap();
}

pub async fn transactions_of_nothing_succeed(world: World) {
    let backend = open(&world).await;
    assert_eq!(backend.read(vec![]).await.unwrap(), []);
    write(&backend, vec![]).await.unwrap();
    assert!(
        backend
            .flip(Box::new(|_| Some(vec![])), Durability::Relaxed)
            .await
            .unwrap()
    );
}

pub async fn transactions_take_effect_in_the_order_of_the_calls(world: World) {
    let backend = open(&world).await;
    let first = write(
        &backend,
        vec![put(RecordKey::Head, "1"), put(RecordKey::Run(id(1)), "1")],
    );
    let between = backend.read(vec![
        Read::Get(RecordKey::Run(id(1))),
        Read::Get(RecordKey::Head),
    ]);
    let second = write(
        &backend,
        vec![put(RecordKey::Run(id(1)), "2"), put(RecordKey::Head, "2")],
    );
    let after = backend.read(vec![
        Read::Get(RecordKey::Head),
        Read::Get(RecordKey::Run(id(1))),
    ]);
    let record = |content: &str| Reply::Record(Some(text(content)));
    assert_eq!(after.await.unwrap(), [record("2"), record("2")]);
    assert_eq!(between.await.unwrap(), [record("1"), record("1")]);
    second.await.unwrap();
    first.await.unwrap();
}

pub async fn putting_a_frame_is_refused_whole(world: World) {
    let backend = open(&world).await;
    let writes = vec![
        put(RecordKey::Head, "1"),
        put(RecordKey::Frame(1), "x"),
        put(RecordKey::Root, "1"),
    ];
    assert!(is_aborted(&write(&backend, writes).await));
    assert_eq!(get(&backend, RecordKey::Head).await, None);
    assert_eq!(get(&backend, RecordKey::Root).await, None);
    assert_eq!(frames(&backend).await, []);
}

pub async fn strict_writes_are_writes(world: World) {
    let backend = open(&world).await;
    backend
        .write(vec![put(RecordKey::Root, "r")], Durability::Strict)
        .await
        .unwrap();
    let appended = backend
        .append(frame("f", None), Durability::Strict)
        .await
        .unwrap();
    assert_eq!(appended.number, 1);
    let decide = Box::new(|_| Some(vec![put(RecordKey::Head, "h")]));
    assert!(backend.flip(decide, Durability::Strict).await.unwrap());
    assert_eq!(get(&backend, RecordKey::Root).await, Some(text("r")));
    assert_eq!(get(&backend, RecordKey::Head).await, Some(text("h")));
}
