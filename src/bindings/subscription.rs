//! Telling the facade of commits, of steps for room, and of the end.

use js_sys::{Array, Function};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::strings;
use crate::engine::{Engine, Notice, Reason, Subscription};
use crate::error::Result;
use crate::models::{Scope, keys};

/// A subscription that lasts until it is freed.
#[wasm_bindgen]
pub struct SubscriptionPort {
    subscription: Subscription,
}

impl SubscriptionPort {
    /// Tells of an engine; see `PatchPort::subscribe`.
    #[must_use]
    pub fn new(engine: &Engine, changed: Function, short: Function, ended: Function) -> Self {
        if let Some(reason) = engine.closed() {
            // It closed while it was being opened, or before this handle got it.
            let _ = ended.call1(&JsValue::UNDEFINED, &reason_name(reason).into());
        }
        let listener = move |notice: &Notice| tell(notice, &changed, &short, &ended);
        let subscription = engine.subscribe(Rc::new(listener));
        subscription.attend(false);
        Self { subscription }
    }
}

#[wasm_bindgen]
impl SubscriptionPort {
    /// Sets whether to report other tabs' commits promptly, rather than whenever they happen to be applied.
    pub fn attend(&self, attends: bool) {
        self.subscription.attend(attends);
    }
}

fn tell(notice: &Notice, changed: &Function, short: &Function, ended: &Function) {
    // The facade's callbacks only queue its listeners; they do not throw.
    let none = JsValue::UNDEFINED;
    let _ = match notice {
        Notice::Commit { remote, writes } => {
            let ranges = writes.ranges().iter().map(|(from, _)| from);
            let touched = writes.keys().iter().chain(ranges).map(|key| &**key);
            // Of a large batch, only the first and last keys of its segments are known.
            let mut ends = writes.segments().iter();
            let is_vague =
                ends.any(|(first, last)| keys::scope_bytes(first) != keys::scope_bytes(last));
            let scopes = if is_vague {
                Array::new()
            } else {
                // Without memory for their names, the scopes cannot be reported.
                flat(keys::scopes_of(touched)).unwrap_or_default()
            };
            changed.call2(&none, &(*remote).into(), &scopes)
        }
        // Other tabs' commits are no longer known individually.
        Notice::Cut => changed.call2(&none, &true.into(), &Array::new()),
        // Whoever watches a key looks.
        Notice::Expiry => return,
        Notice::Quota { level, action } => {
            let (usage, quota) = *level;
            short.call3(&none, &usage.into(), &quota.into(), &action.name().into())
        }
        Notice::Closed(reason) => ended.call1(&none, &reason_name(*reason).into()),
    };
}

fn flat(scopes: Vec<Scope>) -> Result<Array> {
    let out = Array::new();
    for scope in scopes {
        let (kind, name) = match &scope {
            Scope::Node(name) => ("node", name),
            Scope::Name(name) => ("name", name),
        };
        out.push(&kind.into());
        out.push(&strings::to_js(name.as_js())?);
    }
    Ok(out)
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Closed => "closed",
        Reason::Deleted => "deleted",
        Reason::VersionChange => "versionchange",
        Reason::Lost | Reason::Broken(_) => "lost",
    }
}
