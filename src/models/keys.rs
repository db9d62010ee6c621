//! The keys of the models' records.
//!
//! ```text
//! 0x01 scope collection        what is defined of it        → see `codec::catalog`
//! 0x10 scope key               a key-value pair             → stored value
//! 0x20 scope collection order  a document                   → stored value
//! 0x21 scope collection id     where a document lies        → 12 bytes of its order
//! 0x22 scope collection        the collection came to be    → nothing
//! 0x23 scope collection path per  a counter of a sequence   → see `documents::sequences`
//! 0x50 key                     a pair of the patch's meta   → stored value
//! 0x58 key                     an adapter's record          → stored value
//! 0x59 key                     a pair of its meta           → stored value
//! 0x5A id owner                an entry of its log          → stored value
//! 0x5B                         the last id given            → 8 bytes, big-endian
//! scope = 0x01 string (a node) | 0x02 string (a named store)
//! ```
//!
//! Strings as in [`tuple`]; `order` is the last 12 bytes. `id` and `owner` (see `adapter_log`) have 8 bytes each.

use bytes::Bytes;

use super::names::check_name;
use super::scope::Scope;
use crate::codec::js_string::JsStr;
use crate::codec::kinds::key::{OF_NAME as NAME, OF_NODE as NODE};
use crate::codec::tuple;
use crate::engine::access::KeyRange;
use crate::error::{Error, Result};

pub use crate::codec::kinds::key::{
    ADAPTER_ENTRY, ADAPTER_LAST, ADAPTER_META, ADAPTER_RECORD, COLLECTION, CONTENT, DEFINITION,
    DOCUMENT, ID, META, OWNED, PAIR as KV, SEQUENCE,
};

/// Where all key-value pairs, all documents and all records of adapters lie: what a patch counts as its records.
#[must_use]
pub fn record_ranges() -> Vec<KeyRange> {
    [KV, DOCUMENT, ADAPTER_RECORD].map(all_of).into()
}

/// Where the contents of blobs lie, each once.
#[must_use]
pub fn content_ranges() -> Vec<KeyRange> {
    vec![all_of(CONTENT)]
}

/// Where everything lies that a copy must not take the place of.
#[must_use]
pub fn data_ranges() -> Vec<KeyRange> {
    let beside = [
        DEFINITION,
        META,
        ADAPTER_META,
        ADAPTER_ENTRY,
        ADAPTER_LAST,
        CONTENT,
    ];
    let beside = beside.into_iter().map(all_of);
    record_ranges().into_iter().chain(beside).collect()
}

/// Every key of a kind.
#[must_use]
pub fn all_of(kind: u8) -> KeyRange {
    tuple::prefix_range(Bytes::copy_from_slice(&[kind]))
}

/// `kind scope`, the beginning of every key of that kind in that scope.
///
/// # Errors
/// `InvalidArgument` when the scope's name is empty or too long.
pub fn scope_prefix(kind: u8, scope: &Scope) -> Result<Vec<u8>> {
    let (tag, what, name) = match scope {
        Scope::Node(id) => (NODE, "the node's id", id.as_js()),
        Scope::Name(name) => (NAME, "the store's name", name.as_js()),
    };
    check_name(what, name)?;
    let mut key = Vec::with_capacity(name.as_bytes().len() + 3);
    key.extend([kind, tag]);
    tuple::push_string(&mut key, name);
    Ok(key)
}

/// A scope as it is encoded in keys.
///
/// # Errors
/// `InvalidArgument` when the scope's name is empty or too long.
pub fn encoded_scope(scope: &Scope) -> Result<Bytes> {
    Ok(Bytes::from(scope_prefix(KV, scope)?).slice(1..))
}

/// The keys of one kind in an encoded scope.
#[must_use]
pub fn range_of(kind: u8, scope: &[u8]) -> KeyRange {
    let mut prefix = Vec::with_capacity(scope.len() + 1);
    prefix.push(kind);
    prefix.extend_from_slice(scope);
    tuple::range_within(prefix.into())
}

/// The scopes of all nodes, in one kind of keys.
#[must_use]
pub fn node_range(kind: u8) -> KeyRange {
    tuple::prefix_range(Bytes::copy_from_slice(&[kind, NODE]))
}

/// `kind scope name`, the beginning of every key of that kind in that collection.
///
/// # Errors
/// `InvalidArgument` when a name is empty or too long.
pub fn collection_prefix(kind: u8, scope: &Scope, collection: JsStr<'_>) -> Result<Bytes> {
    check_name("the collection's name", collection)?;
    let mut key = scope_prefix(kind, scope)?;
    tuple::push_string(&mut key, collection);
    Ok(key.into())
}

/// `prefix` and one more string.
#[must_use]
pub fn with_string(prefix: &[u8], text: JsStr<'_>) -> Bytes {
    let mut key = Vec::with_capacity(prefix.len() + text.as_bytes().len() + 1);
    key.extend_from_slice(prefix);
    tuple::push_string(&mut key, text);
    key.into()
}

/// The encoded scope in a key of a model, for telling scopes apart without decoding them.
/// `None` for keys that belong to no scope.
#[must_use]
pub fn scope_bytes(key: &[u8]) -> Option<&[u8]> {
    let (&kind, rest) = key.split_first()?;
    if !OWNED.contains(&kind) && ![DEFINITION, SEQUENCE].contains(&kind) {
        return None;
    }
    let (_, name) = rest.split_first()?;
    let (encoded, _) = tuple::split_string(name).ok()?;
    rest.get(..encoded.len() + 2)
}

/// Decodes what [`scope_bytes`] gave.
///
/// # Errors
/// `Corrupt` when the bytes are not a scope.
pub fn read_scope(bytes: &[u8]) -> Result<Scope> {
    let (tag, rest) = bytes.split_first().ok_or_else(corrupt)?;
    let (name, _) = tuple::read_string(rest)?;
    match *tag {
        NODE => Ok(Scope::Node(name)),
        NAME => Ok(Scope::Name(name)),
        _ => Err(corrupt()),
    }
}

/// The scope that a key belongs to, for the events of a commit.
#[must_use]
pub fn scope_of(key: &[u8]) -> Option<Scope> {
    read_scope(scope_bytes(key)?).ok()
}

/// The scopes that keys belong to, each once, in the order of their keys' bytes.
#[must_use]
pub fn scopes_of<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Vec<Scope> {
    // In order up to `sorted`, so that scopes which alternate are found, and few are put in order again.
    let (mut seen, mut sorted) = (Vec::<&[u8]>::new(), 0);
    for bytes in keys.into_iter().filter_map(scope_bytes) {
        // Neighbours in a batch mostly share their scope.
        let known = seen.get(..sorted).unwrap_or_default();
        if seen.last() == Some(&bytes) || known.binary_search(&bytes).is_ok() {
            continue;
        }
        seen.push(bytes);
        if seen.len() > 2 * sorted + 16 {
            seen.sort_unstable();
            seen.dedup();
            sorted = seen.len();
        }
    }
    seen.sort_unstable();
    seen.dedup();
    seen.into_iter()
        .filter_map(|bytes| read_scope(bytes).ok())
        .collect()
}

fn corrupt() -> Error {
    Error::corrupt("a stored key does not name a scope")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_and_a_store_of_one_name_are_apart() {
        let node = Scope::Node("x".into());
        let name = Scope::Name("x".into());
        let a = scope_prefix(KV, &node).unwrap();
        let b = scope_prefix(DOCUMENT, &name).unwrap();
        assert_eq!(scope_of(&a), Some(node.clone()));
        assert_eq!(
            scopes_of([&b[..], &a, &a, &b, b"\x01other"]),
            vec![node, name]
        );
    }

    #[test]
    fn of_many_scopes_in_any_order_each_is_there_once() {
        for (scopes, times) in [(2, 1000), (40, 7), (300, 3)] {
            let name = |n: usize| Scope::Name(format!("{n:03}").into());
            let keys: Vec<_> = (0..scopes * times)
                .map(|n| scope_prefix(KV, &name(n * 7 % scopes)).unwrap())
                .collect();
            let all: Vec<_> = (0..scopes).map(name).collect();
            assert_eq!(scopes_of(keys.iter().map(|key| &key[..])), all);
        }
    }

    #[test]
    fn what_is_no_record_has_no_scope() {
        assert_eq!(scope_of(b""), None);
        assert_eq!(scope_of(b"\x10\x01unterminated"), None);
        assert_eq!(scope_of(b"\x10\x07x\0"), None);
    }

    #[test]
    fn meta_belongs_to_no_scope_and_is_no_record() {
        let holds = |ranges: &[KeyRange], key: &[u8]| {
            ranges.iter().any(|r| *r.from <= *key && *key < *r.until)
        };
        for kind in [META, ADAPTER_META, ADAPTER_ENTRY, ADAPTER_LAST] {
            let key = [kind, b'k', 0];
            assert_eq!(scope_bytes(&key), None);
            assert!(!holds(&record_ranges(), &key) && holds(&data_ranges(), &key));
        }
        assert!(holds(&record_ranges(), &[ADAPTER_RECORD, b'k', 0]));
    }

    #[test]
    fn what_is_defined_is_data_of_its_scope_and_no_record() {
        let scope = Scope::Name("x".into());
        let key = collection_prefix(DEFINITION, &scope, "c".into()).unwrap();
        let holds = |ranges: &[KeyRange], key: &[u8]| {
            ranges.iter().any(|r| *r.from <= *key && *key < *r.until)
        };
        assert_eq!(scope_of(&key), Some(scope));
        assert!(holds(&data_ranges(), &key) && !holds(&record_ranges(), &key));
        // The version of the data says nothing of what is there.
        assert!(!holds(&data_ranges(), &[0x03]));
        assert_eq!(scope_of(&[0x03]), None);
    }

    #[test]
    fn names_are_checked() {
        assert!(scope_prefix(KV, &Scope::Name("".into())).is_err());
        let long = "é".repeat(1000);
        assert!(scope_prefix(KV, &Scope::Name(long.as_str().into())).is_ok());
        assert!(scope_prefix(KV, &Scope::Name((long + "x").into())).is_err());
    }
}
