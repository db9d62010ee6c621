use super::*;
use crate::codec::io::put_varint;
use crate::error::Code;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn list(fields: &[(u64, &[u8])]) -> Bytes {
    let mut out = Vec::new();
    for (tag, payload) in fields {
        put_varint(&mut out, *tag);
        put_bytes(&mut out, payload);
    }
    out.into()
}

proptest! {
    #[test]
    fn fields_are_found_and_kept_to_the_byte(
        fields in prop::collection::btree_map(any::<u64>(), prop::collection::vec(any::<u8>(), 0..9), 0..6),
        absent: u64,
    ) {
        let fields: BTreeMap<u64, Vec<u8>> = fields;
        let pairs: Vec<(u64, &[u8])> = fields.iter().map(|(tag, payload)| (*tag, &payload[..])).collect();
        let encoded = list(&pairs);
        let mut record = Vec::new();
        Tags::of(encoded.clone()).unwrap().put(&mut record);
        record.push(7);
        let mut input = Input::new(record.into(), "test");
        let tags = Tags::read(&mut input).unwrap();
        prop_assert_eq!(input.remaining(), 1);
        prop_assert_eq!(&tags.0, &encoded);
        for (tag, payload) in &fields {
            prop_assert_eq!(find(&tags.0, *tag), Some(&payload[..]));
        }
        prop_assert_eq!(find(&tags.0, absent), fields.get(&absent).map(Vec::as_slice));
        let even: Vec<u64> = fields.keys().copied().filter(|tag| tag % 2 == 0).collect();
        prop_assert!(tags.needs(&even, "test").is_ok());
        if let Some((_, known)) = even.split_first() {
            let error = tags.needs(known, "test").unwrap_err();
            prop_assert_eq!(error.code(), Code::UnsupportedFormat);
        }
    }

    #[test]
    fn noise_is_refused_or_a_list(noise: Vec<u8>) {
        let noise = Bytes::from(noise);
        if Tags::of(noise.clone()).is_ok() {
            drop(needs(&noise, &[], "test"));
            prop_assert!(find(&noise, 1).is_none_or(|payload| payload.len() < noise.len()));
        }
    }
}

#[test]
fn fields_stand_in_order_and_each_once() {
    for (fields, is_list) in [
        (&[(1, &b"a"[..]), (3, b"")][..], true),
        (&[(3, b""), (1, b"a")], false),
        (&[(3, b""), (3, b"")], false),
        (&[(0, b"")], true),
    ] {
        assert_eq!(Tags::of(list(fields)).is_ok(), is_list, "{fields:?}");
    }
    // Truncated anywhere except between two fields.
    let whole = list(&[(1, b"abc"), (300, b"de")]);
    for at in 1..whole.len() {
        assert_eq!(Tags::of(whole.slice(..at)).is_ok(), at == 5, "{at}");
    }
    // A length that exceeds any memory.
    assert!(Tags::of(Bytes::from_static(&[1, 0x80, 0x80, 0x80, 0x80, 0x10])).is_err());
}
