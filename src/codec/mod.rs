//! What bytes mean.

pub mod order;
pub mod tuple;
pub mod value;
