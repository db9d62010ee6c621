import { isDead } from "./glue.js";
import { guarded } from "./trap.js";

/** The stores of every database of ours. */
const STORES = "blobs,head,log,runs";
/** How long the browser may take, ms; what it is asked for goes on. */
const PATIENCE_MS = 5000;

/**
 * Removes the database of a patch that was deleted, provided that nobody has it open: a frozen tab would
 * block that, and with it every later open. Whoever has it open shares a Web Lock; it is taken alone at
 * once or, after tabs that run had a moment to let go, not at all. The next listing tries again.
 */
export async function sweep(database: string): Promise<void> {
  // Without such locks, nobody knows who has it open.
  const locks = globalThis.navigator?.locks;
  for (let pause = 25; locks !== undefined && pause < 400; pause *= 2) {
    const swept = await locks.request(`patchstore:${database}`, { ifAvailable: true }, async (lock) => {
      if (lock) await Promise.race([removeDead(database), sleep(PATIENCE_MS)]);
      return lock;
    });
    if (swept) return;
    await sleep(pause);
  }
}

/** Looks again, now that nobody can get in between: somebody may have opened the patch anew. */
async function removeDead(name: string): Promise<void> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.transaction?.abort();
  const database = await asked(opening);
  try {
    if (Array.from(database.objectStoreNames).join() !== STORES) return;
    const head = await asked<Uint8Array | undefined>(
      database.transaction("head").objectStore("head").get("head"),
    );
    if (!guarded(() => isDead(head))) return;
  } finally {
    database.close();
  }
  await asked(indexedDB.deleteDatabase(name));
}

function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
