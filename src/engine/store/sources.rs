//! Where room comes from: decided from what is known, without touching anything.

use crate::engine::core::instance::Reserve;

/// How often one caller has the storage asked for what it keeps of deleted records.
const MOST_ATTEMPTS: u32 = 4;
/// How often once it has given up the reserve, which may come back late, or where others have asked in vain just now and
/// there is no reserve.
const FEW_ATTEMPTS: u32 = 2;

/// What is known where there is no room, and nothing dead is left to be deleted.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// Whether what is to be written frees room itself.
    pub frees: bool,
    /// Whether the origin takes much more than what this patch has stored.
    pub is_mostly_waste: bool,
    /// Whether with what is to be written the patch takes no more than before something was removed for room: the storage may
    /// not have given that back yet.
    pub is_relieved: bool,
    /// How often the storage was asked already.
    pub made: u32,
    /// Whether somebody has asked in vain just now.
    pub is_futile: bool,
    /// What is known of the reserve.
    pub reserve: Reserve,
    /// How often the storage had been asked when this caller gave the reserve up; none: it has not.
    pub given_up: Option<u32>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The storage is asked for what it keeps of deleted records.
    Reclaim,
    /// The reserve is given up.
    Reserve,
    /// There is none; asking again soon is in vain.
    Futile,
    /// For this, none is made.
    Refuse,
}

/// The source that costs least. For what only stores, room is made only where there must be plenty: else the last of
/// it would be full of data, with nothing left to delete them by.
#[must_use]
pub fn next(now: &Situation) -> Source {
    if !now.frees && !now.is_mostly_waste && !now.is_relieved {
        return Source::Refuse;
    }
    let has_none = now.reserve == Reserve::Gone;
    let most = match now.given_up {
        Some(made) => made + FEW_ATTEMPTS,
        None if now.is_futile && now.frees && has_none => FEW_ATTEMPTS,
        None if now.is_futile => 0,
        None if now.frees || now.is_relieved => MOST_ATTEMPTS,
        None => 1,
    };
    if now.made < most {
        Source::Reclaim
    } else if now.frees && !has_none {
        Source::Reserve
    } else {
        Source::Futile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(frees: bool, made: u32) -> Situation {
        Situation {
            frees,
            is_mostly_waste: true,
            is_relieved: false,
            made,
            is_futile: false,
            reserve: Reserve::Unknown,
            given_up: None,
        }
    }

    #[test]
    fn what_frees_room_gets_it_by_asking_then_from_the_reserve() {
        for made in 0..4 {
            assert_eq!(next(&situation(true, made)), Source::Reclaim);
        }
        let asked = situation(true, 4);
        assert_eq!(next(&asked), Source::Reserve);
        let there = Situation {
            reserve: Reserve::There,
            ..asked
        };
        assert_eq!(next(&there), Source::Reserve);
        let gone = Situation {
            reserve: Reserve::Gone,
            ..asked
        };
        assert_eq!(next(&gone), Source::Futile);
        // What the reserve took may come late.
        for (made, then) in [
            (4, Source::Reclaim),
            (5, Source::Reclaim),
            (6, Source::Futile),
        ] {
            let given_up = Situation {
                made,
                given_up: Some(4),
                ..gone
            };
            assert_eq!(next(&given_up), then);
        }
    }

    #[test]
    fn who_comes_after_a_futile_attempt_is_spared_most_of_the_waiting() {
        let futile = Situation {
            is_futile: true,
            ..situation(true, 0)
        };
        assert_eq!(next(&futile), Source::Reserve);
        for (made, then) in [
            (0, Source::Reclaim),
            (1, Source::Reclaim),
            (2, Source::Futile),
        ] {
            let gone = Situation {
                made,
                reserve: Reserve::Gone,
                ..futile
            };
            assert_eq!(next(&gone), then);
        }
        let storing = Situation {
            is_futile: true,
            ..situation(false, 0)
        };
        assert_eq!(next(&storing), Source::Futile);
    }

    #[test]
    fn what_only_stores_gets_what_is_plenty_once_and_never_the_reserve() {
        assert_eq!(next(&situation(false, 0)), Source::Reclaim);
        assert_eq!(next(&situation(false, 1)), Source::Futile);
        let full = Situation {
            is_mostly_waste: false,
            ..situation(false, 0)
        };
        assert_eq!(next(&full), Source::Refuse);
        let frees = Situation {
            is_mostly_waste: false,
            ..situation(true, 0)
        };
        assert_eq!(next(&frees), Source::Reclaim);
    }

    #[test]
    fn what_only_stores_waits_for_what_was_removed_for_it() {
        let relieved = |made| Situation {
            is_mostly_waste: false,
            is_relieved: true,
            ..situation(false, made)
        };
        for made in 0..4 {
            assert_eq!(next(&relieved(made)), Source::Reclaim);
        }
        assert_eq!(next(&relieved(4)), Source::Futile);
        let futile = Situation {
            is_futile: true,
            ..relieved(0)
        };
        assert_eq!(next(&futile), Source::Futile);
    }
}
