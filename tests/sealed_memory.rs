//! Memory that is given back has no keys in it: what was freed is searched before the allocator has it.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]
#![expect(unsafe_code, reason = "an allocator that looks must be one")]

use bytes::Bytes;
use patchstore::backend::memory::MemoryConnector;
use patchstore::backend::{Connector, Read, RecordKey, Reply};
use patchstore::codec::head::Head;
use patchstore::engine::access::Session;
use patchstore::engine::{Access, Engine, Options};
use patchstore::sealed::aead::Secret;
use patchstore::sealed::keys::{self, RawKey};
use patchstore::sealed::table::KeyTable;
use patchstore::sealed::vault::NoBulk;
use patchstore::simulation::SimEnv;
use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

thread_local! {
    static LOOKS: Cell<bool> = const { Cell::new(false) };
    static NEEDLES: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
    static FOUND: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Looking;

// SAFETY: everything is the system's allocator's; looking reads what is still the caller's.
unsafe impl GlobalAlloc for Looking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on. (Zeroed: what nobody has written is no find.)
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if LOOKS.replace(false) {
            // SAFETY: the block is of this size, and has been zeroed.
            let block = unsafe { std::slice::from_raw_parts(pointer, layout.size()) };
            NEEDLES.with_borrow(|needles| {
                let is_key = |window: &[u8]| needles.iter().any(|needle| needle == window);
                if block.windows(16).any(is_key) {
                    let trace = Backtrace::force_capture().to_string();
                    FOUND.with_borrow_mut(|found| found.push(trace));
                }
            });
            LOOKS.set(true);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Looking = Looking;

fn look_for(keys: &[[u8; 32]]) {
    let halves = keys
        .iter()
        .flat_map(|key| [*key.first_chunk().unwrap(), *key.last_chunk().unwrap()]);
    NEEDLES.set(halves.collect());
    LOOKS.set(true);
}

/// Where memory with a key in it was given back.
fn found() -> Vec<String> {
    LOOKS.set(false);
    FOUND.take()
}

const KEY: [u8; 32] = *b"the key of the patch, as bytes..";

async fn open(env: &SimEnv, connector: &MemoryConnector) -> Engine {
    let credential = Rc::new(RawKey::new(Secret::filled(|out| *out = KEY)));
    let bulk = Rc::new(NoBulk);
    let access = Access { credential, bulk };
    let (connector, env) = (Rc::new(connector.clone()), Rc::new(env.clone()));
    let opening = Engine::open_sealed(Rc::default(), connector, env, Options::default(), access);
    opening.await.unwrap().0
}

async fn work(engine: &Engine) {
    for n in 0..30_u8 {
        let write = engine.write(Box::new(move |w| {
            w.put(Bytes::from(vec![n; 3]), Bytes::from(vec![n; 9000]));
            Ok(())
        }));
        write.await.unwrap();
    }
    engine.compact().await.unwrap();
}

async fn head(connector: &MemoryConnector) -> Head {
    let backend = connector.open(Rc::new(|_| {})).await.unwrap();
    let replies = backend
        .read(vec![Read::Get(RecordKey::Head)])
        .await
        .unwrap();
    backend.close();
    let record = replies.into_iter().find_map(|reply| match reply {
        Reply::Record(record) => record,
        _ => None,
    });
    Head::decode(&record.unwrap()).unwrap()
}

#[test]
fn memory_that_is_given_back_has_no_keys_in_it() {
    let env = SimEnv::new(1);
    env.clone().block_on(async move {
        let connector = MemoryConnector::default();
        look_for(&[KEY]);
        let engine = open(&env, &connector).await;
        work(&engine).await;
        engine.close().await;
        drop(engine);
        let given = found();
        assert!(
            given.is_empty(),
            "{} times: {}",
            given.len(),
            given.join("\n\n")
        );

        let table = KeyTable::decode(&head(&connector).await.keys).unwrap();
        let key = RawKey::new(Secret::filled(|out| *out = KEY));
        let (keys, _) = keys::unlock(&table, &key).await.unwrap();
        let data = *keys.data(keys.writing()).unwrap().bytes();
        let all = [KEY, *keys.patch().bytes(), data];
        drop(keys);
        look_for(&all);
        let engine = open(&env, &connector).await;
        work(&engine).await;
        let key = Rc::new(RawKey::new(Secret::filled(|out| *out = KEY)));
        engine.set_key("another".into(), key).await.unwrap();
        engine.close().await;
        drop(engine);
        let given = found();
        assert!(
            given.is_empty(),
            "{} times: {}",
            given.len(),
            given.join("\n\n")
        );

        // That it looks:
        look_for(&[KEY]);
        drop(KEY.to_vec());
        assert_eq!(found().len(), 1);
    });
}
