use super::*;

/// Whether all numbers are distinct.
fn are_apart(mut numbers: Vec<u64>) -> bool {
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len() == count
}

#[test]
fn nothing_is_given_out_twice() {
    let bytes = |list: &[u8]| list.iter().map(|&byte| byte.into()).collect();
    let tags = |list: &[(u64, &str)]| list.iter().map(|(tag, _)| *tag).collect();
    assert!(are_apart(bytes(&record::ALL)));
    assert!(are_apart(bytes(&[op::PUT, op::DELETE, op::DELETE_RANGE])));
    assert!(are_apart(bytes(&[
        op::INLINE,
        op::OWN_ORDER,
        op::PIECE,
        op::SHARED
    ])));
    assert!(are_apart(bytes(&[
        cell::TOMBSTONE,
        cell::INLINE,
        cell::PIECE,
        cell::SHARED
    ])));
    assert!(are_apart(bytes(&[store::RUNS, store::BLOBS])));
    for list in [
        &mark::ALL[..],
        &tag::HEAD,
        &tag::FRAME,
        &tag::ROOT,
        &tag::ENTRY,
    ] {
        assert!(are_apart(tags(list)), "{list:?}");
        // Needed tags are even, and all reserved tags are needed.
        assert!(
            list.iter()
                .all(|(number, _)| number % 2 == 0 && *number < tag::TEST_NEEDED)
        );
    }
}

#[test]
fn flags_are_bits_apart() {
    let op = [op::CODE, op::OWN_KEY, op::VALUE, op::MARKS];
    let cell = [cell::VALUE, cell::KEY_HOLE, cell::VALUE_HOLE, cell::MARKS];
    let entry = [
        entry::HOLES,
        entry::FIRST_HOLE,
        entry::LAST_HOLE,
        entry::PIECES,
        entry::EXPIRY,
        entry::TAGS,
    ];
    for (flags, free) in [(&op[..], 0x40), (&cell, 0xE0), (&entry, 0x50)] {
        let bits: u32 = flags.iter().map(|flag| flag.count_ones()).sum();
        let all = flags.iter().fold(0, |all, flag| all | flag);
        assert_eq!((bits, all), (u8::count_ones(!free), !free));
    }
}

#[test]
fn no_kind_of_key_is_given_out_twice() {
    for pair in key::GIVEN_OUT.windows(2) {
        let [(from, to, what), (next, ..)] = pair else {
            continue;
        };
        assert!(from <= to && to < next, "{what}");
    }
    let others = [
        key::META,
        key::ADAPTER_RECORD,
        key::ADAPTER_META,
        key::ADAPTER_ENTRY,
        key::ADAPTER_LAST,
    ];
    let all: Vec<u8> = key::OWNED.into_iter().chain(others).collect();
    assert!(are_apart(all.iter().map(|&kind| kind.into()).collect()));
    for kind in all {
        let of = |(from, to, _): &&(u8, u8, &str)| (*from..=*to).contains(&kind);
        assert_eq!(key::GIVEN_OUT.iter().filter(of).count(), 1);
    }
}

#[test]
fn the_facade_has_the_same_numbers() {
    let form = include_str!("../../facade/values/exact/form.ts");
    let number_of = |name: &str| -> u8 {
        let line = form.lines().find_map(|line| {
            let line = line.trim().trim_start_matches("export const ");
            line.strip_prefix(name)?.strip_prefix(" = ")
        });
        let digits = line.unwrap_or_else(|| panic!("there is no {name}"));
        digits.trim_end_matches([',', ';']).parse().unwrap()
    };
    let numbers = [
        ("EXACT", value::EXACT),
        ("EXACT_VERSION", value::EXACT_VERSION),
        ("EXACT_ATTACHED", value::EXACT_ATTACHED),
        ("EXACT_CITING", value::EXACT_CITING),
        ("EXACT_BOTH", value::EXACT_BOTH),
        ("Null", node::NULL),
        ("Undefined", node::UNDEFINED),
        ("False", node::FALSE),
        ("True", node::TRUE),
        ("Number", node::NUMBER),
        ("Integer", node::INTEGER),
        ("BigInt", node::BIGINT),
        ("String", node::STRING),
        ("Date", node::DATE),
        ("Bytes", node::BYTES),
        ("Blob", node::BLOB),
        ("File", node::FILE),
        ("Array", node::ARRAY),
        ("Object", node::OBJECT),
        ("Map", node::MAP),
        ("Set", node::SET),
        ("AttachedBlob", node::ATTACHED_BLOB),
        ("AttachedFile", node::ATTACHED_FILE),
        ("BlobRef", node::BLOB_REF),
    ];
    for (name, number) in numbers {
        assert_eq!(number_of(name), number, "{name}");
    }
}
