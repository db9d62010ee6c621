use super::*;
use crate::codec::io::put_varint;
use crate::codec::value::testing::any_string;
use bytes::Bytes;
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn every_part() -> Definition {
    Definition {
        indexes: vec![
            Index {
                number: 300,
                flags: flag::UNIQUE | flag::DEFINED,
                fields: vec!["a".into(), "b.c".into()],
            },
            Index {
                number: 7,
                flags: flag::MULTI | flag::CREATED | flag::BUILDING,
                fields: vec!["é".into()],
            },
        ],
        references: vec![Reference {
            field: "owner".into(),
            collection: "users".into(),
            on_delete: OnDelete::SetNull,
            flags: flag::LEAVING,
            index: 300,
        }],
        sequences: vec![
            Sequence {
                field: "n".into(),
                flags: flag::BUILDING,
                per: Some("year".into()),
            },
            Sequence {
                field: "m".into(),
                flags: 0,
                per: None,
            },
        ],
        build: Some(301),
        more: Tags::default(),
    }
}

/// As stored for good: a library that writes other bytes reads other ones, too.
const STORED: &str = "0138\
    0211 02 ac02 11 02 0161 03622e63 07 0e 01 02c3a9\
    0411 01 056f776e6572 057573657273 02 40 ac02\
    060c 02 016e 05 0479656172 016d 00\
    0802 ad02";

#[test]
fn a_record_is_stored_byte_by_byte() {
    let stored: String = STORED.split_whitespace().collect();
    assert_eq!(hex(&every_part().encode()), stored);
    assert_eq!(hex(&Definition::default().encode()), "0100");
    assert!(Definition::default().is_empty() && !every_part().is_empty());
}

fn index() -> impl Strategy<Value = Index> {
    let fields = prop::collection::vec(any_string(), 1..4);
    (any::<u64>(), any::<u8>(), fields).prop_map(|(number, flags, fields)| Index {
        number,
        flags: flags & flag::OF_INDEX,
        fields,
    })
}

fn reference() -> impl Strategy<Value = Reference> {
    let how = prop::sample::select(vec![
        OnDelete::Restrict,
        OnDelete::Cascade,
        OnDelete::SetNull,
    ]);
    (any_string(), any_string(), how, any::<u8>(), any::<u64>()).prop_map(
        |(field, collection, on_delete, flags, index)| Reference {
            field,
            collection,
            on_delete,
            flags: flags & flag::OF_REFERENCES,
            index,
        },
    )
}

fn sequence() -> impl Strategy<Value = Sequence> {
    (any_string(), any::<u8>(), prop::option::of(any_string())).prop_map(|(field, flags, per)| {
        Sequence {
            field,
            flags: flags & (flag::BUILDING | flag::LEAVING),
            per,
        }
    })
}

proptest! {
    #[test]
    fn what_is_defined_comes_back(
        indexes in prop::collection::vec(index(), 0..4),
        references in prop::collection::vec(reference(), 0..3),
        sequences in prop::collection::vec(sequence(), 0..3),
        build in prop::option::of(any::<u64>()),
        unknown in prop::option::of(Just(Tags::of_field(5, b"kept"))),
    ) {
        let more = unknown.unwrap_or_default();
        let definition = Definition { indexes, references, sequences, build, more };
        let record = definition.encode();
        prop_assert_eq!(Definition::decode(record.clone()).unwrap(), definition);
        for cut in 0..record.len() {
            prop_assert!(Definition::decode(record.slice(..cut)).is_err());
        }
        let longer = [&record[..], &[0]].concat();
        prop_assert!(Definition::decode(longer.into()).is_err());
    }

    #[test]
    fn noise_never_panics(mut noise: Vec<u8>, tag in 0u64..10) {
        drop(Definition::decode(noise.clone().into()));
        let mut record = vec![1];
        Tags::of_field(tag, &std::mem::take(&mut noise)).put(&mut record);
        drop(Definition::decode(record.into()));
    }
}

fn code_of(tag: u64, payload: &[u8]) -> Option<Code> {
    let mut record = vec![1];
    Tags::of_field(tag, payload).put(&mut record);
    let decoded = Definition::decode(record.into());
    decoded.err().map(|error| error.code())
}

#[test]
fn what_a_later_library_stores_is_unsupported() {
    let unsupported = Some(Code::UnsupportedFormat);
    let of_version = |version: u8| Definition::decode(Bytes::from(vec![version, 0]));
    assert_eq!(of_version(2).unwrap_err().code(), Code::UnsupportedFormat);
    assert!(of_version(1).unwrap().is_empty());
    assert_eq!(code_of(10, b""), unsupported);
    assert_eq!(code_of(11, b""), None);
    // Flags: of an index 80, of references 01, of sequences 02; an onDelete.
    assert_eq!(code_of(2, b"\x01\x07\x80\x01\x01a"), unsupported);
    assert_eq!(code_of(4, b"\x01\x01a\x01b\x00\x01\x07"), unsupported);
    assert_eq!(code_of(4, b"\x01\x01a\x01b\x03\x00\x07"), unsupported);
    assert_eq!(code_of(6, b"\x01\x01a\x02"), unsupported);
    // The same without them.
    assert_eq!(code_of(2, b"\x01\x07\x7f\x01\x01a"), None);
    assert_eq!(code_of(4, b"\x01\x01a\x01b\x02\x44\x07"), None);
    assert_eq!(code_of(6, b"\x01\x01a\x44"), None);
    // Broken: no field, no text, a number and something behind it.
    assert_eq!(code_of(2, b"\x01\x07\x00\x00"), Some(Code::Corrupt));
    assert_eq!(code_of(6, b"\x01\x01\xff\x00"), Some(Code::Corrupt));
    let mut number = Vec::new();
    put_varint(&mut number, 300);
    assert_eq!(code_of(8, &number), None);
    number.push(0);
    assert_eq!(code_of(8, &number), unsupported);
}

#[test]
fn limits_are_checked_before_anything_is_stored() {
    let with = |indexes: usize, fields: usize| {
        let fields = (0..fields).map(|at| at.to_string().into()).collect();
        let index = Index {
            number: 1,
            flags: 0,
            fields,
        };
        Definition {
            indexes: vec![index; indexes],
            ..Definition::default()
        }
        .check()
    };
    assert!(with(MAX_INDEXES, MAX_FIELDS).is_ok());
    let code = |checked: Result<()>| checked.unwrap_err().code();
    assert_eq!(code(with(MAX_INDEXES + 1, 1)), Code::LimitExceeded);
    assert_eq!(code(with(1, MAX_FIELDS + 1)), Code::LimitExceeded);
    assert_eq!(code(with(1, 0)), Code::InvalidArgument);
    let mut twice = every_part();
    assert!(twice.check().is_ok());
    twice.indexes[0].fields[1] = "a".into();
    let error = twice.check().unwrap_err();
    assert_eq!(error.message(), "an index has the field \"a\" twice");
    for at in 0..4 {
        let mut unnamed = every_part();
        match at {
            0 => unnamed.indexes[0].fields[1] = "".into(),
            1 => unnamed.references[0].collection = "".into(),
            2 => unnamed.sequences[0].per = Some("".into()),
            _ => unnamed.sequences[0].field = "x".repeat(1001).as_str().into(),
        }
        assert_eq!(code(unnamed.check()), Code::InvalidArgument, "{at}");
    }
}

#[test]
fn an_index_is_shown_once_it_is_ready_and_asked_for() {
    let of = |flags| Index {
        number: 1,
        flags,
        fields: vec!["a".into()],
    };
    assert!(of(flag::CREATED).is_listed() && of(flag::DEFINED | flag::OF_REFERENCE).is_listed());
    assert!(!of(flag::OF_REFERENCE).is_listed() && of(flag::OF_REFERENCE).is_ready());
    assert!(!of(flag::CREATED | flag::BUILDING).is_listed());
    // What leaves holds until the build ends.
    assert!(of(flag::DEFINED | flag::LEAVING).is_ready());
}
