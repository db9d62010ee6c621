//! Whether the entries of an index come in the order that is wanted.

use crate::codec::js_string::JsString;

/// The order in which the entries of a scan come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// None that helps: the places or the documents have to be sorted.
    Any,
    /// The one that is wanted; by place where nothing is to be sorted by, and among equal ones.
    Wanted,
    /// The ranges each come in the order that is wanted, and have to be merged by it.
    Merged,
    /// By some of what is wanted: the entries that agree in their first components have to be sorted by what is wanted, and by place.
    Runs {
        /// How many components.
        components: usize,
        /// How many of the fields to sort by these give, without those in which all that match are equal.
        sorted: usize,
    },
}

/// What the entries have to be sorted by: without fields in which all that match are equal, and without those that
/// stand there a second time.
#[derive(Debug, Clone, Default)]
pub struct Sort(Vec<(JsString, bool)>);

impl Sort {
    /// Of the fields (`true`: descending), without those that are `fixed`.
    pub(super) fn new(by: &[(JsString, bool)], fixed: &dyn Fn(&JsString) -> bool) -> Self {
        let mut kept: Vec<(JsString, bool)> = Vec::new();
        for (field, descending) in by {
            let is_there = kept.iter().any(|(other, _)| other == field);
            if !is_there && !fixed(field) {
                kept.push((field.clone(), *descending));
            }
        }
        Self(kept)
    }

    /// Whether the places are all that sorts.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields, from the one that sorts first.
    pub fn fields(&self) -> impl Iterator<Item = &JsString> {
        self.0.iter().map(|(field, _)| field)
    }

    /// The first field, and whether descending.
    #[must_use]
    pub fn first(&self) -> Option<&(JsString, bool)> {
        self.0.first()
    }

    /// Whether the first one descends.
    #[must_use]
    pub fn is_descending(&self) -> bool {
        self.first().is_some_and(|(_, descending)| *descending)
    }

    /// What entries give of this that agree in the first `alike` paths, are sorted by the others and then by place; those that are `fixed`
    /// are equal in all that match.
    pub(super) fn given_by(
        &self,
        paths: &[JsString],
        alike: usize,
        fixed: &dyn Fn(&JsString) -> bool,
    ) -> Order {
        let (mut sorted, mut components) = (0, alike);
        for (at, path) in paths.iter().enumerate().skip(alike) {
            if fixed(path) {
                continue;
            }
            match self.0.get(sorted) {
                Some((field, descending))
                    if field == path && *descending == self.is_descending() =>
                {
                    sorted += 1;
                    components = at + 1;
                }
                _ => break,
            }
        }
        let behind = paths.get(components..).unwrap_or_default();
        if sorted == self.0.len() && behind.iter().all(fixed) {
            Order::Wanted
        } else if sorted > 0 {
            Order::Runs { components, sorted }
        } else {
            Order::Any
        }
    }

    /// Whether these many of its fields are all.
    pub(super) fn is_all(&self, sorted: usize) -> bool {
        sorted == self.0.len()
    }
}
