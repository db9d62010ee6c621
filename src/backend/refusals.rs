//! What every backend refuses, in the same words.

use super::Failure;

/// The largest number of a frame: where IndexedDB's key generator ends, 2^53.
pub(super) const LAST_NUMBER: u64 = 1 << 53;

/// [`super::Write::Put`] of a [`super::Key::Frame`].
pub(super) fn put_of_frame() -> Failure {
    Failure::Aborted("a frame is appended, never put".into(), None)
}

/// A number above [`LAST_NUMBER`], asked for or next.
pub(super) fn number_out_of_range() -> Failure {
    Failure::Aborted("the log has no such number".into(), None)
}
