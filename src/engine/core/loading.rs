//! Loads under way.

use futures_channel::oneshot;

use crate::error::{Error, Result};

/// A caller that waits for a load which another one has begun.
pub type Loading = oneshot::Sender<Result<(), LoadError>>;

/// Why something could not be loaded.
#[derive(Debug, Clone)]
pub enum LoadError {
    /// The record is not there: replaced by a flip, or lost.
    Missing,
    /// It could not be read, or what was read is damaged.
    Fail(Error),
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

impl LoadError {
    /// The error outside of a reader: what is missing was live when the work began, so another flip has won, or it
    /// is gone.
    #[must_use]
    pub fn into_error(self) -> Error {
        match self {
            Self::Fail(error) => error,
            Self::Missing => Error::corrupt("a segment or directory page is missing"),
        }
    }
}
