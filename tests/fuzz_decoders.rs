//! Every decoder of stored bytes against bytes that nobody has written: noise, valid records cut,
//! flipped, spliced and sealed anew, so that what lies behind the checksum is reached. None may
//! panic, go on for ever, or take memory out of proportion.
//!
//! `FUZZ_EXECUTIONS` says how many inputs each decoder gets, `FUZZ_SEED` which; a failure prints the
//! input in hex, and `FUZZ_INPUT=<target>:<hex>` replays it.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]
#![expect(unsafe_code, reason = "an allocator that counts must be one")]

mod fuzz;

use fuzz::memory::Peak;
use fuzz::{corpus, targets};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static ALLOCATOR: fuzz::memory::Counting = fuzz::memory::Counting;

/// What a decoder may take for each byte of its input, and besides. A run of equal bytes is
/// compressed 255 times by LZ4, and a page is decoded into a copy.
const BYTES_PER_BYTE: usize = 600;
const BYTES_BESIDES: usize = 64 << 10;

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| given.parse().unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let digits: Vec<u8> = text.bytes().map(digit).collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// Gives a decoder one input; what it did wrong, if anything.
fn try_one(target: &targets::Target, input: &[u8]) -> Result<bool, String> {
    let peak = Peak::start();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.decode)(input)));
    let taken = peak.bytes();
    let allowed = input.len() * BYTES_PER_BYTE + BYTES_BESIDES;
    match outcome {
        Err(_) => Err("it panicked".into()),
        Ok(_) if taken > allowed => Err(format!("it took {taken} bytes for {}", input.len())),
        Ok(accepted) => Ok(accepted),
    }
}

#[test]
fn no_decoder_is_thrown_by_any_input() {
    if let Ok(given) = std::env::var("FUZZ_INPUT") {
        let (name, input) = given.split_once(':').unwrap();
        let target = targets::all().into_iter().find(|t| t.name == name).unwrap();
        println!("{name}: {:?}", try_one(&target, &unhex(input)));
        return;
    }
    let (executions, seed) = (number("FUZZ_EXECUTIONS", 20_000), number("FUZZ_SEED", 1));
    for target in targets::all() {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut accepted = 0;
        for _ in 0..executions {
            let input = corpus::input(&mut rng, &target);
            match try_one(&target, &input) {
                Ok(yes) => accepted += u64::from(yes),
                Err(why) => panic!(
                    "{}: {why}\nFUZZ_INPUT={}:{}",
                    target.name,
                    target.name,
                    hex(&input)
                ),
            }
        }
        println!("{}: {executions} inputs, {accepted} accepted", target.name);
        assert!(
            accepted > 0,
            "{}: nothing got behind its checksum",
            target.name
        );
        assert!(
            accepted < executions,
            "{}: everything is accepted",
            target.name
        );
    }
}
