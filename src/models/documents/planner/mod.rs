//! How a query runs over the indexes of a collection: pure, of definitions, bounds and estimates. Whatever the plan is, the
//! whole query is asked of every document that it comes to.
//!
//! An index serves where its first path is bound, or where it gives the order; then one is used, however much it
//! narrows down, and estimates choose among those that serve. Where there is one way only, nothing is estimated.

mod candidate;
mod choose;
mod order;
mod scan;

pub use candidate::{fixed, sort_of};
pub use choose::{Plan, Ranges, Wanted, no_definition, plan};
pub use order::{Order, Sort};
pub use scan::Scan;

#[cfg(test)]
mod tests;
