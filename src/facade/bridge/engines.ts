import { throwIfAborted } from "../base/abort.js";
import { CopyRoom } from "./copies.js";
import { invalid, PatchStoreError } from "../base/errors.js";
import { openPort, type AccessPort, type PatchPort } from "./glue.js";
import { CallOrder } from "../base/order.js";
import type { Trace } from "./trace.js";
import { guarded, settled } from "./trap.js";
import type { Durability } from "../base/types.js";

/** The settings of an engine. `database` identifies it; the others say how to open it. */
export interface Settings {
  readonly database: string;
  readonly backend: "indexeddb" | "memory";
  readonly durability: Durability;
  readonly cacheBytes: number;
  readonly openTimeoutMs: number;
  /** The key of an encrypted patch: makes a port of it, for one use. */
  readonly access: (() => AccessPort) | undefined;
  /** Whether a key is being derived, which does not count into the time that opening may take. */
  readonly isDeriving: () => boolean;
  /** For one use of the key. */
  readonly hold: () => void;
  /** Wipes the key, once all have used it. */
  readonly forget: () => void;
}

/** The key slot of an encrypted patch by which handles were opened. */
export interface KeySlot {
  id: string;
}

/** An engine of this realm, shared by all handles on its database. */
export interface Engine {
  readonly settings: Settings;
  readonly order: CallOrder;
  readonly port: Promise<PatchPort>;
  readonly copies: CopyRoom;
  users: number;
  /** Key slots by id: handles that were opened by the same one share an entry, which has its id after a change of keys. */
  readonly slots: Map<string, KeySlot>;
  /** Made once it is open. */
  trace?: Trace;
  /** The version of the data's shape that was declared. */
  version?: number | undefined;
  /** A call is raising the data's version, for all of this page. */
  raising?: Raising | undefined;
  /** That of a lower version, which it takes the place of. */
  former?: Engine | undefined;
  /** Whether another one takes its place. */
  isSuperseded?: boolean;
  /** Whether it is the registry's no more. */
  isGone?: boolean;
}

/** What others wait for. */
export interface Raising {
  readonly version: number;
  /** Resolves to why it has failed, if it has. */
  readonly ended: Promise<{ error: unknown; isAborted: boolean } | undefined>;
}

/** The share of the cache bytes for copies of values on the JavaScript side. The cache in wasm gets the rest. */
const COPIES_PART = 1 / 2;

/** The engines of this realm by database, open or being opened. */
const engines = new Map<string, Engine>();
/** Closing engines by database. The next open of a database waits for its entry. */
const leaving = new Map<string, Promise<void>>();

/** Takes a reference to the database's engine, opening it if necessary. Give it back with {@link release}. */
export async function acquire(
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<[Engine, PatchPort, KeySlot | undefined]> {
  const [engine, isFirst] = join(settings);
  settings.hold();
  engine.users += 1;
  // (Others may wait for what this call opens, also after it was aborted.)
  if (isFirst) engine.port.then(settings.forget, settings.forget);
  try {
    throwIfAborted(signal);
    const port = await within(engine.port, settings, signal);
    return [engine, port, await slotOf(engine, port, settings, isFirst)];
  } catch (error) {
    void release(engine);
    throw error;
  } finally {
    if (!isFirst) settings.forget();
  }
}

/** The key slot that a caller's key opens, of an engine that another call may have opened with another key. */
async function slotOf(engine: Engine, port: PatchPort, { access }: Settings, isFirst: boolean): Promise<KeySlot | undefined> {
  if (access === undefined) {
    if (port.isEncrypted()) throw new PatchStoreError("Encrypted", "the patch is encrypted, and no passphrase or key was given");
    return undefined;
  }
  const id = isFirst ? (port.openedBy() as string) : await settled(guarded(() => port.verify(access())) as Promise<string>);
  const slot = engine.slots.get(id) ?? { id };
  engine.slots.set(id, slot);
  return slot;
}

/** The engine, and whether this call opens it. */
function join(settings: Settings): [Engine, boolean] {
  const { database } = settings;
  const present = engines.get(database);
  if (present !== undefined) {
    for (const name of ["backend", "durability"] as const) {
      if (present.settings[name] !== settings[name]) {
        throw invalid(
          `options.${name} is "${settings[name]}", but the patch is already open here with "${present.settings[name]}"`,
        );
      }
    }
    if (present.isSuperseded !== true) return [present, false];
  }
  const engine: Engine = {
    settings,
    order: new CallOrder(),
    port: openAfterLeaving(settings),
    copies: new CopyRoom(settings.cacheBytes * COPIES_PART),
    users: 0,
    slots: new Map(),
    former: present,
  };
  engines.set(database, engine);
  engine.port.catch(() => (forget(engine), restore(engine)));
  return [engine, true];
}

async function openAfterLeaving(settings: Settings): Promise<PatchPort> {
  const { database, backend, durability, cacheBytes, openTimeoutMs, access } = settings;
  await leaving.get(database);
  const inMemory = backend === "memory";
  const strict = durability === "strict";
  const opening = guarded(() => openPort(database, inMemory, strict, cacheBytes * (1 - COPIES_PART), openTimeoutMs, 0, access?.()));
  // What creates a patch where there is none never resolves to undefined.
  return settled(opening as Promise<PatchPort>);
}

/** The port, or Blocked after this caller's timeout, which may be shorter than that of the call that opens it. */
export function within<T>(
  port: Promise<T>,
  { database, openTimeoutMs, isDeriving }: Pick<Settings, "database" | "openTimeoutMs"> & Partial<Settings>,
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const blocked = () => {
      if (isDeriving?.()) timer = later();
      else reject(new PatchStoreError("Blocked", `${database} could not be opened within ${openTimeoutMs} ms`));
    };
    // This is the longest delay of a timer.
    const later = () => setTimeout(blocked, Math.min(openTimeoutMs, 2 ** 31 - 1));
    let timer = later();
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    port.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    });
  });
}

/** This realm's engine for a database in IndexedDB, if there is one. */
export function present(database: string): Engine | undefined {
  const engine = engines.get(database);
  return engine?.settings.backend === "indexeddb" ? engine : undefined;
}

/** Removes the engine from the registry, so that the next open creates a new one. */
export function forget(engine: Engine): void {
  const { database } = engine.settings;
  engine.isGone = true;
  if (engines.get(database) === engine) engines.delete(database);
}

/** Has the next open of the database make another engine: the data are to be raised above what was declared of this one. */
export function supersede(engine: Engine): void {
  engine.isSuperseded = true;
}

/** The data were not raised: the former engine, if it is still open, is that of the database again. */
export function restore(engine: Engine): void {
  const { former, settings } = engine;
  if (former === undefined) return;
  forget(engine);
  former.isSuperseded = false;
  if (former.isGone !== true) engines.set(settings.database, former);
}

/** Gives a reference back. The last one closes the engine; resolves when that is done. */
export async function release(engine: Engine): Promise<void> {
  engine.users -= 1;
  if (engine.users > 0) return;
  const { database } = engine.settings;
  forget(engine);
  restore(engine);
  engine.copies.end();
  const gone = closePort(engine.port);
  leaving.set(database, gone);
  await gone;
  if (leaving.get(database) === gone) leaving.delete(database);
}

async function closePort(port: Promise<PatchPort>): Promise<void> {
  try {
    const opened = await port;
    await settled(guarded(() => opened.close()));
  } catch {
    // The engine never opened, or wasm has stopped: there is nothing to close.
  }
}
