use super::*;

#[test]
fn every_flip_and_every_cut_is_an_error() {
    let mut out = start(Record::FRAME, 9);
    out.extend_from_slice(b"some body");
    let record = finish(Record::FRAME, out);
    let open = |record: &Bytes| open(Record::FRAME, record);
    assert_eq!(open(&record).unwrap().as_ref(), b"some body");
    for at in 0..record.len() * 8 {
        let mut bad = record.to_vec();
        bad[at / 8] ^= 1 << (at % 8);
        assert!(open(&bad.into()).is_err(), "bit {at}");
    }
    for n in 0..record.len() {
        assert!(open(&record.slice(..n)).is_err(), "cut at {n}");
    }
}

#[test]
fn other_versions_are_unsupported() {
    let id = Id([7; 16]);
    let all = [
        Record::HEAD,
        Record::FRAME,
        Record::root(id),
        Record::directory(id),
        Record::segment(id),
        Record::piece(id),
    ];
    for of in all {
        assert!(open(of, &finish(of, start(of, 0))).is_ok());
        for version in [0, 1, 3, 0xff] {
            let mut record = start(of, 0);
            record[3] = version;
            let error = open(of, &finish(of, record)).unwrap_err();
            assert_eq!(error.code(), Code::UnsupportedFormat, "{of:?} {version}");
        }
    }
}

#[test]
fn what_lies_under_another_name_is_corrupt() {
    let (one, other) = (
        Id([7; 16]),
        Id(std::array::from_fn(|at| 7 + u8::from(at == 7))),
    );
    for of in [
        Record::root,
        Record::directory,
        Record::segment,
        Record::piece,
    ] {
        let record = finish(of(one), start(of(one), 0));
        assert!(open(of(one), &record).is_ok());
        let error = open(of(other), &record).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
    }
}

#[test]
fn what_is_sealed_under_a_key_says_so() {
    let mut record = start(Record::HEAD, 0);
    record[4] = 7;
    let record = finish(Record::HEAD, record);
    assert_eq!(key_id(Kind::Head, &record).unwrap(), 7);
    let error = open(Record::HEAD, &record).unwrap_err();
    assert_eq!(error.code(), Code::Encrypted);
}
