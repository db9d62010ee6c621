//! What a transaction has read is remembered in bounded memory, however much that is, and still guards it.

use super::{World, key, memory, put, read};
use patchstore::limits::MAX_READ_SET_BYTES;

const KEYS: usize = 600_000;
/// Keys of one call.
const AT_ONCE: usize = 1_000;

#[test]
fn of_very_many_keys() {
    World::run(async |world| {
        let (engine, other) = (world.open().await, world.open().await);
        put(&engine, 0).await.unwrap();
        // Another tab writes what was read, and what was not.
        for (written, is_met) in [(KEYS / 2, true), (2 * KEYS, false)] {
            let transaction = engine.begin().await.unwrap();
            let before = memory::held();
            for part in 0..KEYS / AT_ONCE {
                let found = read(
                    &transaction,
                    Box::new(move |r| {
                        for n in 0..AT_ONCE {
                            // Scattered: each once.
                            let at = (part * AT_ONCE + n) * 7_919 % KEYS;
                            r.get(&key(at))?;
                        }
                        Ok(())
                    }),
                );
                found.await;
            }
            let held = memory::held() - before;
            assert!(held < MAX_READ_SET_BYTES, "{held} bytes for {KEYS} keys");
            put(&transaction, 3 * KEYS).await.unwrap();
            put(&other, written).await.unwrap();
            assert_eq!(transaction.commit().await.unwrap(), !is_met, "{written}");
        }
    });
}
