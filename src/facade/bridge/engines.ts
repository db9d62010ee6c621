import { throwIfAborted } from "../base/abort.js";
import { CopyRoom } from "./copies.js";
import { invalid, PatchStoreError } from "../base/errors.js";
import { openPort, type PatchPort } from "./glue.js";
import { CallOrder } from "../base/order.js";
import type { Trace } from "./trace.js";
import { guarded, settled } from "./trap.js";
import type { Durability } from "../base/types.js";

/** What decides which engine a handle gets, and how that is opened. */
export interface Settings {
  readonly database: string;
  readonly backend: "indexeddb" | "memory";
  readonly durability: Durability;
  readonly cacheBytes: number;
  readonly openTimeoutMs: number;
}

/** One engine of this realm, shared by all handles on its database. */
export interface Engine {
  readonly settings: Settings;
  readonly order: CallOrder;
  readonly port: Promise<PatchPort>;
  readonly copies: CopyRoom;
  users: number;
  /** Made once it is open. */
  trace?: Trace;
}

/** Copies of values may take this part of the cache's bytes, in JavaScript's memory; wasm's cache has the rest. */
const COPIES_PART = 1 / 2;

/** The engines of this realm by database, open or being opened. */
const engines = new Map<string, Engine>();
/** Engines that are being closed: their database may be opened again after that. */
const leaving = new Map<string, Promise<void>>();

/** A use of the database's engine, to be given back by {@link release}. */
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
  return settled(
    guarded(() =>
      openPort(database, backend === "memory", durability === "strict", cacheBytes * (1 - COPIES_PART), openTimeoutMs, 0),
    ),
  );
}

/** The port, or the end of this caller's patience, which may be shorter than the opener's. */
export function within<T>(
  port: Promise<T>,
  { database, openTimeoutMs }: Pick<Settings, "database" | "openTimeoutMs">,
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const blocked = () =>
      reject(new PatchStoreError("Blocked", `${database} could not be opened within ${openTimeoutMs} ms`));
    // A timer cannot wait longer than this; nor does anybody.
    const timer = setTimeout(blocked, Math.min(openTimeoutMs, 2 ** 31 - 1));
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    port.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    });
  });
}

/** The engine that this realm has on a database in IndexedDB, if any. */
export function present(database: string): Engine | undefined {
  const engine = engines.get(database);
  return engine?.settings.backend === "indexeddb" ? engine : undefined;
}

/** Takes the engine out of the registry: the next open makes a new one. */
export function forget(engine: Engine): void {
  const { database } = engine.settings;
  if (engines.get(database) === engine) engines.delete(database);
}

/** Gives a use back; with the last one the engine is closed. Resolves when that is done. */
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
    // It never opened, or was stopped: there is nothing to close.
  }
}
