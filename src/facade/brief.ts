import { Key } from "./access.js";
import { present, within } from "./bridge/engines.js";
import { openPort, type PatchPort } from "./bridge/glue.js";
import { guarded, settled } from "./bridge/trap.js";

/** What an engine that is not open for long may keep in memory, bytes. */
const CACHE_BYTES = 4 << 20;
export const OPEN_TIMEOUT_MS = 10_000;

/** Where there is no patch: begin one that is there once something was copied to it. */
export const DRAFT = 1;
/** Where there is no patch: say so by an error. */
export const REFUSE = 2;
/** Where there is no patch: open nothing. */
export const LOOK = 3;
/** The same of a database that was listed a moment ago. */
export const LISTED = 4;

/** Opens an engine of its own on a database; undefined where nothing was opened. */
export async function openBriefly(database: string, absent: number, key = new Key("key", undefined)): Promise<PatchPort | undefined> {
  const opening = wasm(() => openPort(database, false, false, CACHE_BYTES, OPEN_TIMEOUT_MS, absent, key.access?.()));
  const forget = () => key.forget();
  opening.then(forget, forget);
  try {
    return await within(opening, { database, openTimeoutMs: OPEN_TIMEOUT_MS, isDeriving: () => key.isDeriving }, undefined);
  } catch (error) {
    opening.then(closeBrief).catch(ignore);
    throw error;
  }
}

export async function closeBrief(port: PatchPort | undefined): Promise<void> {
  if (port !== undefined) await wasm(() => port.close());
}

/** Uses an engine of its own on a database; undefined where nothing was opened. */
export async function briefly<T>(database: string, absent: number, use: (port: PatchPort) => T | Promise<T>, key?: Key): Promise<T | undefined> {
  const port = await openBriefly(database, absent, key);
  try {
    return port && (await use(port));
  } finally {
    await closeBrief(port);
  }
}

export function ignore(): void {}

export function wasm<T>(call: () => Promise<T>): Promise<T> {
  return settled(guarded(call));
}

/** Waits for the writes that this realm has issued to a database before. */
export const ownWrites = (database: string) => onOwn(database, (port) => port.flush());

/** Lets this realm's engine see at once what was done past it. */
export const refresh = (database: string) => onOwn(database, (port) => port.refresh());

async function onOwn(database: string, call: (port: PatchPort) => Promise<unknown>): Promise<void> {
  const engine = present(database);
  try {
    const port = await engine?.port;
    if (port !== undefined) await settled(engine?.order.run(() => guarded(() => call(port))) as Promise<unknown>);
  } catch {
    // Whoever has it open hears of what is wrong with it.
  }
}
