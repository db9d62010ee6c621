use super::*;
use crate::codec::expiry::Expiry;
use crate::codec::marks::Marks;
use crate::codec::segment::{Segment, SegmentBuilder};
use crate::record::Id;

#[test]
fn what_is_left_of_a_segment_says_less_than_the_whole() {
    let id = Id([7; 16]);
    let mut builder = SegmentBuilder::new(id);
    for (key, expiry) in [("a", Some(5)), ("b", None), ("c", Some(9))] {
        let mut cell = Cell::inline(Bytes::from_static(b"value"));
        cell.marks = expiry.map_or(Marks::NONE, Marks::expiring);
        builder.push(&Bytes::from_static(key.as_bytes()), &cell, None);
    }
    let (record, mut entry) = builder.finish();
    // Tag 1, of no bytes.
    entry.more = Tags::of(Bytes::from_static(&[1, 0])).unwrap();
    let cache = Cache::new(0);
    cache.put_segment(
        id,
        Segment::open(id, &record, crate::codec::stamp::Fill::default()).unwrap(),
    );
    let run = || Listing::Run(Rc::new(vec![entry.clone()]));
    let everything = KeyRange::everything;
    let mut source = SegmentSource::new(run(), everything(), false);
    assert_eq!(source.rest(&cache).unwrap(), [entry.clone()]);
    for (left, count) in [(2, 1), (1, 1)] {
        source.cell(&cache).unwrap();
        source.step();
        let rest = source.rest(&cache).unwrap();
        assert_eq!((rest.len(), rest[0].records), (1, left));
        assert!(rest[0].more.is_empty());
        // None that is left expires before the least of all.
        assert_eq!(rest[0].expiry, Expiry { least_ms: 5, count });
    }
    source.cell(&cache).unwrap();
    source.step();
    assert_eq!(source.rest(&cache).unwrap(), []);
}
