//! From a call to a committed frame.
//!
//! A call enters by [`submit`]: its draft is made ([`drafting`]) and put into the queue ([`enqueue`]), at once on warm
//! data, else in the [`line`], which keeps program order and bars what changes the catalog from the rest ([`barrier`]). The [`commit`]ter takes group after group: calls whose reads
//! were overtaken run again ([`rebuild`]), the patch's budget is asked ([`admit`]), the group is sealed ([`sealing`], large
//! ones by [`write_ahead`]) and appended ([`send`]), and its calls are told once it counts ([`acknowledge`]).
//! A [`transaction`] drafts over many steps and enters by [`prepared`]; a [`turn`] holds other tabs back for one that
//! keeps losing.
//!
//! Called by the engine's door and by whole-patch operations.

pub mod acknowledge;
pub mod admit;
pub mod barrier;
pub mod commit;
pub mod drafting;
pub mod enqueue;
pub mod line;
pub mod prepared;
pub mod rebuild;
pub mod sealing;
pub mod send;
pub mod submit;
pub mod switch_on;
pub mod transaction;
pub mod turn;
pub mod write_ahead;
