//! Finding documents.

use bytes::Bytes;

use super::Collection;
use super::projection::Projection;
use super::sort::{Part, Sorter};
use crate::codec::js_string::JsString;
use crate::codec::value::Form;
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::error::Result;
use crate::limits;
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

/// Who wants no more documents than this is unlikely to read all of a collection.
const FEW: u64 = 64;
/// Bytes of a document, each time that it is gone through, that are looked at in one piece.
const PIECE_BYTES: usize = 4 << 20;
/// How often to breathe to have the clock looked at.
const DEEP_BREATH: u32 = 4;

/// A query under way. In insertion order unless sorted.
pub struct Find {
    collection: Collection,
    query: Query,
    sorter: Option<Sorter>,
    source: Source,
    large: Option<Large>,
    window: Window,
    pace: Pace,
}

/// A document so large that it is looked at condition by condition, then field by field.
struct Large {
    doc: Bytes,
    conditions: usize,
    key: Vec<Part>,
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
            None => {
                let mut cursor = Cursor::new(collection.all(), false);
                let few = spec.limit.is_some_and(|limit| limit <= FEW);
                cursor.reads_ahead = !few || !spec.sort.is_empty();
                Source::Scan(cursor)
            }
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
            large: None,
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
        if matches!(self.source, Source::Id) {
            self.large = self.by_id(r)?;
            self.source = Source::Done;
        }
        loop {
            if self.large.is_some() && !self.look_at_large(r, out)? {
                break;
            }
            let Source::Scan(cursor) = &mut self.source else {
                break;
            };
            let (query, window, sorter) = (&self.query, &mut self.window, &mut self.sorter);
            let large = &mut self.large;
            let passes = query.len() + sorter.as_ref().map_or(0, Sorter::len);
            r.scan(cursor, true, &mut |_, doc| {
                if doc.len().saturating_mul(passes) > PIECE_BYTES {
                    *large = Some(Large::new(doc)?);
                    return Ok(false);
                }
                if !query.matches(doc)? {
                    return Ok(true);
                }
                match sorter {
                    Some(sorter) => sorter.add(doc).map(|()| true),
                    None => window.hand_out(doc, out),
                }
            })?;
            if self.large.is_none() {
                break;
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

    /// Looks at the large document, and hands it out or to be sorted if it matches; whether more are wanted.
    fn look_at_large(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<bool> {
        let Some(large) = &mut self.large else {
            return Ok(true);
        };
        let form = Form::of(&large.doc)?;
        while large.conditions < self.query.len() {
            if !self.query.holds(large.conditions, form)? {
                self.large = None;
                return Ok(true);
            }
            large.conditions += 1;
            breathe_deep(r)?;
        }
        if let Some(sorter) = &self.sorter {
            while let Some(part) = sorter.part(large.key.len(), form)? {
                large.key.push(part);
                breathe_deep(r)?;
            }
        }
        let Some(Large { doc, key, .. }) = self.large.take() else {
            return Ok(true);
        };
        Ok(match &mut self.sorter {
            Some(sorter) => sorter.add_with(key, &doc).map(|()| true)?,
            None => self.window.hand_out(&doc, out)?,
        })
    }

    fn by_id(&self, r: &mut dyn Reads) -> Attempt<Option<Large>> {
        let id = self.query.id().cloned().unwrap_or_default();
        let found = r.get(&self.collection.id_key(id.as_js()))?;
        let doc = match self.collection.order_of(found)? {
            Some(order) => r.get(&self.collection.doc_key(order))?,
            None => None,
        };
        Ok(doc.map(Large::of))
    }
}

impl Large {
    /// # Errors
    /// `LimitExceeded` where there is no memory for a copy.
    fn new(doc: &[u8]) -> Result<Self> {
        limits::room_for(doc.len())?;
        Ok(Self::of(Bytes::copy_from_slice(doc)))
    }

    fn of(doc: Bytes) -> Self {
        Self {
            doc,
            conditions: 0,
            key: Vec::new(),
        }
    }
}

/// To be called where an item is worth a slice of time.
fn breathe_deep(r: &mut dyn Reads) -> Attempt<()> {
    (0..DEEP_BREATH).try_for_each(|_| r.breathe())
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
