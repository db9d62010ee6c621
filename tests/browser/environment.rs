//! The browser's clocks, randomness and scheduling.

use futures_util::future::{Either, select};
use patchstore::env::Env;
use patchstore::env::browser::BrowserEnv;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
async fn sleeping_takes_its_time() {
    let before = BrowserEnv.monotonic_ms();
    BrowserEnv.sleep(40).await;
    let slept = BrowserEnv.monotonic_ms() - before;
    // Clocks are coarse where fingerprinting is resisted.
    assert!(slept >= 35.0, "{slept}");
    match select(BrowserEnv.sleep(u32::MAX), BrowserEnv.sleep(1)).await {
        Either::Left(_) => panic!("49 days have passed"),
        Either::Right(_) => {}
    }
}

#[wasm_bindgen_test]
async fn yielding_is_quick_and_lets_others_run() {
    let ran = Rc::new(Cell::new(false));
    let other = Rc::clone(&ran);
    BrowserEnv.spawn(Box::pin(async move { other.set(true) }));
    BrowserEnv.yield_now().await;
    assert!(ran.get());
    let before = BrowserEnv.monotonic_ms();
    for _ in 0..200 {
        BrowserEnv.yield_now().await;
    }
    // Timers would be clamped to 4 ms each.
    let each = (BrowserEnv.monotonic_ms() - before) / 200.0;
    assert!(each < 3.0, "{each} ms");
}

#[wasm_bindgen_test]
fn randomness_differs_and_clocks_are_sane() {
    let (mut one, mut two) = ([0; 16], [0; 16]);
    BrowserEnv.fill_random(&mut one);
    BrowserEnv.fill_random(&mut two);
    assert_ne!(one, two);
    assert!(BrowserEnv.now_ms() > 1_700_000_000_000.0);
    assert!(BrowserEnv.monotonic_ms() <= BrowserEnv.monotonic_ms());
}
