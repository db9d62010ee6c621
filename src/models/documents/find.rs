//! Finding documents.

use bytes::Bytes;

use super::Collection;
use super::projection::Projection;
use super::sort::Sorter;
use crate::codec::js_string::JsString;
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::models::pace::{BATCH_BYTES, BATCH_ITEMS, Pace};
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
    projection: Option<Projection>,
    sorter: Option<Sorter>,
    source: Source,
    skip: u64,
    left: u64,
    batch: Vec<Bytes>,
    bytes: usize,
    pace: Pace,
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
            projection: spec.fields.as_deref().map(Projection::new),
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
            skip: spec.skip,
            left: spec.limit.unwrap_or(u64::MAX),
            batch: Vec::new(),
            bytes: 0,
            pace: Pace::default(),
        }
    }

    /// The next stored documents, some hundreds at most; `None` when nothing is left.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Option<Vec<Bytes>>> {
        if self.sorter.is_some() {
            self.gather(r)?;
        }
        while self.left > 0 && self.batch.len() < BATCH_ITEMS && self.bytes < BATCH_BYTES {
            let Some(doc) = self.next(r)? else {
                self.left = 0;
                break;
            };
            self.hand_out(doc)?;
            self.pace.step(r)?;
        }
        self.bytes = 0;
        Ok(Some(std::mem::take(&mut self.batch)).filter(|batch| !batch.is_empty()))
    }

    /// Takes everything that matches into the sorter.
    fn gather(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        while let Some(doc) = self.next_match(r)? {
            if let Some(sorter) = &mut self.sorter {
                sorter.add(&doc)?;
            }
            self.pace.step(r)?;
        }
        Ok(())
    }

    fn next(&mut self, r: &mut dyn Reads) -> Attempt<Option<Bytes>> {
        match &mut self.sorter {
            Some(sorter) => Ok(sorter.pop()),
            None => self.next_match(r),
        }
    }

    fn next_match(&mut self, r: &mut dyn Reads) -> Attempt<Option<Bytes>> {
        match &mut self.source {
            Source::Done => Ok(None),
            Source::Id => {
                let id = self.query.id().cloned().unwrap_or_default();
                let found = r.get(&self.collection.id_key(id.as_js()))?;
                let doc = match self.collection.order_of(found)? {
                    Some(order) => r.get(&self.collection.doc_key(order))?,
                    None => None,
                };
                self.source = Source::Done;
                match doc {
                    Some(doc) if self.query.matches(&doc)? => Ok(Some(doc)),
                    _ => Ok(None),
                }
            }
            Source::Scan(cursor) => {
                while let Some((_, doc)) = r.next(cursor)? {
                    if self.query.matches(&doc)? {
                        return Ok(Some(doc));
                    }
                    self.pace.step(r)?;
                }
                self.source = Source::Done;
                Ok(None)
            }
        }
    }

    fn hand_out(&mut self, doc: Bytes) -> Attempt<()> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        let doc = match &self.projection {
            Some(projection) => projection.apply(&doc)?,
            None => doc,
        };
        self.left -= 1;
        self.bytes += doc.len();
        self.batch.push(doc);
        Ok(())
    }
}
