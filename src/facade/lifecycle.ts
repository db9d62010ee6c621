import { Key } from "./access.js";
import { throwIfAborted } from "./base/abort.js";
import { briefly, ignore, LISTED, LOOK, OPEN_TIMEOUT_MS, ownWrites, refresh, wasm } from "./brief.js";
import { databaseOf, prefixOf } from "./bridge/database.js";
import { present, within } from "./bridge/engines.js";
import { PatchStoreError } from "./base/errors.js";
import { deletePort, holdsRecords } from "./bridge/glue.js";
import { init } from "./bridge/load.js";
import { isWellFormed } from "./base/names.js";
import { known, signalOf } from "./base/options.js";
import { sweep } from "./bridge/sweep.js";
import { DELETED, untraced } from "./bridge/trace.js";
import { guarded } from "./bridge/trap.js";
import type { Encryption, PatchInfo } from "./base/types.js";
import { wholePart } from "./whole-part.js";

/** Patches that are looked at at a time. */
const WIDTH = 8;

/**
 * The patches in IndexedDB, by id. One that cannot be read is listed all the same; databases of
 * another make are not.
 * @throws PatchStoreError code Unavailable (where databases cannot be listed, too) | InvalidArgument
 */
export async function listPatches(options?: { prefix?: string }): Promise<PatchInfo[]> {
  const prefix = prefixOf(known("options", options, ["prefix"]).prefix);
  await init();
  const names: string[] = [];
  for (const { name = "", version } of await databases()) {
    if (name.length <= prefix.length || !name.startsWith(prefix) || !isWellFormed(name) || name === DELETED) continue;
    // WebKit lists a database whose creation was taken back: with version 0.
    if (version === 0) sweep(name).catch(ignore);
    else names.push(name);
  }
  names.sort();
  const found: (PatchInfo | undefined)[] = [];
  let next = 0;
  const look = async (): Promise<void> => {
    for (let at = next++; at < names.length; at = next++) {
      found[at] = await infoOf(names[at] as string, prefix);
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, look));
  return found.filter((info) => info !== undefined);
}

async function databases(): Promise<IDBDatabaseInfo[]> {
  try {
    return await indexedDB.databases();
  } catch (cause) {
    throw new PatchStoreError("Unavailable", `the databases cannot be listed here: ${String(cause)}`, { cause });
  }
}

async function infoOf(name: string, prefix: string): Promise<PatchInfo | undefined> {
  const id = name.slice(prefix.length);
  try {
    const bytes = await briefly(name, LISTED, (port) => port.heldBytes()).catch(gone);
    if (bytes !== undefined) return { id, bytes, encrypted: false };
    // What was deleted while a tab had it open.
    sweep(name).catch(ignore);
    return undefined;
  } catch (error) {
    const encrypted = (error as PatchStoreError).code === "Encrypted";
    // Its own engine has the key, if it is open here.
    const port = encrypted ? await present(name)?.port.catch(ignore) : undefined;
    return { id, bytes: port ? guarded(() => port.heldBytes()) : null, encrypted };
  }
}

/**
 * True when the patch holds at least one record; an encrypted one: when it holds any page or entry of the log. Never creates a database.
 * @throws PatchStoreError code Unavailable | Blocked | UnsupportedFormat | Corrupt | InvalidArgument
 */
export async function hasPatchData(id: string, options?: { prefix?: string }): Promise<boolean> {
  const database = databaseOf(id, known("options", options, ["prefix"]).prefix);
  await init();
  await ownWrites(database);
  const looking = briefly(database, LOOK, (port) => port.hasRecords() as boolean).catch(gone);
  const looked = looking.catch((error: PatchStoreError) => {
    if (error.code !== "Encrypted") throw error;
    return wasm(() => holdsRecords(database, OPEN_TIMEOUT_MS));
  });
  return (await looked) ?? false;
}

/**
 * Deletes everything of the patch; open handles in every tab get "closed". False when there was none.
 * A database of another make stays as it was.
 * @throws PatchStoreError code Unavailable | Blocked | ConnectionLost (nobody can tell) | InvalidArgument
 */
export async function deletePatchData(id: string, options?: { prefix?: string }): Promise<boolean> {
  const database = databaseOf(id, known("options", options, ["prefix"]).prefix);
  await init();
  let stopped = false;
  const deleted = await untraced(database, () => {
    const deleting: Promise<boolean> = wasm(() => deletePort(database, OPEN_TIMEOUT_MS, () => stopped));
    return within(deleting, { database, openTimeoutMs: OPEN_TIMEOUT_MS }, undefined).finally(() => (stopped = true));
  });
  await refresh(database);
  await sweep(database).catch(ignore);
  return deleted;
}

/**
 * "Save as": a second patch with the same data, as they are at one moment. It is there whole or not at all. That of an encrypted patch (`from`) has
 * keys of its own, which `to` opens, or else `from`; of a plain one, `to` makes an encrypted one.
 * @throws PatchStoreError code WrongKey | Encrypted | NotEncrypted | Exists (newId holds data) | InvalidArgument (there is no patch of that id, too) |
 *   Conflict (written faster than it can be copied, or deleted meanwhile) | StorageQuotaExceeded | Unavailable | Blocked |
 *   UnsupportedFormat | Corrupt | ConnectionLost; the signal's reason
 */
export async function copyPatch(
  id: string,
  newId: string,
  options?: { prefix?: string; from?: Encryption; to?: Encryption; signal?: AbortSignal },
): Promise<void> {
  const given = known("options", options, ["prefix", "from", "to", "signal"]);
  const [source, target] = [new Key("options.from", given.from), new Key("options.to", given.to === undefined ? given.from : given.to)];
  const from = databaseOf(id, given.prefix);
  const to = databaseOf(newId, given.prefix, "the new id");
  const signal = signalOf("options.signal", given.signal);
  throwIfAborted(signal);
  try {
    const { copied } = await wholePart();
    await copied({ id, newId, from, to, source, target, signal });
  } finally {
    source.forget();
    target.forget();
  }
}

/** Undefined in place of the error which says that the patch has gone meanwhile. */
function gone(error: PatchStoreError): undefined {
  if (error.code !== "Closed") throw error;
}
