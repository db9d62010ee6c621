//! Simulated worlds for tests that run the facade in JavaScript (feature `simulation`). One instance of the wasm is a
//! world of tabs that share a database; JavaScript advances it step by step. Code that runs between two steps belongs
//! to the tab whose task was polled last.

use js_sys::{Function, Promise};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::{open, outcome};
use crate::backend::Durability;
use crate::backend::simulated::{Fault, SimConnector, SimDatabase, Timing};
use crate::bindings::host::{running, set_world};
use crate::engine::{self, Absent, Engine, Limits, Options, Realm};
use crate::env::Env;
use crate::simulation::SimEnv;

/// A simulated world: its tabs and the database that they share.
#[wasm_bindgen]
pub struct World {
    env: SimEnv,
    database: SimDatabase,
}

#[wasm_bindgen]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "tests count in numbers that JavaScript holds exactly"
)]
impl World {
    /// A world whose random choices all follow from `seed`.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(seed: f64) -> Self {
        let env = SimEnv::new(seed as u64);
        set_world(env.clone());
        let database = SimDatabase::new(&env);
        Self { env, database }
    }

    /// Polls one task. False if nothing can happen any more, or if the world does not come to rest.
    #[must_use]
    pub fn step(&self) -> bool {
        self.env.step()
    }

    /// The time of day, in milliseconds since the epoch.
    #[wasm_bindgen(js_name = nowMs)]
    #[must_use]
    pub fn now_ms(&self) -> f64 {
        self.env.now_ms()
    }

    /// The monotonic clock, in milliseconds.
    #[wasm_bindgen(js_name = monotonicMs)]
    #[must_use]
    pub fn monotonic_ms(&self) -> f64 {
        running().monotonic_ms()
    }

    /// Sets what percentage of clock readings find that work has taken long.
    #[wasm_bindgen(js_name = setLongWork)]
    pub fn set_long_work(&self, percent: u32) {
        self.env.set_long_work(percent.into());
    }

    /// Calls back in the running tab after `us` microseconds.
    pub fn after(&self, us: f64, callback: Function) {
        after(&running(), us, callback);
    }

    /// Sets the longest delays, in microseconds, and the percentage of wake-ups that are lost.
    pub fn pace(&self, effect_us: u32, settle_us: u32, late_us: u32, wake_us: u32, loss: u32) {
        self.database.set_timing(Timing {
            effect_us: effect_us.into(),
            settle_us: settle_us.into(),
            late_us: late_us.into(),
            wake_us: wake_us.into(),
            wake_loss_percent: loss.into(),
            ..Timing::default()
        });
    }

    /// Limits the bytes in the stores; undefined removes the limit.
    #[wasm_bindgen(js_name = setQuota)]
    pub fn set_quota(&self, bytes: Option<u32>) {
        self.database.set_quota(bytes.map(|bytes| bytes as usize));
    }

    /// Cuts all connections.
    pub fn sever(&self) {
        self.database.sever();
    }

    /// Requests an upgrade of the database, which makes connections receive `versionchange`.
    #[wasm_bindgen(js_name = wantUpgrade)]
    pub fn want_upgrade(&self) {
        self.database.want_upgrade();
    }

    /// Clears the origin's storage, as a user can in the browser's settings.
    pub fn clear(&self) {
        self.database.clear();
    }

    /// How many injected faults have occurred so far.
    #[wasm_bindgen(js_name = faultsMet)]
    #[must_use]
    pub fn faults_met(&self) -> f64 {
        self.database.faults_met().values().sum::<usize>() as f64
    }

    /// Opens a new tab in this world.
    #[must_use]
    pub fn tab(&self) -> Tab {
        let env = self.env.new_realm();
        let connector = SimConnector::new(&env, &self.database);
        Tab {
            env,
            connector,
            realm: Rc::default(),
        }
    }
}

/// A simulated tab, from its opening to its death.
#[wasm_bindgen]
pub struct Tab {
    env: SimEnv,
    connector: SimConnector,
    realm: Rc<Realm>,
}

#[wasm_bindgen]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests count in numbers that JavaScript holds exactly"
)]
impl Tab {
    /// Opens an engine like `openPort`. With `log_frames` below 100, the engine flushes at that number of frames and
    /// merges early.
    #[wasm_bindgen(js_name = openPort)]
    pub fn open_port(&self, strict: bool, cache_bytes: f64, log_frames: u32) -> Promise {
        let mut options = Options {
            cache_bytes: cache_bytes as usize,
            absent: Absent::Create,
            ..Options::default()
        };
        if strict {
            options.durability = Durability::Strict;
        }
        if log_frames < 100 {
            options.idle_ms = 1_400;
            options.limits = Limits {
                log_frames: log_frames as usize,
                log_bytes: 200_000,
                piece_bytes: 300_000,
                garbage_bytes: 100_000,
                level0_bytes: 1_000,
                level1_bytes: 20_000,
            };
        }
        let connector = Rc::new(self.connector.clone());
        let env = Rc::new(self.env.clone());
        let opening = Engine::open_in(self.realm.clone(), connector, env, options);
        open::opened(opening, false)
    }

    /// Deletes the patch. Resolves to whether there was one.
    #[wasm_bindgen(js_name = deletePort)]
    pub fn delete_port(&self) -> Promise {
        let deleted = engine::delete(Rc::new(self.connector.clone()), Rc::new(|| false));
        outcome::promise(Box::pin(deleted), outcome::plain)
    }

    /// Whether the task polled last belongs to this tab.
    #[wasm_bindgen(js_name = isRunning)]
    #[must_use]
    pub fn is_running(&self) -> bool {
        running().is_same_realm(&self.env)
    }

    /// Calls back in this tab after `us` microseconds.
    pub fn after(&self, us: f64, callback: Function) {
        after(&self.env, us, callback);
    }

    /// Freezes the tab: none of its tasks run until it is thawed.
    pub fn freeze(&self) {
        self.env.freeze();
    }

    /// Thaws the tab.
    pub fn thaw(&self) {
        self.env.thaw();
    }

    /// Kills the tab: none of its tasks run again, and it no longer blocks other tabs.
    pub fn kill(&self) {
        self.connector.thaw();
        self.connector.sever();
        self.env.thaw();
        self.env.kill();
    }

    /// Cuts this tab's connections.
    pub fn sever(&self) {
        self.connector.sever();
    }

    /// Injects a fault into the n-th transaction from now.
    pub fn fault(&self, kind: u8, nth: f64) {
        let why = || "no reason".to_owned();
        let fault = match kind {
            0 => Fault::Abort(why()),
            1 => Fault::Misreported(why()),
            2 => Fault::Quota,
            3 => Fault::LostBefore,
            4 => Fault::LostAfter,
            5 => Fault::FrozenBefore,
            _ => Fault::FrozenAfter,
        };
        self.connector
            .fault_at(self.connector.issued() + nth as u64, fault);
    }

    /// Resumes frozen transactions.
    pub fn release(&self) {
        self.connector.release();
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests count in numbers that JavaScript holds exactly"
)]
fn after(env: &SimEnv, us: f64, callback: Function) {
    let slept = env.sleep_us(us as u64);
    env.spawn(Box::pin(async move {
        slept.await;
        if let Err(thrown) = callback.call0(&JsValue::UNDEFINED) {
            wasm_bindgen::throw_val(thrown);
        }
    }));
}
