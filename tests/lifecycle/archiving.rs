//! Exporting patches as archives, and importing them: what comes back, and what of a stream that is not whole.

use patchstore::codec::archive::chunk::{self, Kind};
use patchstore::codec::archive::contents::{Beginning, Totals, first_part, place_of};
use patchstore::codec::archive::splitter::{Part, Splitter};
use patchstore::codec::cell::{Cell as Stored, PieceRef};
use patchstore::codec::head::Head;
use patchstore::codec::kinds::key as kinds;
use patchstore::codec::marks::{Marks, NEVER};
use patchstore::codec::page_builder::{CellHoles, PageBuilder};
use patchstore::engine::{Access, Carried, Export, ExportOptions, Import, ImportOptions};
use patchstore::models::keys;
use patchstore::models::op_log::carried;
use patchstore::models::op_log::service::Service;
use patchstore::record::Id;
use patchstore::sealed::archive::Envelope;
use patchstore::sealed::vault::NoBulk;

use super::converting::{
    Patch, by, everything, open_by, options, pairs, pending, set, stock, text,
};
use super::*;

pub async fn export_of(engine: &Engine, seal: Option<Access>, with_log: bool) -> Result<Export> {
    let options = ExportOptions {
        credential: seal.map(|access| access.credential),
        bulk: Rc::new(NoBulk),
        with_log,
    };
    engine.export(options).await
}

/// The whole of an archive.
pub async fn exported(patch: &Patch, seal: Option<Access>, with_log: bool) -> Vec<u8> {
    let engine = patch.open().await;
    let mut export = export_of(&engine, seal, with_log).await.unwrap();
    let mut out = Vec::new();
    while let Some(bytes) = export.next().await.unwrap() {
        out.extend_from_slice(&bytes);
    }
    let (done, total) = export.progress();
    assert_eq!(done, total);
    assert!(export.next().await.unwrap().is_none());
    engine.close().await;
    out
}

pub fn import_options(seal: Option<Access>) -> ImportOptions {
    ImportOptions {
        credential: seal.map(|access| access.credential),
        bulk: Rc::new(NoBulk),
        data: keys::data_ranges(),
        counted: [keys::record_ranges(), keys::content_ranges()],
        carried: Carried {
            key: &carried::KEY,
            value: carried::extended,
        },
    }
}

async fn into(import: &mut Import, archive: &[u8], step: usize) -> Result<()> {
    for part in archive.chunks(step) {
        import.write(part).await?;
    }
    Ok(())
}

/// Imports it, in parts of so many bytes.
pub async fn imported(
    to: &Patch,
    archive: &[u8],
    step: usize,
    seal: Option<Access>,
) -> Result<[u64; 2]> {
    let (connector, env) = (to.world.connector(), to.world.env());
    let engine = open_by(connector, env, options(Absent::Prepare), to.access.clone()).await?;
    let done = async {
        let mut import = engine.import(import_options(seal)).await?;
        match into(&mut import, archive, step).await {
            Ok(()) => import.end().await,
            Err(error) => {
                import.abandon().await;
                Err(error)
            }
        }
    };
    let done = done.await;
    engine.close().await;
    to.world.sweep();
    done
}

pub fn beside(patch: &Patch, access: Option<Access>) -> Patch {
    let world = patch.world.beside();
    Patch { world, access }
}

type Pairs = Vec<(Bytes, Bytes)>;

/// What an import must have of a patch.
async fn comparable(patch: &Patch, with_log: bool) -> Pairs {
    let engine = patch.open().await;
    let mut all = everything(&engine).await;
    engine.close().await;
    let kind = |key: &Bytes| key.first().copied().unwrap();
    all.retain(|(key, _)| {
        let is_entry = (kinds::OF_LOG.0..=kinds::OF_LOG.1).contains(&kind(key));
        (with_log || !is_entry) && **key != carried::KEY
    });
    all
}

#[test]
fn everything_comes_back_however_it_is_encrypted() {
    let source = Patch::new(1, None);
    source.world.env.clone().block_on(async {
        stock(&source).await;
        let encrypted = source.fork();
        encrypted.try_convert_by(1).await;
        let of = |access| Patch {
            access,
            ..encrypted.fork()
        };
        for (source, seal, to) in [
            (source.fork(), None, None),
            (source.fork(), by(8), None),
            (source.fork(), None, by(3)),
            (of(by(1)), None, None),
            (of(by(1)), by(8), by(3)),
        ] {
            for with_log in [false, true] {
                let archive = exported(&source, seal.clone(), with_log).await;
                let shows = |bytes: &[u8]| bytes.windows(12).any(|part| part == b"recognisable");
                assert!(!shows(&archive) || seal.is_none());
                for step in [1 << 20, 1000] {
                    let target = beside(&source, to.clone());
                    let counts = imported(&target, &archive, step, seal.clone()).await;
                    // 29 + 3 + 2 pairs, 5 documents, a record of adapters.
                    assert_eq!(counts.unwrap(), [40, 0]);
                    let found = comparable(&target, with_log).await;
                    assert_eq!(found, comparable(&source, with_log).await);
                    assert_eq!(target.shows(), to.is_none());
                    let again = imported(&target, &archive, step, seal.clone()).await;
                    assert_eq!(again.unwrap_err().code(), Code::Exists);
                    assert_eq!(comparable(&target, with_log).await, found);
                }
            }
        }
    });
}

#[test]
fn an_imported_patch_is_another_device_and_lives_on() {
    let source = Patch::new(2, None);
    source.world.env.clone().block_on(async {
        stock(&source).await;
        let (first, mut archive) = (source.open().await, exported(&source, None, true).await);
        let was = Service::new(&first, source.world.env()).logged().unwrap();
        let entries = pending(&first).await;
        assert!(entries.len() > 30);
        for times in 1..3 {
            let target = beside(&source, None);
            imported(&target, &archive, 1 << 20, None).await.unwrap();
            let engine = target.open().await;
            let logged = Service::new(&engine, target.world.env()).logged().unwrap();
            assert!(logged.device != was.device && logged.since == was.since);
            assert_eq!(pending(&engine).await[..entries.len()], entries);
            set(
                &engine,
                &pairs(),
                &format!("after{times}"),
                text(1, 10),
                NEVER,
            )
            .await
            .unwrap();
            let now = pending(&engine).await;
            assert_eq!(now.len(), entries.len() + times);
            let ascend = |pair: &[(u64, _)]| pair[0].0 < pair[1].0;
            assert!(now.windows(2).all(ascend), "{now:?}");
            assert!(now.windows(2).all(|pair| pair[0].1 < pair[1].1), "{now:?}");
            // Whose they are is known, also through a second archive.
            let devices = devices(&engine).await;
            assert_eq!(devices.len(), now.len());
            let theirs = devices[..entries.len()].iter();
            assert!({ theirs }.all(|device| device.as_ref() == Some(&was.device)));
            assert_eq!(devices.last().unwrap(), &None);
            assert_eq!(devices.iter().flatten().count(), entries.len() + times - 1);
            engine.close().await;
            archive = exported(&target, None, true).await;
        }
        let target = beside(&source, None);
        let archive = exported(&source, None, false).await;
        imported(&target, &archive, 1 << 20, None).await.unwrap();
        assert_eq!(pending(&target.open().await).await, []);
    });
}

async fn devices(engine: &Engine) -> Vec<Option<Bytes>> {
    use patchstore::engine::access::afresh;
    use patchstore::models::op_log::log::Read;
    let begin = || Ok((Read::new(-1.0, f64::INFINITY, false), Vec::new()));
    let work = afresh(begin, |(read, out): &mut (Read, Vec<_>), r| {
        read.step(r, &mut |_, entry, _| {
            out.push(entry.device.clone());
            Ok(())
        })?;
        Ok(std::mem::take(out))
    });
    let answer = engine.read_committed(work);
    patchstore::models::op_log::service::answered(answer)
        .await
        .unwrap()
}

/// Checks that an archive is refused, and that nothing is left of it.
async fn refused(
    source: &Patch,
    archive: &[u8],
    seal: Option<Access>,
    expected: &[Code],
    what: &str,
) {
    let target = beside(source, None);
    let error = imported(&target, archive, 100_000, seal).await.unwrap_err();
    assert!(expected.contains(&error.code()), "{what}: {error}");
    assert!(target.world.is_bare(), "{what}");
}

const NONE: &[Code] = &[Code::Corrupt, Code::UnsupportedFormat];

#[test]
fn with_any_byte_changed_or_cut_at_any_length_it_is_refused_and_nothing_is_there() {
    let source = Patch::new(3, None);
    source.world.env.clone().block_on(async {
        let engine = source.open().await;
        for n in 0..3 {
            set(&engine, &pairs(), &format!("k{n}"), text(n, 10), NEVER)
                .await
                .unwrap();
        }
        engine.close().await;
        for seal in [None, by(8)] {
            let archive = exported(&source, seal.clone(), false).await;
            for at in 0..archive.len() {
                for flip in [0x01, 0x80] {
                    let mut changed = archive.clone();
                    changed[at] ^= flip;
                    let what = format!("{flip:x} at {at} of {}", archive.len());
                    refused(&source, &changed, seal.clone(), NONE, &what).await;
                }
                let what = format!("cut at {at} of {}", archive.len());
                refused(&source, &archive[..at], seal.clone(), NONE, &what).await;
            }
            let behind = [&archive[..], b"x"].concat();
            refused(&source, &behind, seal.clone(), &[Code::Corrupt], "behind").await;
        }
        let noise = b"-- a dump of something else";
        refused(&source, noise, None, &[Code::UnsupportedFormat], "noise").await;
    });
}

#[test]
fn what_it_is_sealed_by_must_be_given() {
    let source = Patch::new(4, None);
    source.world.env.clone().block_on(async {
        stock(&source).await;
        let sealed = exported(&source, by(8), false).await;
        refused(&source, &sealed, None, &[Code::Encrypted], "none").await;
        refused(&source, &sealed, by(9), &[Code::WrongKey], "another").await;
        let plain = exported(&source, None, false).await;
        refused(&source, &plain, by(8), &[Code::NotEncrypted], "plain").await;
    });
}

/// Header and chunks.
fn split(archive: &[u8]) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::default();
    splitter.push(archive);
    let mut parts = Vec::new();
    while let Some(part) = splitter.part().unwrap() {
        parts.push(match part {
            Part::Header(_, bytes) => bytes.to_vec(),
            Part::Chunk(found) => {
                let mut out = chunk::start(found.kind, found.stored.len());
                out.extend_from_slice(&found.stored);
                out
            }
        });
    }
    parts
}

#[test]
fn chunks_that_are_swapped_repeated_left_out_or_of_another_archive_are_refused() {
    let source = Patch::new(5, None);
    source.world.env.clone().block_on(async {
        let engine = source.open().await;
        for n in 0..4 {
            // What LZ4 makes of it is one chunk, and alike in all.
            set(&engine, &pairs(), &format!("k{n}"), text(7, 100_000), NEVER)
                .await
                .unwrap();
        }
        engine.close().await;
        for seal in [None, by(8)] {
            let parts = split(&exported(&source, seal.clone(), false).await);
            let others = split(&exported(&source, seal.clone(), false).await);
            assert_eq!(
                parts.len(),
                8,
                "a header, a beginning, four values, cells, an end"
            );
            let corrupt = async |parts: &[Vec<u8>], what: String| {
                let archive = parts.concat();
                refused(&source, &archive, seal.clone(), &[Code::Corrupt], &what).await;
            };
            for at in 1..parts.len() {
                let mut changed = parts.clone();
                changed[at].clone_from(&others[at]);
                corrupt(&changed, format!("{at} of another")).await;
                changed.clone_from(&parts);
                changed.remove(at);
                corrupt(&changed, format!("{at} left out")).await;
                changed.clone_from(&parts);
                changed.insert(at, parts[at].clone());
                corrupt(&changed, format!("{at} twice")).await;
                for other in at + 1..parts.len() {
                    changed.clone_from(&parts);
                    changed.swap(at, other);
                    corrupt(&changed, format!("{at} and {other} swapped")).await;
                }
            }
        }
    });
}

/// A plain archive of these chunks, each checked as it ought to be.
async fn made(env: &dyn Env, chunks: &[(Kind, Vec<u8>)]) -> Vec<u8> {
    let (envelope, header) = Envelope::make(env, None).await.unwrap();
    let mut out = header.to_vec();
    for (number, (kind, content)) in chunks.iter().enumerate() {
        let chunk = envelope.seal(number as u64, *kind, content).await;
        out.extend_from_slice(&chunk.unwrap());
    }
    out
}

type CellAt = (&'static [u8], Stored);

/// What an archive consists of.
type Chunks = Vec<(Kind, Vec<u8>)>;

fn page(cells: &[CellAt]) -> (Kind, Vec<u8>) {
    let mut page = PageBuilder::default();
    for (key, cell) in cells {
        page.push(key, cell, CellHoles::default());
    }
    (Kind::Cells, page.take())
}

fn inline(value: &'static [u8]) -> Stored {
    Stored::inline(Bytes::from_static(value))
}

#[test]
fn who_makes_an_archive_by_hand_cannot_have_what_cannot_be() {
    let source = Patch::new(6, None);
    source.world.env.clone().block_on(async {
        let env = source.world.env();
        let head = Head::new(Id([0; 16]));
        let begin = |head: &Head| {
            let beginning = Beginning {
                head: head.clone(),
                expected: 10,
                with_log: false,
            };
            (Kind::Beginning, beginning.encode())
        };
        let end = |cells: u64, large: u64, bytes: u64| {
            let totals = Totals {
                cells,
                large,
                bytes,
            };
            (Kind::End, totals.encode())
        };
        let a: CellAt = (b"\x10\x02s\0a\0", inline(b"\x011"));
        let b: CellAt = (b"\x10\x02s\0b\0", inline(b"\x012"));
        let fine = made(
            &*env,
            &[begin(&head), page(&[a.clone(), b.clone()]), end(2, 0, 16)],
        )
        .await;
        let target = beside(&source, None);
        let counts = imported(&target, &fine, 1, None).await;
        assert_eq!(counts.unwrap(), [2, 0], "by hand, it can be made right");
        assert_eq!(everything(&target.open().await).await.len(), 2);

        let piece = |number, len, shared| {
            let id = place_of(number);
            Stored::piece(PieceRef { id, len, shared })
        };
        let large = |length: usize| (Kind::Large, first_part(length, &vec![b' '; 70_000]));
        let cites = |cell: Stored| page(&[(b"\x10\x02s\0a\0", cell)]);
        let mut far = head.clone();
        far.base = u64::MAX;
        let mut dated = a.clone();
        dated.1.marks = Marks::expiring(5);
        let long = vec![b' '; 70_000].leak();
        let wrong: Vec<(&str, Chunks)> = vec![
            (
                "no cells before the beginning",
                vec![page(std::slice::from_ref(&a)), end(1, 0, 8)],
            ),
            (
                "descending",
                vec![
                    begin(&head),
                    page(std::slice::from_ref(&b)),
                    page(std::slice::from_ref(&a)),
                    end(2, 0, 16),
                ],
            ),
            (
                "twice",
                vec![
                    begin(&head),
                    page(std::slice::from_ref(&a)),
                    page(std::slice::from_ref(&a)),
                    end(2, 0, 16),
                ],
            ),
            (
                "tombstone",
                vec![
                    begin(&head),
                    page(&[(a.0, Stored::tombstone())]),
                    end(1, 0, 6),
                ],
            ),
            (
                "totals",
                vec![begin(&head), page(std::slice::from_ref(&a)), end(2, 0, 8)],
            ),
            (
                "too large inline",
                vec![
                    begin(&head),
                    page(&[(a.0, inline(long))]),
                    end(1, 0, 70_006),
                ],
            ),
            (
                "Blobs that are not there",
                vec![
                    begin(&head),
                    page(&[(
                        a.0,
                        inline(&[
                            2, 2, 0x10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 0,
                        ]),
                    )]),
                    end(1, 0, 27),
                ],
            ),
            (
                "entries without a log",
                vec![
                    begin(&head),
                    page(&[(b"\x40aaaabbbbcccc", inline(b"x"))]),
                    end(1, 0, 14),
                ],
            ),
            (
                "expiring without a clock",
                vec![begin(&head), page(&[dated]), end(1, 0, 8)],
            ),
            (
                "definitions without a catalog",
                vec![
                    begin(&head),
                    page(&[(b"\x01\x02s\0c\0", inline(b"\x01\0"))]),
                    end(1, 0, 8),
                ],
            ),
            (
                "a place at the end of all places",
                vec![begin(&far), end(0, 0, 0)],
            ),
            (
                "cites what is not there",
                vec![
                    begin(&head),
                    cites(piece(0, 70_000, false)),
                    end(1, 1, 70_006),
                ],
            ),
            (
                "of another length",
                vec![
                    begin(&head),
                    large(70_000),
                    cites(piece(0, 70_001, false)),
                    end(1, 1, 70_007),
                ],
            ),
            (
                "another one",
                vec![
                    begin(&head),
                    large(70_000),
                    cites(piece(1, 70_000, false)),
                    end(1, 1, 70_006),
                ],
            ),
            (
                "shared",
                vec![
                    begin(&head),
                    large(70_000),
                    cites(piece(0, 70_000, true)),
                    end(1, 1, 70_006),
                ],
            ),
            ("not cited", vec![begin(&head), large(70_000), end(0, 0, 0)]),
            (
                "not complete",
                vec![
                    begin(&head),
                    large(70_001),
                    cites(piece(0, 70_001, false)),
                    end(1, 1, 70_007),
                ],
            ),
            (
                "longer than it says",
                vec![
                    begin(&head),
                    large(66_000),
                    cites(piece(0, 66_000, false)),
                    end(1, 1, 66_006),
                ],
            ),
            (
                "not large",
                vec![
                    begin(&head),
                    (Kind::Large, first_part(3, b"abc")),
                    end(0, 0, 0),
                ],
            ),
            (
                "too large",
                vec![
                    begin(&head),
                    (Kind::Large, first_part(usize::MAX, b"abc")),
                    end(0, 0, 0),
                ],
            ),
            (
                "more of nothing",
                vec![begin(&head), (Kind::More, b"abc".to_vec()), end(0, 0, 0)],
            ),
            (
                "no page",
                vec![begin(&head), (Kind::Cells, b"abc".to_vec()), end(0, 0, 0)],
            ),
        ];
        for (what, chunks) in wrong {
            let archive = made(&*env, &chunks).await;
            refused(&source, &archive, None, &[Code::Corrupt], what).await;
        }
    });
}

#[test]
fn an_empty_patch_is_one_after_it() {
    let source = Patch::new(7, None);
    source.world.env.clone().block_on(async {
        source.open().await.close().await;
        let archive = exported(&source, None, false).await;
        let target = beside(&source, None);
        assert_eq!(imported(&target, &archive, 7, None).await.unwrap(), [0, 0]);
        assert_eq!(target.world.size().await.unwrap(), Some(0));
        // And once more, into that empty one.
        assert_eq!(imported(&target, &archive, 7, None).await.unwrap(), [0, 0]);
    });
}
