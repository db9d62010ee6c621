//! What happens between devices.

use patchstore::Code;
use patchstore::models::op_log::remote::Remote;
use patchstore::simulation::SimEnv;
use std::cell::RefCell;

use super::device::Device;

/// Steps of a world.
const STEPS: u64 = 60;

/// A channel to a device: holds what was sent, hands some of it over, some of it twice, in any order, and forgets some.
#[derive(Default)]
struct Channel(RefCell<Vec<Remote>>);

impl Channel {
    fn send(&self, env: &SimEnv, entries: &[Remote]) {
        for entry in entries {
            let times = env.random_below(4);
            for _ in 0..times.min(2) {
                let mut held = self.0.borrow_mut();
                let at = env.random_below(held.len() as u64 + 1) as usize;
                held.insert(at, entry.clone());
            }
        }
    }

    fn receive(&self, env: &SimEnv) -> Vec<Remote> {
        let mut held = self.0.borrow_mut();
        let count = env.random_below(held.len() as u64 + 1) as usize;
        held.drain(..count).collect()
    }
}

pub fn run(seed: u64) {
    let env = SimEnv::new(seed);
    env.clone().block_on(async move {
        let count = 2 + (seed % 2) as usize;
        let devices: Vec<Device> = (0..count).map(|_| Device::new(&env)).collect();
        let channels: Vec<Channel> = (0..count).map(|_| Channel::default()).collect();
        for _ in 0..STEPS {
            let at = env.random_below(count as u64) as usize;
            step(&env, &devices[at], at, &channels).await;
        }
        settle(&devices).await;
    });
}

async fn step(env: &SimEnv, device: &Device, at: usize, channels: &[Channel]) {
    match env.random_below(24) {
        0 => {
            let tab = device.open().await.unwrap();
            device.tabs.borrow_mut().push(tab);
        }
        1 => device.kill(),
        2 => {
            let tab = device.tabs.borrow_mut().pop();
            if let Some(tab) = tab {
                tab.engine.close().await;
            }
        }
        3 => {
            // While something is being written.
            let what = env.random_below(13);
            let tabs = device.tabs.borrow().len();
            let writing = device.write(what, env.random_below(6), env.random_below(1_000));
            if tabs > 1 {
                device.kill();
            }
            drop(writing);
        }
        4 => {
            device.database.cut_power();
            device
                .tabs
                .borrow_mut()
                .drain(..)
                .for_each(|tab| tab.env.kill());
        }
        5..9 => {
            let found = device.pending().await.unwrap();
            let (ids, entries): (Vec<u64>, Vec<Remote>) = found.into_iter().unzip();
            for (to, channel) in channels.iter().enumerate() {
                if to != at {
                    channel.send(env, &entries);
                }
            }
            if env.chance(30) {
                // (What the channels have lost comes by records.)
                device.acknowledge(&ids, env.random_below(4)).await.unwrap();
            }
        }
        9..12 => {
            let entries = channels[at].receive(env);
            let applied = device.service().await.apply(entries).await;
            assert!(applied.is_ok_and(|applied| applied.refused.is_empty()));
        }
        12 => device.check().await,
        13 => drop(device.root().await.unwrap()),
        _ => {
            let what = env.random_below(13);
            let done = device
                .write(what, env.random_below(6), env.random_below(1_000))
                .await;
            let is_done = done.is_ok();
            assert!(is_done || done.is_err_and(|error| error.code() == Code::Conflict));
            if is_done && what < 5 {
                // What was acknowledged has its entry, until somebody acknowledges that.
                assert!(!device.pending().await.unwrap().is_empty());
            }
        }
    }
}

/// Lets every device have all that any has.
async fn settle(devices: &[Device]) {
    for round in 0..3 {
        let mut all = Vec::new();
        for device in devices {
            device.check().await;
            all.extend(device.records().await.unwrap());
        }
        for (at, device) in devices.iter().enumerate() {
            // In another order on each.
            let mut sent = all.clone();
            if at > 0 {
                sent.reverse();
            }
            let found = device.service().await.apply(sent).await.unwrap();
            assert!(found.refused.is_empty());
            assert!(
                round < 2 || found.applied == 0,
                "what is known was applied again"
            );
        }
    }
    let data = devices[0].data().await;
    let root = devices[0].root().await.unwrap();
    for device in devices {
        device.check().await;
        assert_eq!(device.data().await, data);
        // And again, from what is stored.
        for _ in 0..2 {
            assert_eq!(device.root().await.unwrap(), root);
            device.env.sleep_us(200_000).await;
        }
        device.pending().await.unwrap();
    }
}
