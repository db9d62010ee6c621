//! Telling at a glance that a document cannot match.
//!
//! JSON documents are stored as `JSON.stringify` wrote them: without white space, each name, string,
//! number and literal in its one spelling. Where a field equals such a value, the text of both is
//! somewhere in the document's. The other way round says nothing: it may lie deeper, or in a string.

/// Bytes looked for; more would only make the worst case worse, which is their product with the text's.
const MAX_BYTES: usize = 32;

/// A text that is looked for, by Horspool's algorithm: most bytes of a document are never looked at.
#[derive(Debug, Clone)]
pub(super) struct Needle {
    text: Vec<u8>,
    /// How far to go on where a byte stands under the last one of the text.
    shifts: Box<[u8; 256]>,
}

impl Needle {
    /// Looks for the last bytes of `text`; `None` where there are none.
    pub fn new(text: &[u8]) -> Option<Self> {
        let text = text.get(text.len().saturating_sub(MAX_BYTES)..)?;
        let (_, before_last) = text.split_last()?;
        let mut shifts = Box::new([text.len() as u8; 256]);
        for (at, byte) in before_last.iter().enumerate() {
            if let Some(shift) = shifts.get_mut(usize::from(*byte)) {
                *shift = (before_last.len() - at) as u8;
            }
        }
        Some(Self {
            text: text.to_vec(),
            shifts,
        })
    }

    /// Whether it is in `text`.
    pub fn is_in(&self, text: &[u8]) -> bool {
        let mut end = self.text.len();
        while let Some(&last) = text.get(end - 1) {
            if Some(&last) == self.text.last()
                && text.get(..end).unwrap_or_default().ends_with(&self.text)
            {
                return true;
            }
            end += self
                .shifts
                .get(usize::from(last))
                .map_or(1, |shift| usize::from(*shift));
        }
        false
    }
}
