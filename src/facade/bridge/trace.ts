import { asked, intime } from "./sweep.js";

/** Lists patches that were deleted where there is no localStorage; a database of ours. */
export const DELETED = "patchstore-deleted";
const NAMES = "names";

/** For so long a deletion that was begun keeps others from leaving a trace, ms. It may have been cut short. */
const DELETION_MS = 60_000;
/** How long it takes at most until a page sees what another has written to localStorage, ms. */
const SEEN_MS = 150;

/**
 * What tells a patch whose data the browser has dropped from a new one: an entry in localStorage, which names the life of
 * the patch that holds data. A deletion removes it; where the patch has another life than it says, nobody has deleted
 * the one before. Where there is no localStorage (in workers, or if it is denied), no trace is left, and none is found.
 */
export class Trace {
  readonly #database: string;
  readonly #life: string;
  #left = false;
  #evicted: Promise<boolean> | undefined;

  constructor(database: string, life: Uint8Array) {
    this.#database = database;
    this.#life = Array.from(life, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Whether data were there that have gone since. Looked up once. */
  isEvicted(): Promise<boolean> {
    this.#evicted ??= this.#look().catch(() => false);
    return this.#evicted;
  }

  async #look(): Promise<boolean> {
    if (!this.#isOther()) return false;
    // Another page may have deleted it a moment ago.
    await new Promise((resolve) => setTimeout(resolve, SEEN_MS));
    if (!this.#isOther()) return false;
    const taken = await intime(takeDeletion(this.#database), true);
    if (taken) write(this.#database, undefined);
    return !taken;
  }

  #isOther(): boolean {
    const found = read(this.#database);
    return found !== null && found !== this.#life && !isDeletion(found);
  }

  /** There are data. */
  leave(): void {
    if (this.#left) return;
    const found = read(this.#database);
    if (found !== null && isDeletion(found) && Date.now() - Number(found.slice(1)) < DELETION_MS) return;
    this.#left = true;
    if (found !== this.#life) write(this.#database, this.#life);
  }

  /** This life is over. */
  forget(): void {
    this.#left = true;
    if (read(this.#database) === this.#life) write(this.#database, undefined);
  }
}

/** Deletes a patch by `work`, and the trace of it. */
export async function untraced(database: string, work: () => Promise<boolean>): Promise<boolean> {
  const found = read(database);
  const storage = traces();
  // From now on nobody takes it for one that was dropped, or leaves a trace of it.
  if (storage === undefined) await intime(noteDeletion(database), undefined).catch(() => {});
  else write(database, `-${Date.now()}`);
  try {
    const deleted = await work();
    write(database, undefined);
    return deleted;
  } catch (error) {
    // It may be there still.
    write(database, found ?? undefined);
    throw error;
  }
}

const isDeletion = (found: string) => found.startsWith("-");

/** The place of traces: that of pages. */
function traces(): Storage | undefined {
  try {
    return "document" in globalThis ? globalThis.localStorage : undefined;
  } catch {
    return undefined;
  }
}

function read(database: string): string | null {
  try {
    return traces()?.getItem(`patchstore:${database}`) ?? null;
  } catch {
    return null;
  }
}

function write(database: string, life: string | undefined): void {
  try {
    if (life === undefined) traces()?.removeItem(`patchstore:${database}`);
    else traces()?.setItem(`patchstore:${database}`, life);
  } catch {
    // It is full: then there is none.
  }
}

const noteDeletion = (database: string) => onDeleted((store) => store.put(1, database));

/** Whether it was deleted where there is no localStorage; that is told once. */
async function takeDeletion(database: string): Promise<boolean> {
  const found = await onDeleted((store) => store.getKey(database));
  if (found === undefined) return false;
  await onDeleted((store) => store.delete(database));
  return true;
}

async function onDeleted<T>(use: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open(DELETED, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(NAMES);
  const database = await asked(opening);
  try {
    return await asked(use(database.transaction(NAMES, "readwrite").objectStore(NAMES)));
  } finally {
    database.close();
  }
}
