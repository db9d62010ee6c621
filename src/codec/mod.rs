//! The stored formats: how records, keys and values are encoded as bytes.

pub mod archive;
pub mod batch;
pub mod catalog;
pub mod cell;
pub mod data_version;
pub mod entry;
pub mod expiry;
pub mod feature;
pub mod frame;
pub mod head;
pub mod io;
pub mod js_string;
pub mod kinds;
pub mod marks;
pub mod order;
pub mod page;
pub mod page_builder;
pub mod range;
pub mod root;
pub mod seal;
pub mod segment;
pub mod sort_key;
pub mod stamp;
pub mod tags;
pub mod tuple;
pub mod value;
