import { isRemains } from "./glue.js";
import { guarded, settled } from "./trap.js";

/** How long the browser may take, ms. What it answers later is not acted upon. */
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
    const swept = await new Promise<boolean>((resolve, reject) => {
      const released = locks.request(`patchstore:${database}`, { ifAvailable: true }, async (lock) => {
        if (!lock) return false;
        // Looked at now that nobody can get in between: somebody may have opened the patch anew.
        if (await intime(settled(guarded(() => isRemains(database))), false)) {
          const deletion = removed(database);
          // As long as that lasts, the lock is held: whoever opens it has to wait for it anyway.
          intime(deletion, undefined).then(() => resolve(true), reject);
          await deletion;
        }
        return true;
      });
      released.then(resolve, reject);
    });
    if (swept) return;
    await sleep(pause);
  }
}

/**
 * Runs `work` while nobody has the database open; false if somebody has. A listing has it only for a moment. Without Web
 * Locks, only this realm's engines are known, to the caller.
 */
export async function alone(database: string, work: () => Promise<unknown>): Promise<boolean> {
  const locks = globalThis.navigator?.locks;
  const holding = async (lock: Lock | null) => {
    if (lock) await work();
    return lock !== null;
  };
  for (let pause = 25; locks !== undefined && pause < 400; pause *= 2) {
    if (await locks.request(`patchstore:${database}`, { ifAvailable: true }, holding)) return true;
    await sleep(pause);
  }
  if (locks === undefined) await work();
  return locks === undefined;
}

const removed = (database: string) => asked(indexedDB.deleteDatabase(database));

export const intime = <T>(result: Promise<T>, late: T) => Promise.race([result, sleep(PATIENCE_MS).then(() => late)]);

export function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
