//! Moments that are held: what an export reads is not deleted under it.
//!
//! 1. Who holds a moment says so, naming an epoch that it knows ([`hold`]), *then* looks which one is stored: that one or a later one is what
//!    it goes on to read.
//! 2. Who deletes knows what first, by a root that is live, and *then* asks what is held ([`least`]).
//!
//! So either the second hears of the first, or the first finds what the second has flipped, and needs none of what goes.
//! Nobody relies on it: what is missing all the same is noticed by who needs it.

use std::any::Any;
use std::rc::Rc;

use crate::backend::Id;
use crate::engine::core::instance::{Core, Realm};

/// Holds a moment until it is dropped.
pub struct Hold {
    realm: Rc<Realm>,
    at: (Id, u64),
    /// What tells other tabs.
    _told: Option<Box<dyn Any>>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.realm.held.borrow_mut();
        if let Some(at) = held.iter().position(|each| *each == self.at) {
            held.swap_remove(at);
        }
    }
}

/// Holds what is known now, and everything later. What is stored must be taken in after that.
pub async fn hold(core: &Rc<Core>) -> Hold {
    let at = {
        let head = &core.state.borrow().head;
        (head.incarnation, head.epoch)
    };
    core.realm.held.borrow_mut().push(at);
    let mut hold = Hold {
        realm: core.realm.clone(),
        at,
        _told: None,
    };
    hold._told = core.connector.hold(at.0, at.1).await;
    hold
}

/// The least epoch of the patch that anybody holds: what was replaced by later ones must not go.
pub async fn least(core: &Core) -> Option<u64> {
    let life = core.state.borrow().head.incarnation;
    let others = core.connector.held(life).await;
    let held = core.realm.held.borrow();
    let own = held.iter().filter(|(of, _)| *of == life);
    own.map(|(_, epoch)| *epoch).chain(others).min()
}
