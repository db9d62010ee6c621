//! What an update does to a document.

use bytes::Bytes;

use super::meta;
use crate::codec::js_string::JsString;
use crate::codec::value::fields::FieldName;
use crate::error::Result;

/// A stored object that is merged into documents, and the fields that they lose.
#[derive(Debug, Clone)]
pub struct Changes {
    stored: Bytes,
    unset: Vec<FieldName>,
    now_ms: f64,
}

impl Changes {
    /// Merges the stored object `stored`, in which `_id`, `_created` and `_updated` are ignored, at the wall time
    /// `now_ms`.
    #[must_use]
    pub fn new(stored: Bytes, now_ms: f64) -> Self {
        Self {
            stored,
            unset: Vec::new(),
            now_ms,
        }
    }

    /// Takes these own properties away besides, also where the object has them; never one of the three.
    #[must_use]
    pub fn without(mut self, unset: &[JsString]) -> Self {
        let names = unset.iter().map(|name| FieldName::new(name.as_js()));
        self.unset = names.collect();
        self
    }

    /// The stored document that becomes of one.
    ///
    /// # Errors
    /// `InvalidArgument` when the changes are no plain object; `LimitExceeded`, `Corrupt`.
    pub fn apply(&self, old: &[u8]) -> Result<Bytes> {
        meta::merged(old, &self.stored, &self.unset, self.now_ms)
    }
}
