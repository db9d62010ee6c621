//! What every backend must do, written once against the traits.
//!
//! Each check gets a [`World`] with a database that nothing was stored in yet.
//! `every_check!(m)` hands the names of all checks to the macro `m`.

mod events;
mod flips;
mod log;
mod records;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use patchstore::backend::{
    Append, Appended, Backend, Connector, Durability, Event, Failure, Id, IdStore, Read, RecordKey,
    Reply, Signal, Write,
};
use std::cell::RefCell;
use std::rc::Rc;

pub use events::*;
pub use flips::*;
pub use log::*;
pub use records::*;

/// Where a check runs.
pub struct World {
    /// Opens the database under test.
    pub connector: Box<dyn Connector>,
    /// Lets a little time pass.
    pub pause: Box<dyn Fn() -> LocalBoxFuture<'static, ()>>,
}

/// Calls `$callback!` with the names of all checks.
#[macro_export]
macro_rules! every_check {
    ($callback:ident) => {
        $callback! {
            a_new_database_is_empty,
            bytes_come_back_as_they_were,
            stores_do_not_mix,
            ids_are_sorted_and_counted,
            deleting_what_is_not_there_is_fine,
            transactions_of_nothing_succeed,
            transactions_take_effect_in_the_order_of_the_calls,
            putting_a_frame_is_refused_whole,
            strict_writes_are_writes,
            frames_are_numbered_in_the_order_of_the_calls,
            frames_are_read_in_pages,
            an_explicit_number_moves_the_generator,
            a_filled_hole_does_not_move_the_generator,
            a_taken_number_writes_nothing,
            cutting_the_log_keeps_the_numbers_going,
            a_database_that_was_cleared_is_empty_and_goes_on_counting,
            an_append_by_number_sees_the_head_of_its_moment,
            a_write_can_add_a_frame,
            an_append_brings_its_pieces,
            numbers_end_at_2_to_the_53,
            a_flip_sees_and_writes,
            a_flip_that_declines_writes_nothing,
            a_flip_that_fails_writes_nothing,
            flips_take_turns_with_everything_else,
            flips_of_two_connections_lose_no_update,
            connections_share_the_records,
            notify_wakes_the_others_only,
            signals_reach_the_others_only,
            closing_settles_what_is_under_way_and_ends_the_rest,
            reopening_finds_everything,
        }
    };
}

/// Opens a connection whose events do not matter.
pub async fn open(world: &World) -> Rc<dyn Backend> {
    world.connector.open(Rc::new(|_| {})).await.unwrap()
}

/// Opens a connection and notes its events.
pub async fn open_noting(world: &World) -> (Rc<dyn Backend>, Rc<RefCell<Vec<Event>>>) {
    let noted = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&noted);
    let events = Rc::new(move |event| sink.borrow_mut().push(event));
    (world.connector.open(events).await.unwrap(), noted)
}

/// An id whose bytes are all `byte`.
pub fn id(byte: u8) -> Id {
    Id([byte; 16])
}

/// The bytes of a text.
pub fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// A frame without pieces.
pub fn frame(content: &str, at: Option<u64>) -> Append {
    Append {
        frame: text(content),
        at,
        pieces: Vec::new(),
    }
}

/// One relaxed commit, issued now.
pub fn append(
    backend: &Rc<dyn Backend>,
    append: Append,
) -> LocalBoxFuture<'static, Result<Appended, Failure>> {
    backend.append(append, Durability::Relaxed)
}

/// One relaxed write, issued now.
pub fn write(
    backend: &Rc<dyn Backend>,
    writes: Vec<Write>,
) -> LocalBoxFuture<'static, Result<(), Failure>> {
    backend.write(writes, Durability::Relaxed)
}

/// A put of a text.
pub fn put(key: RecordKey, content: &str) -> Write {
    Write::Put(key, text(content))
}

/// The record under `key`.
pub async fn get(backend: &Rc<dyn Backend>, key: RecordKey) -> Option<Bytes> {
    match backend.read(vec![Read::Get(key)]).await.unwrap().as_slice() {
        [Reply::Record(record)] => record.clone(),
        other => panic!("one record was asked for: {other:?}"),
    }
}

/// All frames, as texts.
pub async fn frames(backend: &Rc<dyn Backend>) -> Vec<(u64, String)> {
    match backend
        .read(vec![Read::Frames {
            after: 0,
            limit: u32::MAX,
        }])
        .await
        .unwrap()
        .as_slice()
    {
        [Reply::Frames(frames)] => frames
            .iter()
            .map(|(number, bytes)| (*number, String::from_utf8(bytes.to_vec()).unwrap()))
            .collect(),
        other => panic!("frames were asked for: {other:?}"),
    }
}

/// Whether the outcome is [`Failure::Aborted`].
pub fn is_aborted<T>(outcome: &Result<T, Failure>) -> bool {
    matches!(outcome, Err(Failure::Aborted(..)))
}
