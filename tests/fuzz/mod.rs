//! Valid inputs, what is done to them, the decoders that get them, and the memory and time these take.

pub mod archives;
pub mod contents;
pub mod corpus;
pub mod definitions;
pub mod documents;
pub mod found;
pub mod memory;
pub mod queries;
pub mod records;
pub mod sealed;
pub mod segments;
pub mod targets;
pub mod texts;
pub mod values;
pub mod watchdog;

/// What runs one input again.
pub fn replay(target: &str, input: &[u8]) -> String {
    format!("FUZZ_INPUT='{target}:{}'", hex(input))
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
