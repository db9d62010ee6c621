//! Switching the op-log on, copying, and forgetting removals.

use futures_util::future::{join, join_all};
use patchstore::backend::simulated::SimConnector;
use patchstore::codec::feature::Feature;
use patchstore::codec::stamp::Stamp;
use patchstore::engine::{Engine, Options};
use patchstore::models::keys::record_ranges;
use patchstore::models::op_log::service::Service;
use patchstore::simulation::SimEnv;
use std::rc::Rc;

use super::device::Device;

async fn unlogged(device: &Device) -> Engine {
    let env = device.env.new_realm();
    let connector = Rc::new(SimConnector::new(&env, &device.database));
    let opened = Engine::open(connector, Rc::new(env), Options::default());
    opened.await.unwrap()
}

#[test]
fn what_is_older_has_the_stamp_of_the_switch_and_all_tabs_log_from_then_on() {
    for seed in 0..20 {
        let env = SimEnv::new(seed);
        env.clone().block_on(async move {
            let device = Device::new(&env);
            let old = unlogged(&device).await;
            let tab = super::device::Tab {
                env: env.clone(),
                engine: old,
            };
            device.tabs.borrow_mut().push(tab);
            for key in 0..30 {
                device.write(0, key, key).await.unwrap();
            }
            let pending = device.write(0, 40, 1);
            let switched = device.open().await.unwrap();
            pending.await.unwrap();
            // The tab that was open without it.
            device.write(0, 3, 99).await.unwrap();
            let logged = switched.engine.op_log().unwrap();
            let found = device.records().await.unwrap();
            assert_eq!(found.len(), 31);
            let at_switch = found.iter().filter(|record| record.stamp == logged.since);
            assert!((29..=30).contains(&at_switch.count()));
            let later = found.iter().filter(|record| record.stamp > logged.since);
            assert!((1..=2).contains(&later.count()));
            assert_eq!(
                device
                    .pending()
                    .await
                    .unwrap()
                    .iter()
                    .filter(|(_, entry)| entry.stamp > logged.since)
                    .count(),
                device.pending().await.unwrap().len()
            );
            device.check().await;
        });
    }
}

#[test]
fn a_copy_is_another_device_with_the_same_states() {
    let env = SimEnv::new(3);
    env.clone().block_on(async move {
        let (source, target) = (Device::new(&env), Device::new(&env));
        for key in 0..20 {
            source.write(0, key, key).await.unwrap();
        }
        source.write(5, 3, 0).await.unwrap();
        source.write(7, 1, 5).await.unwrap();
        let root = source.root().await.unwrap();
        let to = unlogged(&target).await;
        let (_, from) = source.tab().await;
        let copied = from.copy_to(&to, record_ranges(), Rc::new(|| false));
        copied.await.unwrap();
        let tab = super::device::Tab {
            env: env.clone(),
            engine: to,
        };
        target.tabs.borrow_mut().push(tab);
        assert_eq!(target.root().await.unwrap(), root);
        assert!(target.pending().await.unwrap().is_empty());
        let (_, copy) = target.tab().await;
        assert_ne!(copy.op_log().unwrap().device, from.op_log().unwrap().device);
        // What is written to it now is later than all that it has.
        target.write(0, 5, 7).await.unwrap();
        let written = target.pending().await.unwrap()[0].1.stamp;
        let records = source.records().await.unwrap();
        assert!(records.iter().all(|record| record.stamp < written));
    });
}

#[test]
fn removals_are_forgotten_while_others_write() {
    for seed in 0..30 {
        let env = SimEnv::new(seed);
        env.clone().block_on(async move {
            let device = Device::new(&env);
            for _ in 0..2 {
                let tab = device.open().await.unwrap();
                device.tabs.borrow_mut().push(tab);
            }
            for key in 0..12 {
                device.write(0, key, key).await.unwrap();
                // So that whoever removes it knows of it.
                device.refresh().await;
                device.write(5, key, 0).await.unwrap();
            }
            let engines: Vec<Engine> = device
                .tabs
                .borrow()
                .iter()
                .map(|tab| tab.engine.clone())
                .collect();
            device.refresh().await;
            let before = engines[0].now();
            let service = Service::new(&engines[0], Rc::new(env.clone()));
            let future = Stamp {
                ms: before.ms + 10_000_000,
                counter: 0,
            };
            assert!(service.collect(future, "me".into()).await.is_err());
            // Some are written again meanwhile, by either tab: their states must stay, also where a removal was found
            // before and is to be forgotten just then.
            let writing = (0..6).map(|key| {
                let (device, pause_us) = (&device, env.random_below(4_000));
                async move {
                    device.env.sleep_us(pause_us).await;
                    device.write(0, key, 77).await.unwrap();
                }
            });
            let collecting = service.collect(before, "me".into());
            let (forgotten, _) = join(collecting, join_all(writing)).await;
            let forgotten = forgotten.unwrap();
            assert!((6..=12).contains(&forgotten), "{forgotten}");
            device.check().await;
            assert_eq!(device.data().await.len(), 6);
            // Whoever lost its state would have been given that of the switch by now.
            let found = device.records().await.unwrap();
            assert_eq!(found.len(), 6);
            assert!(found.iter().all(|record| record.stamp >= before));
            assert!(engines[1].has(Feature::OpLog));
        });
    }
}
