use super::*;
use crate::codec::seal::{self, Record};
use crate::codec::value::{Value, attached};

fn value(names: &[u8]) -> Bytes {
    let blobs = names.iter().map(|name| Value::Attached {
        id: Id([*name; 16]),
        size: 100 + u64::from(*name),
        media_type: "text/plain".into(),
        file: None,
    });
    Value::Array(blobs.collect()).encode().unwrap()
}

fn blob(text: &str) -> Blob {
    Rc::new(text.to_owned())
}

fn text(name: u8) -> Option<String> {
    let blob = get(Id([name; 16])).ok()?;
    Some(blob.downcast_ref::<String>().unwrap().clone())
}

#[test]
fn are_kept_as_long_as_any_of_the_bytes() {
    let offered = offered(value(&[1, 2]), vec![blob("one"), blob("two")]).unwrap();
    let copied = held(Bytes::copy_from_slice(&offered));
    let part = copied.slice(1..);
    assert_eq!((kept(), text(1)), (2, Some("one".into())));
    drop((offered, copied));
    assert_eq!((kept(), text(2)), (2, Some("two".into())));
    drop(part);
    assert_eq!((kept(), text(1), text(2)), (0, None, None));
}

#[test]
fn those_of_the_store_take_the_place_of_those_given() {
    let given = offered(value(&[1]), vec![blob("given")]).unwrap();
    let stored = offered(value(&[1]), vec![blob("stored")]).unwrap();
    assert_eq!(text(1), Some("stored".into()));
    drop(stored);
    assert_eq!((kept(), text(1)), (1, Some("stored".into())));
    drop(given);
    assert_eq!(kept(), 0);
}

#[test]
fn one_that_nobody_has_kept_is_told() {
    let forged = held(value(&[1]));
    assert!(all(&forged).is_err());
    assert_eq!(kept(), 0);
    assert!(offered(value(&[1, 2]), vec![blob("one")]).is_err());
    assert_eq!(kept(), 0);
}

#[test]
fn a_record_keeps_them_as_its_value_does() {
    let value = offered(value(&[1]), vec![blob("one")]).unwrap();
    let of = Record::piece(crate::record::Id([7; 16]));
    let mut out = seal::start(of, value.len());
    out.extend_from_slice(&value);
    let record = held(seal::finish(of, out));
    drop(value);
    let opened = seal::open(of, &record).unwrap();
    drop(record);
    assert_eq!(all(&opened).unwrap().len(), 1);
    drop(opened);
    assert_eq!(kept(), 0);
}

#[test]
fn other_bytes_have_none() {
    for other in [&b""[..], b"PS", b"\x02\x01\x0c\x00", b"\x01{}"] {
        assert!(names(other).unwrap().is_empty());
    }
    assert!(names(b"\x02\x02\xff").is_err());
    assert_eq!(held(Bytes::from_static(b"\x02\x02\xff")).len(), 3);
}

#[test]
fn contents_can_be_put_into_the_value() {
    let value = value(&[1, 2]);
    let inlined = attached::inlined(&value, &[b"one".to_vec(), b"two".to_vec()]).unwrap();
    let expected = [&b"one"[..], b"two"].map(|text| Value::Blob("text/plain".into(), text.into()));
    assert_eq!(
        Value::decode(&inlined).unwrap(),
        Value::Array(expected.into())
    );
    assert!(attached::inlined(&value, &[b"one".to_vec()]).is_err());
    assert_eq!(attached::bytes_beside(&value), 203);
}
