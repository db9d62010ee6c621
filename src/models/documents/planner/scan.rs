//! Ranges of an index's entries.

use super::order::Order;
use crate::codec::js_string::JsString;
use crate::engine::access::KeyRange;

/// A scan of some entries of one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The index's number.
    pub index: u64,
    /// Its fields.
    pub fields: Vec<JsString>,
    /// Where the entries lie: ascending, apart.
    pub ranges: Vec<KeyRange>,
    /// From the last one on.
    pub is_descending: bool,
    /// In what order the entries come.
    pub order: Order,
    /// Whether a document may have several entries there, so that places have to be made distinct.
    pub has_doubles: bool,
    /// Where documents with entries here match for certain and all that match have one entry here: so that counting entries counts them,
    /// and no document has to be looked at. Only if these ranges hold nothing.
    pub counts: Option<Vec<KeyRange>>,
}

impl Scan {
    /// Whether each entry has what is handed out of these fields (`_id` comes along always), so that no document has to be looked at: the
    /// numbers of the index's paths that are wanted. (An entry may yet say that its values are not to be had from it.)
    #[must_use]
    pub fn covers(&self, fields: &[JsString]) -> Option<Vec<usize>> {
        let is_told = self.counts.as_ref().is_some_and(Vec::is_empty) && !self.has_doubles;
        let place = |name: &JsString| self.fields.iter().position(|field| field == name);
        let id = [JsString::from("_id")];
        let wanted = id.iter().chain(fields).map(|field| {
            let is_property = !field.as_bytes().contains(&b'.');
            place(field).filter(|_| is_told && is_property)
        });
        let mut wanted: Vec<usize> = wanted.collect::<Option<_>>()?;
        wanted.sort_unstable();
        wanted.dedup();
        Some(wanted)
    }
}
