//! Writes the exact form.

use bytes::Bytes;

use super::super::{EXACT, EXACT_ATTACHED, EXACT_BOTH, EXACT_CITING, EXACT_VERSION, MAX_DEPTH};
use super::{Attached, BlobRef, BytesKind, tag};
use crate::codec::io::{put_bytes, put_varint};
use crate::codec::js_string::JsStr;
use crate::error::{Code, Error, Result};

const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Writes one value, depth first. After a `begin_*` of length `n`, write exactly `n` elements
/// (for an object, `n` times a [`key`](Self::key) and a value; for a Map, `n` times two values),
/// then call [`end`](Self::end). The writer does not check the count; a wrong one reads back as `Corrupt`.
pub struct ExactWriter {
    out: Vec<u8>,
    depth: usize,
    holes: Vec<usize>,
}

impl Default for ExactWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl ExactWriter {
    /// Begins a stored value.
    #[must_use]
    pub fn new() -> Self {
        Self {
            out: vec![EXACT, EXACT_VERSION],
            depth: 0,
            holes: Vec::new(),
        }
    }

    /// Begins a node that becomes part of another value, without the form's two bytes.
    pub(crate) fn headless() -> Self {
        Self {
            out: Vec::new(),
            depth: 0,
            holes: Vec::new(),
        }
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.out.push(tag::NULL);
    }

    /// Writes `undefined`.
    pub fn undefined(&mut self) {
        self.out.push(tag::UNDEFINED);
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) {
        self.out.push(if value { tag::TRUE } else { tag::FALSE });
    }

    /// Writes a number, as an integer if it is one of at most 2^53.
    pub fn number(&mut self, value: f64) {
        let negative_zero = value == 0.0 && value.is_sign_negative();
        if value.trunc() == value && value.abs() <= MAX_INTEGER && !negative_zero {
            let integer = value as i64;
            self.out.push(tag::INTEGER);
            put_varint(
                &mut self.out,
                ((integer << 1) ^ (integer >> 63)).cast_unsigned(),
            );
        } else {
            self.out.push(tag::NUMBER);
            self.out.extend(value.to_le_bytes());
        }
    }

    /// Writes a bigint: its sign and its little-endian magnitude. Drops trailing zero bytes.
    pub fn bigint(&mut self, negative: bool, magnitude: &[u8]) {
        let used = magnitude
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |at| at + 1);
        self.out
            .extend([tag::BIGINT, u8::from(negative && used > 0)]);
        put_bytes(&mut self.out, magnitude.get(..used).unwrap_or(&[]));
    }

    /// Writes a string.
    pub fn string(&mut self, text: JsStr<'_>) {
        self.out.push(tag::STRING);
        put_bytes(&mut self.out, text.as_bytes());
    }

    /// Writes the time value of a Date, in ms.
    pub fn date(&mut self, time_ms: f64) {
        self.out.push(tag::DATE);
        self.out.extend(time_ms.to_le_bytes());
    }

    /// Writes a buffer or a view. `content` has its elements, little-endian.
    pub fn bytes(&mut self, kind: BytesKind, content: &[u8]) {
        self.out.extend([tag::BYTES, kind.number()]);
        put_bytes(&mut self.out, content);
    }

    /// Writes a Blob with its content.
    pub fn blob(&mut self, media_type: JsStr<'_>, content: &[u8]) {
        self.blob_head(media_type);
        put_bytes(&mut self.out, content);
    }

    /// Writes a Blob whose content is passed to [`finish_filled`](Self::finish_filled).
    pub fn blob_later(&mut self, media_type: JsStr<'_>) {
        self.blob_head(media_type);
        self.holes.push(self.out.len());
    }

    /// Writes a reference to a Blob or File beside the value.
    pub fn attached(&mut self, attached: &Attached<'_>) {
        match attached.file {
            None => self.out.push(tag::ATTACHED_BLOB),
            Some((name, modified_ms)) => {
                self.out.push(tag::ATTACHED_FILE);
                put_bytes(&mut self.out, name.as_bytes());
                self.out.extend(modified_ms.to_le_bytes());
            }
        }
        self.out.extend(attached.id.0);
        put_varint(&mut self.out, attached.size);
        put_bytes(&mut self.out, attached.media_type.as_bytes());
        if let [EXACT, version, ..] = &mut self.out[..] {
            *version = match *version {
                EXACT_VERSION => EXACT_ATTACHED,
                EXACT_CITING => EXACT_BOTH,
                same => same,
            };
        }
    }

    /// Writes a reference to a content.
    pub fn blob_ref(&mut self, cited: &BlobRef<'_>) {
        self.out.push(tag::BLOB_REF);
        self.out.extend(cited.hash);
        put_varint(&mut self.out, cited.size);
        put_bytes(&mut self.out, cited.media_type.as_bytes());
        if let [EXACT, version, ..] = &mut self.out[..] {
            *version = match *version {
                EXACT_VERSION => EXACT_CITING,
                EXACT_ATTACHED => EXACT_BOTH,
                same => same,
            };
        }
    }

    fn blob_head(&mut self, media_type: JsStr<'_>) {
        self.out.push(tag::BLOB);
        put_bytes(&mut self.out, media_type.as_bytes());
    }

    /// Writes a File with its content.
    pub fn file(
        &mut self,
        name: JsStr<'_>,
        media_type: JsStr<'_>,
        modified_ms: f64,
        content: &[u8],
    ) {
        self.file_head(name, media_type, modified_ms);
        put_bytes(&mut self.out, content);
    }

    /// Writes a File whose content is passed to [`finish_filled`](Self::finish_filled).
    pub fn file_later(&mut self, name: JsStr<'_>, media_type: JsStr<'_>, modified_ms: f64) {
        self.file_head(name, media_type, modified_ms);
        self.holes.push(self.out.len());
    }

    fn file_head(&mut self, name: JsStr<'_>, media_type: JsStr<'_>, modified_ms: f64) {
        self.out.push(tag::FILE);
        put_bytes(&mut self.out, name.as_bytes());
        put_bytes(&mut self.out, media_type.as_bytes());
        self.out.extend(modified_ms.to_le_bytes());
    }

    /// Begins an array of `len` elements.
    ///
    /// # Errors
    /// `NotStorable` if it is nested more than [`MAX_DEPTH`] levels deep.
    pub fn begin_array(&mut self, len: usize) -> Result<()> {
        self.begin(tag::ARRAY, len)
    }

    /// Begins an object of `len` properties.
    ///
    /// # Errors
    /// `NotStorable` if it is nested too deeply.
    pub fn begin_object(&mut self, len: usize) -> Result<()> {
        self.begin(tag::OBJECT, len)
    }

    /// Begins a Map of `len` entries.
    ///
    /// # Errors
    /// `NotStorable` if it is nested too deeply.
    pub fn begin_map(&mut self, len: usize) -> Result<()> {
        self.begin(tag::MAP, len)
    }

    /// Begins a Set of `len` elements.
    ///
    /// # Errors
    /// `NotStorable` if it is nested too deeply.
    pub fn begin_set(&mut self, len: usize) -> Result<()> {
        self.begin(tag::SET, len)
    }

    fn begin(&mut self, tag: u8, len: usize) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(Error::new(
                Code::NotStorable,
                format!("a value is nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        self.depth += 1;
        self.out.push(tag);
        put_varint(&mut self.out, len as u64);
        Ok(())
    }

    /// Writes the name of a property. Write its value next.
    pub fn key(&mut self, name: JsStr<'_>) {
        put_bytes(&mut self.out, name.as_bytes());
    }

    /// Ends the innermost container.
    pub fn end(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The number of bytes written so far, which is the offset of the next ones if there are no holes.
    #[must_use]
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// How many contents [`finish_filled`](Self::finish_filled) needs.
    #[must_use]
    pub fn holes(&self) -> usize {
        self.holes.len()
    }

    /// The stored value.
    ///
    /// # Errors
    /// `Internal` if a content is still missing.
    pub fn finish(self) -> Result<Bytes> {
        if self.holes.is_empty() {
            Ok(self.out.into())
        } else {
            self.finish_filled(&[])
        }
    }

    /// The stored value, with the contents of the Blobs and Files in the order in which
    /// [`blob_later`](Self::blob_later) and [`file_later`](Self::file_later) were called.
    ///
    /// # Errors
    /// `Internal` if the number of contents differs from that of holes.
    pub fn finish_filled(self, contents: &[Bytes]) -> Result<Bytes> {
        if contents.len() != self.holes.len() {
            return Err(Error::internal(
                "the contents of a value's Blobs are missing",
            ));
        }
        let more: usize = contents.iter().map(|content| content.len() + 10).sum();
        let mut filled = Vec::with_capacity(self.out.len() + more);
        let mut from = 0;
        for (&hole, content) in self.holes.iter().zip(contents) {
            filled.extend_from_slice(self.out.get(from..hole).unwrap_or(&[]));
            put_bytes(&mut filled, content);
            from = hole;
        }
        filled.extend_from_slice(self.out.get(from..).unwrap_or(&[]));
        Ok(filled.into())
    }
}
