//! What bytes cost: documents, frames, pages and segments, made and read.
//!
//! `cargo bench --bench codec` compares with the run before and says what got slower.

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use patchstore::backend::Id;
use patchstore::codec::batch::{Batch, Op, OpKey, OpValue};
use patchstore::codec::cell::Cell;
use patchstore::codec::io::Input;
use patchstore::codec::marks::Marks;
use patchstore::codec::page::Page;
use patchstore::codec::page_builder::{CellHoles, PageBuilder};
use patchstore::codec::segment::{Segment, SegmentBuilder};
use patchstore::codec::stamp::Fill;
use patchstore::codec::value::{Form, fields, json, json_tree};
use std::hint::black_box;
use std::time::Duration;

/// Cells of about 300 bytes in a page of 16 KiB.
const CELLS: usize = 50;

fn key(n: usize) -> Bytes {
    format!("documents/{n:08}").into()
}

/// Document `n` as JSON text, about 300 bytes.
fn document(n: usize) -> Vec<u8> {
    let text = "patch node store frame page level merge cache clock signal ".repeat(3);
    format!(
        r#"{{"_id":"{n:021}","_created":1700000000000,"_updated":1700000000000,"number":{n},"group":"group {}","title":"Document {n}","text":"{text}"}}"#,
        n % 100
    )
    .into_bytes()
}

fn stored(n: usize) -> Bytes {
    patchstore::codec::value::from_json(&document(n))
}

fn values(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("value");
    let text = document(7);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse JSON", |b| {
        b.iter(|| json_tree::parse(black_box(&text)))
    });
    group.bench_function("find a member", |b| {
        b.iter(|| json::member(black_box(&text), br#""title""#).is_ok())
    });
    let value = stored(7);
    group.bench_function("walk the fields", |b| {
        b.iter(|| {
            let form = Form::of(black_box(&value)).ok()?;
            let mut fields = fields::Fields::of(form).ok()??;
            let mut count = 0;
            while let Ok(Some(_)) = fields.next() {
                count += 1;
            }
            Some(count)
        });
    });
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let ops = (0..1000).map(|n| {
        Op::Put(
            OpKey::plain(key(n)),
            OpValue::Inline(stored(n)),
            Marks::NONE,
        )
    });
    let batch = Batch {
        ops: ops.collect(),
        ..Batch::default()
    };
    let mut encoded = Vec::new();
    batch.encode(&mut encoded);
    let encoded = Bytes::from(encoded);
    let mut group = criterion.benchmark_group("batch of 1 000");
    group.throughput(Throughput::Bytes(encoded.len() as u64));
    group.bench_function("encode", |b| {
        b.iter(|| {
            let mut out = Vec::new();
            black_box(&batch).encode(&mut out);
            out
        });
    });
    group.bench_function("decode", |b| {
        b.iter(|| Batch::decode(&mut Input::new(black_box(encoded.clone()), "batch")));
    });
    group.finish();
}

fn pages(criterion: &mut Criterion) {
    let cells: Vec<(Bytes, Cell)> = (0..CELLS)
        .map(|n| (key(n), Cell::inline(stored(n))))
        .collect();
    let build = || {
        let mut builder = PageBuilder::default();
        for (key, cell) in &cells {
            builder.push(key, cell, CellHoles::default());
        }
        builder.take()
    };
    let raw = build();
    let mut group = criterion.benchmark_group("page");
    group.bench_function("build", |b| b.iter(build));
    group.bench_function("decode", |b| {
        b.iter(|| Page::decode(black_box(raw.clone()), Fill::default()))
    });
    if let Ok(page) = Page::decode(raw.clone(), Fill::default()) {
        let wanted: Vec<Bytes> = (0..CELLS).map(key).collect();
        group.throughput(Throughput::Elements(CELLS as u64));
        group.bench_function("look up each key", |b| {
            b.iter(|| {
                let found = wanted
                    .iter()
                    .filter_map(|key| page.cell(page.lower_bound(key)));
                found.count()
            });
        });
    }
    group.finish();
}

fn segments(criterion: &mut Criterion) {
    let cells: Vec<(Bytes, Cell)> = (0..500)
        .map(|n| (key(n), Cell::inline(stored(n))))
        .collect();
    let build = || {
        let mut builder = SegmentBuilder::new(Id([7; 16]));
        for (key, cell) in &cells {
            builder.push(key, cell, None);
        }
        builder.finish().0
    };
    let record = build();
    let mut group = criterion.benchmark_group("segment of 500");
    group.throughput(Throughput::Elements(500));
    group.bench_function("build, compressed", |b| b.iter(build));
    group.bench_function("open and read all pages", |b| {
        b.iter(|| {
            let segment = Segment::open(Id([7; 16]), black_box(&record), Fill::default()).ok()?;
            let pages = (0..segment.pages()).filter_map(|at| segment.page(at).ok());
            Some(pages.map(|page| page.len()).sum::<usize>())
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    values(&mut criterion);
    frames(&mut criterion);
    pages(&mut criterion);
    segments(&mut criterion);
    criterion.final_summary();
}
