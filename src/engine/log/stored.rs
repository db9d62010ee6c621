//! What is stored of a patch's state: head, root, and the frames that are not in the directory.

use bytes::Bytes;

use crate::backend::{Read, RecordKey, Reply};
use crate::codec::head::Head;
use crate::codec::root::Root;
use crate::codec::seal;
use crate::error::{Error, Result};

/// Every frame.
pub const ALL: u32 = u32::MAX;

/// What a reload reads, in one transaction.
pub struct Stored {
    /// The head, which says of what epoch the others are.
    pub head: Head,
    /// The root of the same epoch.
    pub root: Root,
    /// The frames above the head's position.
    pub frames: Vec<(u64, Bytes)>,
}

/// Decodes a head, of which this engine has the keys if it needs any. `seals`: whether it has keys.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`, `Encrypted`.
pub fn read_head(record: &Bytes, seals: bool) -> Result<Head> {
    let head = Head::decode(record)?;
    if head.keys.is_empty() || seals {
        Ok(head)
    } else {
        Err(seal::encrypted())
    }
}

/// Decodes what a reload read; `None` when there is no head.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`, `Encrypted`.
pub fn decode_stored(replies: &[Reply], seals: bool) -> Result<Option<Stored>> {
    let [
        Reply::Record(head),
        Reply::Record(root),
        Reply::Frames(frames),
    ] = replies
    else {
        return Err(Error::internal("a read got no reply"));
    };
    let Some(head) = (head.as_ref())
        .map(|head| read_head(head, seals))
        .transpose()?
    else {
        return Ok(None);
    };
    let decoded = |record| Root::decode(head.incarnation, record);
    let root = root.as_ref().map(decoded).transpose()?;
    let root = root.ok_or_else(|| Error::corrupt("the root of the directory is missing"))?;
    if root.epoch != head.epoch {
        return Err(Error::corrupt(format!(
            "the root has epoch {}, the head epoch {}",
            root.epoch, head.epoch
        )));
    }
    let frames = frames
        .iter()
        .filter(|(number, _)| *number > head.position)
        .cloned()
        .collect();
    Ok(Some(Stored { head, root, frames }))
}

/// The requests of a reload.
#[must_use]
pub fn stored_reads() -> Vec<Read> {
    vec![
        Read::Get(RecordKey::Head),
        Read::Get(RecordKey::Root),
        Read::Frames {
            after: 0,
            limit: ALL,
        },
    ]
}
