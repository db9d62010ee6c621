//! Several connections, wake-ups, closing.

use super::*;

pub async fn connections_share_the_records(world: World) {
    let (one, two) = (open(&world).await, open(&world).await);
    append(&one, frame("a", Some(1))).await.unwrap();
    let outcome = append(&two, frame("b", Some(1))).await;
    assert!(matches!(outcome, Err(Failure::Taken)), "{outcome:?}");
    assert_eq!(append(&two, frame("b", None)).await.unwrap().number, 2);
    assert_eq!(
        frames(&one).await,
        [(1, "a".to_owned()), (2, "b".to_owned())]
    );
}

pub async fn notify_wakes_the_others_only(world: World) {
    let (one, one_noted) = open_noting(&world).await;
    let (_two, two_noted) = open_noting(&world).await;
    let (three, three_noted) = open_noting(&world).await;
    three.close();
    one.notify();
    for _ in 0..200 {
        (world.pause)().await;
        if !two_noted.borrow().is_empty() {
            break;
        }
    }
    (world.pause)().await;
    assert_eq!(*two_noted.borrow(), [Event::Wake]);
    assert_eq!(*one_noted.borrow(), []);
    assert_eq!(*three_noted.borrow(), []);
}

pub async fn signals_reach_the_others_only(world: World) {
    let (one, one_noted) = open_noting(&world).await;
    let (_two, two_noted) = open_noting(&world).await;
    let ticket = Id(*b"\0\x01 sixteen bytes");
    let signals = [Signal::Wanted(ticket), Signal::Over(ticket)];
    for signal in signals {
        one.signal(signal);
        for _ in 0..200 {
            (world.pause)().await;
            if two_noted.borrow().last() == Some(&Event::Signal(signal)) {
                break;
            }
        }
    }
    assert_eq!(*two_noted.borrow(), signals.map(Event::Signal));
    assert_eq!(*one_noted.borrow(), []);
    one.close();
    one.signal(signals[0]);
    (world.pause)().await;
    assert_eq!(two_noted.borrow().len(), 2);
}

pub async fn closing_settles_what_is_under_way_and_ends_the_rest(world: World) {
    let (backend, noted) = open_noting(&world).await;
    let under_way = append(&backend, frame("a", None));
    let flip = backend.flip(
        Box::new(|_| Some(vec![put(RecordKey::Head, "h")])),
        Durability::Relaxed,
    );
    backend.close();
    backend.close();
    let lost = write(&backend, vec![put(RecordKey::Head, "too late")]).await;
    assert!(matches!(lost, Err(Failure::Lost)), "{lost:?}");
    assert!(matches!(
        backend.read(vec![Read::Get(RecordKey::Head)]).await,
        Err(Failure::Lost)
    ));
    assert!(matches!(
        append(&backend, frame("b", None)).await,
        Err(Failure::Lost)
    ));
    let decide = |_| panic!("asked on a closed connection");
    let late_flip = backend.flip(Box::new(decide), Durability::Relaxed).await;
    assert!(matches!(late_flip, Err(Failure::Lost)), "{late_flip:?}");
    assert_eq!(under_way.await.unwrap().number, 1);
    assert!(flip.await.unwrap());
    backend.notify();
    (world.pause)().await;
    assert_eq!(*noted.borrow(), []);
    assert_eq!(
        get(&open(&world).await, RecordKey::Head).await,
        Some(text("h"))
    );
}

pub async fn reopening_finds_everything(world: World) {
    let backend = open(&world).await;
    append(&backend, frame("a", None)).await.unwrap();
    write(&backend, vec![put(RecordKey::Root, "r")])
        .await
        .unwrap();
    backend.close();
    let again = open(&world).await;
    assert_eq!(frames(&again).await, [(1, "a".to_owned())]);
    assert_eq!(get(&again, RecordKey::Root).await, Some(text("r")));
    assert_eq!(append(&again, frame("b", None)).await.unwrap().number, 2);
}
