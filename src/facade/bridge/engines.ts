import { throwIfAborted } from "../base/abort.js";
import { CopyRoom } from "./copies.js";
import { invalid, PatchStoreError } from "../base/errors.js";
import { openPort, type PatchPort } from "./glue.js";
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
}

/** An engine of this realm, shared by all handles on its database. */
export interface Engine {
  readonly settings: Settings;
  readonly order: CallOrder;
  readonly port: Promise<PatchPort>;
  readonly copies: CopyRoom;
  users: number;
  /** Made once it is open. */
  trace?: Trace;
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
): Promise<[Engine, PatchPort]> {
  const engine = join(settings);
  engine.users += 1;
  try {
    throwIfAborted(signal);
    return [engine, await within(engine.port, settings, signal)];
  } catch (error) {
    void release(engine);
    throw error;
  }
}

function join(settings: Settings): Engine {
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
    return present;
  }
  const engine: Engine = {
    settings,
    order: new CallOrder(),
    port: openAfterLeaving(settings),
    copies: new CopyRoom(settings.cacheBytes * COPIES_PART),
    users: 0,
  };
  engines.set(database, engine);
  engine.port.catch(() => forget(engine));
  return engine;
}

async function openAfterLeaving(settings: Settings): Promise<PatchPort> {
  const { database, backend, durability, cacheBytes, openTimeoutMs } = settings;
  await leaving.get(database);
  const inMemory = backend === "memory";
  const strict = durability === "strict";
  const opening = guarded(() => openPort(database, inMemory, strict, cacheBytes * (1 - COPIES_PART), openTimeoutMs, 0));
  // What creates a patch where there is none never resolves to undefined.
  return settled(opening as Promise<PatchPort>);
}

/** The port, or Blocked after this caller's timeout, which may be shorter than that of the call that opens it. */
export function within<T>(
  port: Promise<T>,
  { database, openTimeoutMs }: Pick<Settings, "database" | "openTimeoutMs">,
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const blocked = () =>
      reject(new PatchStoreError("Blocked", `${database} could not be opened within ${openTimeoutMs} ms`));
    // This is the longest delay of a timer.
    const timer = setTimeout(blocked, Math.min(openTimeoutMs, 2 ** 31 - 1));
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
  if (engines.get(database) === engine) engines.delete(database);
}

/** Gives a reference back. The last one closes the engine; resolves when that is done. */
export async function release(engine: Engine): Promise<void> {
  engine.users -= 1;
  if (engine.users > 0) return;
  const { database } = engine.settings;
  forget(engine);
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
