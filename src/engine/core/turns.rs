//! What a realm knows of turns at the log.

use futures_channel::oneshot;

use crate::backend::Id;

/// What a realm knows of turns.
#[derive(Default)]
pub struct Turns {
    /// Another realm's turn, and until when it counts.
    pub theirs: Option<(Id, f64)>,
    /// The last one whose end was heard of, perhaps before its beginning.
    pub ended: Option<Id>,
    /// The turn of this realm, while it lasts.
    pub mine: Option<Mine>,
    /// Races that the first group has lost.
    pub losses: u32,
    /// This realm has held back: it commits before it does so again.
    pub owed: bool,
    /// Who waits for a turn to end.
    pub waiting: Vec<oneshot::Sender<()>>,
}

/// The turn that this realm has asked for.
pub struct Mine {
    /// Names it to the other realms; of two, the lower one goes first.
    pub ticket: Id,
    /// When it ends at the latest.
    pub until_ms: f64,
    /// When the other realms were last told of it.
    pub told_ms: f64,
    /// Until when this realm's own commits wait, for a transaction.
    pub alone_until_ms: f64,
}

impl Turns {
    /// The first group has lost a race.
    pub fn lost_race(&mut self) {
        self.losses += 1;
    }

    /// The first group has come to its end.
    pub fn settled(&mut self) {
        self.losses = 0;
        self.owed = false;
    }

    /// Until when this realm's next commit waits, if it does.
    pub fn held_until(&self) -> Option<f64> {
        if self.owed {
            return None;
        }
        let mine = self.mine.as_ref();
        let alone = mine.map(|mine| mine.alone_until_ms.min(mine.until_ms));
        let goes_first = |ticket| mine.is_none_or(|mine| ticket < mine.ticket);
        let theirs = self.theirs.filter(|(ticket, _)| goes_first(*ticket));
        later(alone, theirs.map(|(_, until_ms)| until_ms))
    }

    /// Until when a turn lasts that another one waits for.
    pub fn taken_until(&self) -> Option<f64> {
        let mine = self.mine.as_ref().map(|mine| mine.until_ms);
        later(mine, self.theirs.map(|(_, until_ms)| until_ms))
    }

    /// The turn of that name, if it is this realm's.
    pub fn mine(&mut self, ticket: Id) -> Option<&mut Mine> {
        self.mine.as_mut().filter(|mine| mine.ticket == ticket)
    }

    /// Lets those who wait look again.
    pub fn wake(&mut self) {
        self.waiting.clear();
    }
}

fn later(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}
