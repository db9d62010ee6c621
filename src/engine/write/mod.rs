//! write

pub mod commit;
pub mod drafting;
pub mod enqueue;
pub mod line;
pub mod prepared;
pub mod rebuild;
pub mod sealing;
pub mod submit;
pub mod transaction;
pub mod turn;
pub mod write_ahead;
