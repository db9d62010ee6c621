//! Finding documents.

use bytes::Bytes;

use super::Collection;
use super::projection::Projection;
use super::sort::Sorter;
use crate::codec::js_string::JsString;
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::error::Result;
use crate::models::pace::Pace;
use crate::models::query::Query;

/// How to hand out what a query finds.
#[derive(Debug, Clone, Default)]
pub struct FindSpec {
    /// Fields (dotted paths too) and whether descending; the first decides first.
    pub sort: Vec<(JsString, bool)>,
    /// Leave out this many.
    pub skip: u64,
    /// At most this many.
    pub limit: Option<u64>,
    /// Only these fields (dotted paths too), and `_id`.
    pub fields: Option<Vec<JsString>>,
}

/// A query under way. In insertion order unless sorted.
pub struct Find {
    collection: Collection,
    query: Query,
    sorter: Option<Sorter>,
    source: Source,
    window: Window,
    pace: Pace,
}

/// Takes what is found.
pub type Out<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// What is handed out of what is found.
struct Window {
    projection: Option<Projection>,
    skip: u64,
    left: u64,
}

enum Source {
    /// The one document that can match.
    Id,
    Scan(Cursor),
    Done,
}

impl Find {
    /// Begins a query.
    #[must_use]
    pub fn new(collection: &Collection, query: Query, spec: FindSpec) -> Self {
        let source = match query.id() {
            Some(_) => Source::Id,
            None => Source::Scan(Cursor::new(collection.all(), false)),
        };
        let sorted = !spec.sort.is_empty() && query.id().is_none();
        Self {
            collection: collection.clone(),
            sorter: sorted.then(|| {
                Sorter::new(
                    &spec.sort,
                    spec.limit.map(|limit| limit.saturating_add(spec.skip)),
                )
            }),
            source: if spec.limit == Some(0) {
                Source::Done
            } else {
                source
            },
            query,
            window: Window {
                projection: spec.fields.as_deref().map(Projection::new),
                skip: spec.skip,
                left: spec.limit.unwrap_or(u64::MAX),
            },
            pace: Pace::default(),
        }
    }

    /// Hands every stored document that is found to `out`. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. What `out` fails with.
    pub fn step(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        match &mut self.source {
            Source::Done => {}
            Source::Id => {
                if let Some(doc) = self.by_id(r)? {
                    self.window.hand_out(&doc, out)?;
                }
            }
            Source::Scan(cursor) => {
                let (query, window, sorter) = (&self.query, &mut self.window, &mut self.sorter);
                r.scan(cursor, true, &mut |_, doc| {
                    if !query.matches(doc)? {
                        return Ok(true);
                    }
                    match sorter {
                        Some(sorter) => sorter.add(doc).map(|()| true),
                        None => window.hand_out(doc, out),
                    }
                })?;
            }
        }
        self.source = Source::Done;
        let Some(sorter) = &mut self.sorter else {
            return Ok(());
        };
        while !sorter.prepare() {
            r.breathe()?;
        }
        while self.window.left > 0
            && let Some(doc) = sorter.pop()
        {
            self.window.hand_out(&doc, out)?;
            self.pace.step(r)?;
        }
        Ok(())
    }

    fn by_id(&self, r: &mut dyn Reads) -> Attempt<Option<Bytes>> {
        let id = self.query.id().cloned().unwrap_or_default();
        let found = r.get(&self.collection.id_key(id.as_js()))?;
        let doc = match self.collection.order_of(found)? {
            Some(order) => r.get(&self.collection.doc_key(order))?,
            None => None,
        };
        match doc {
            Some(doc) if self.query.matches(&doc)? => Ok(Some(doc)),
            _ => Ok(None),
        }
    }
}

impl Window {
    /// Hands a document out, if it is not to be left out; whether more are wanted.
    fn hand_out(&mut self, doc: &[u8], out: &mut Out<'_>) -> Result<bool> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(true);
        }
        match &self.projection {
            Some(projection) => out(&projection.apply(doc)?)?,
            None => out(doc)?,
        }
        self.left -= 1;
        Ok(self.left > 0)
    }
}
