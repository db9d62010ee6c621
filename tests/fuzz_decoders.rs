//! Every decoder of stored bytes against bytes that nobody has written: noise, and valid input cut,
//! flipped, spliced and sealed anew, so that what lies behind the checks is reached. None may
//! panic, go on for ever, or take memory out of proportion; what is valid comes back as it was, what
//! rots under a check is refused, and what is accepted can be written and read again.
//!
//! `FUZZ_EXECUTIONS` says how many inputs each decoder gets, `FUZZ_SEED` which; a failure prints the
//! seed and the input in hex, and `FUZZ_INPUT=<target>:<hex>` replays it. `FUZZ_TARGET` chooses one.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]
#![expect(unsafe_code, reason = "an allocator that counts must be one")]

mod fuzz;

use fuzz::corpus::{self, Kind};
use fuzz::memory::Peak;
use fuzz::targets::{self, Target};
use fuzz::{hex, replay, texts, watchdog::Watchdog};
use patchstore::codec::js_string::JsString;
use patchstore::models::{Scope, keys};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static ALLOCATOR: fuzz::memory::Counting = fuzz::memory::Counting;

/// What a decoder may take besides what is in proportion to its input; encoding a segment again
/// begins with room for a whole one.
const BYTES_BESIDES: usize = 256 << 10;

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| given.parse().unwrap())
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let digits: Vec<u8> = text.bytes().map(digit).collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// Gives a decoder one input: what it encodes that to again, if it accepts it, or what it did wrong.
fn decode(target: &Target, input: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let peak = Peak::start();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.decode)(input)));
    let taken = peak.bytes();
    let allowed = input.len() * target.bytes_per_byte + BYTES_BESIDES;
    match outcome {
        Err(_) => Err("it panicked".into()),
        Ok(_) if taken > allowed => Err(format!("it took {taken} bytes for {}", input.len())),
        Ok(again) => Ok(again),
    }
}

/// Whether a decoder accepts an input, or what it did wrong.
fn try_one(target: &Target, kind: Kind, input: &[u8]) -> Result<bool, String> {
    let Some(again) = decode(target, input)? else {
        return match kind {
            Kind::Valid => Err("it refuses what is valid".into()),
            _ => Ok(false),
        };
    };
    if kind == Kind::Valid && again != input {
        return Err(format!("it comes back as {}", hex(&again)));
    }
    if kind == Kind::Rotten && target.checked {
        return Err("it takes rot for data".into());
    }
    match decode(target, &again)? {
        Some(same) if same == again => Ok(true),
        _ => Err(format!("it does not read what it wrote: {}", hex(&again))),
    }
}

#[test]
fn no_decoder_is_thrown_by_any_input() {
    let watchdog = Watchdog::start();
    if let Ok(given) = std::env::var("FUZZ_INPUT") {
        let (name, input) = given.split_once(':').unwrap();
        let target = targets::all().into_iter().find(|t| t.name == name).unwrap();
        watchdog.begins(target.name, input.as_bytes());
        println!(
            "{name}: {:?}",
            try_one(&target, Kind::Forged, &unhex(input))
        );
        return;
    }
    let (executions, seed) = (number("FUZZ_EXECUTIONS", 50_000), number("FUZZ_SEED", 1));
    let only = std::env::var("FUZZ_TARGET").ok();
    let chosen = |target: &Target| only.as_ref().is_none_or(|name| name == target.name);
    for target in targets::all().into_iter().filter(chosen) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut accepted = 0;
        for _ in 0..executions {
            let (kind, input) = corpus::input(&mut rng, &target);
            watchdog.begins(target.name, &input);
            match try_one(&target, kind, &input) {
                Ok(yes) => accepted += u64::from(yes && kind == Kind::Forged),
                Err(why) => panic!(
                    "{}: {why}\nFUZZ_SEED={seed} {}",
                    target.name,
                    replay(target.name, &input)
                ),
            }
        }
        println!(
            "{}: {executions} inputs, {accepted} forgeries accepted",
            target.name
        );
        assert!(
            accepted > 0,
            "{}: nothing got behind its checks",
            target.name
        );
        assert!(
            accepted < executions * 3 / 4,
            "{}: everything is accepted",
            target.name
        );
    }
}

/// As the engine gets them, of a patch that is encrypted: whatever was put there, it is no data.
#[test]
fn without_the_key_nothing_is_forged() {
    let (executions, seed) = (number("FUZZ_EXECUTIONS", 50_000), number("FUZZ_SEED", 1));
    let found = fuzz::sealed::forged(seed, executions / 10);
    assert_eq!(found, None, "FUZZ_SEED={seed}");
}

#[test]
fn what_was_found_stays_refused() {
    for (name, input) in fuzz::found::all() {
        let target = targets::all().into_iter().find(|t| t.name == name).unwrap();
        let outcome = try_one(&target, Kind::Forged, &input);
        assert_eq!(outcome, Ok(false), "{}", replay(name, &input));
    }
}

/// What a key of a document says, such that Rust sorts it as JavaScript and the model do.
type Said = (Vec<u16>, Vec<u16>, u64, u32);

#[test]
fn keys_of_documents_sort_as_what_they_say() {
    let (executions, seed) = (number("FUZZ_EXECUTIONS", 50_000), number("FUZZ_SEED", 1));
    let mut rng = fastrand::Rng::with_seed(seed);
    let said = |rng: &mut fastrand::Rng| -> Said {
        let name = |rng: &mut fastrand::Rng| [texts::units(rng), vec![0x61]].concat();
        let place = texts::place(rng);
        (name(rng), name(rng), place.frame, place.slot)
    };
    let key = |(scope, collection, frame, slot): &Said| {
        let scope = Scope::Name(JsString::from_units(scope));
        let collection = JsString::from_units(collection);
        let prefix = keys::collection_prefix(keys::DOCUMENT, &scope, collection.as_js()).unwrap();
        let (frame, slot) = (*frame, *slot);
        let place = patchstore::codec::order::Order { frame, slot };
        [&prefix[..], &place.to_bytes()].concat()
    };
    for _ in 0..executions {
        let (a, mut b) = (said(&mut rng), said(&mut rng));
        // Alike up to some part, else the first part decides nearly always.
        match rng.u8(..4) {
            0 => {}
            1 => b.0.clone_from(&a.0),
            2 => (b.0, b.1) = (a.0.clone(), a.1.clone()),
            _ => b = (a.0.clone(), a.1.clone(), a.2, b.3),
        }
        assert_eq!(
            key(&a).cmp(&key(&b)),
            a.cmp(&b),
            "FUZZ_SEED={seed}: {a:?} and {b:?}"
        );
    }
}
