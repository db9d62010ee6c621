//! Changing a level's part of the directory: only the pages that are touched are rewritten.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use crate::backend::RecordKey;
use crate::codec::entry::Entry;
use crate::codec::root::{Garbage, PageRef, check_entries, encode_directory_page};
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::checked;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::Need;
use crate::engine::store::load::load;
use crate::engine::store::staging::Staging;
use crate::error::{Error, Result};

/// A directory page is split above this many entries.
const PAGE_ENTRIES: usize = 128;

/// The entries of a directory page.
///
/// # Errors
/// [`LoadError`].
pub async fn entries_of(core: &Rc<Core>, page: &PageRef) -> Result<Rc<Vec<Entry>>, LoadError> {
    loop {
        if let Some(entries) = core.context.cache.directory(page.id) {
            let bounds = entries.first().zip(entries.last());
            let is_it = bounds.is_some_and(|(a, b)| a.first == page.first && b.last == page.last);
            let other = || Error::corrupt("a directory page is not the one that its level lists");
            return is_it.then_some(entries).ok_or_else(|| other().into());
        }
        load(core, Need::Directory(page.id).into()).await?;
    }
}

/// All entries of a level that touch the keys from `first` to `last`, both inclusive.
///
/// # Errors
/// [`LoadError`].
pub async fn overlapping(
    core: &Rc<Core>,
    level: &[PageRef],
    first: &[u8],
    last: &[u8],
) -> Result<Vec<Entry>, LoadError> {
    let mut out = Vec::new();
    for page in level
        .iter()
        .filter(|p| p.first.as_ref() <= last && first <= p.last.as_ref())
    {
        let entries = entries_of(core, page).await?;
        out.extend(
            entries
                .iter()
                .filter(|entry| entry.overlaps(first, last))
                .cloned(),
        );
    }
    Ok(out)
}

/// Replaces entries of a level: `edit` gets the entries of the pages around the keys from
/// `first` to `last` and gives those that are to be there. What is replaced is added to
/// `garbage`, the new pages are staged.
///
/// # Errors
/// [`LoadError`].
pub fn edit<'a>(
    core: &'a Rc<Core>,
    staging: &'a mut Staging,
    level: &'a mut Vec<PageRef>,
    bounds: (&'a [u8], &'a [u8]),
    garbage: &'a mut Vec<Garbage>,
    edit: Box<dyn FnOnce(Vec<Entry>) -> Vec<Entry> + 'a>,
) -> LocalBoxFuture<'a, Result<(), LoadError>> {
    // Boxed, so that its state is not part of every caller's.
    edit_now(core, staging, level, bounds, garbage, edit).boxed_local()
}

async fn edit_now(
    core: &Rc<Core>,
    staging: &mut Staging,
    level: &mut Vec<PageRef>,
    (first, last): (&[u8], &[u8]),
    garbage: &mut Vec<Garbage>,
    edit: Box<dyn FnOnce(Vec<Entry>) -> Vec<Entry> + '_>,
) -> Result<(), LoadError> {
    let mut from = level.partition_point(|page| page.last.as_ref() < first);
    let mut until = level.partition_point(|page| page.first.as_ref() <= last);
    if from >= until {
        // Between two pages: the neighbour takes it in.
        from = from.min(level.len()).saturating_sub(1);
        until = (from + 1).min(level.len());
    }
    let mut entries = Vec::new();
    for page in level.get(from..until).unwrap_or_default() {
        entries.extend(entries_of(core, page).await?.iter().cloned());
    }
    let entries = edit(entries);
    checked(core, check_entries(&entries))?;
    let parts = entries.len().div_ceil(PAGE_ENTRIES).max(1);
    let mut pages = Vec::new();
    for chunk in entries.chunks(entries.len().div_ceil(parts).max(1)) {
        let id = core.new_id();
        let (record, reference) = encode_directory_page(id, chunk);
        core.context
            .cache
            .put_directory(id, Rc::new(chunk.to_vec()));
        staging.put(RecordKey::Run(id), record).await?;
        pages.extend(reference);
    }
    let replaced = level.splice(from..until, pages);
    // The size of a directory page is not recorded; it is small.
    garbage.extend(replaced.map(|page| Garbage::new(RecordKey::Run(page.id), 0)));
    Ok(())
}

/// Entries without those that are `gone`, with those that were added, in the order of their keys.
pub fn replaced(
    mut entries: Vec<Entry>,
    gone: &dyn Fn(&Entry) -> bool,
    added: Vec<Entry>,
) -> Vec<Entry> {
    entries.retain(|entry| !gone(entry));
    entries.extend(added);
    // (Their keys do not overlap.)
    entries.sort_unstable_by(|a, b| a.first.cmp(&b.first));
    entries
}
