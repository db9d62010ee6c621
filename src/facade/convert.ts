import { Key } from "./access.js";
import { throwIfAborted } from "./base/abort.js";
import { invalid, PatchStoreError } from "./base/errors.js";
import { known, signalOf } from "./base/options.js";
import type { Encryption } from "./base/types.js";
import { databaseOf } from "./bridge/database.js";
import { present } from "./bridge/engines.js";
import { convertPort } from "./bridge/glue.js";
import { init } from "./bridge/load.js";
import { alone } from "./bridge/sweep.js";
import { untraced } from "./bridge/trace.js";
import { guarded, settled } from "./bridge/trap.js";

/** What an engine that is not open for long may keep in memory, bytes. */
const CACHE_BYTES = 4 << 20;
const OPEN_TIMEOUT_MS = 10_000;

type Options = { prefix?: string; signal?: AbortSignal };

/**
 * Encrypts a patch, in place: everything is written anew under the key, and replaces what was there in one transaction. So there must be
 * room for both, and a crash at any moment leaves the old patch or the new one. Blobs beside values are put inside. What the browser
 * keeps of deleted data for a while is not in this library's hands.
 * @throws PatchStoreError code Blocked (it is open somewhere) | Encrypted (it is already) | InvalidArgument (there is no patch of that
 *   id, too) | StorageQuotaExceeded | NotStorable (a value whose Blobs are larger than 256 MiB, or cannot be read) |
 *   Conflict (written or deleted meanwhile, where there are no Web Locks) | Unavailable | UnsupportedFormat | Corrupt; the patch is as it
 *   was then. ConnectionLost: perhaps. The signal's reason
 */
export async function encryptPatch(id: string, to: Encryption, options?: Options): Promise<void> {
  return convert(id, new Key("to", to), true, options);
}

/**
 * Decrypts a patch, in place, as {@link encryptPatch} encrypts it. Cut short, what was written in the clear is removed when the
 * patch is opened the next time.
 * @throws PatchStoreError code Blocked (it is open somewhere) | NotEncrypted | WrongKey | as {@link encryptPatch}
 */
export async function decryptPatch(id: string, from: Encryption, options?: Options): Promise<void> {
  return convert(id, new Key("from", from), false, options);
}

async function convert(id: string, key: Key, encrypts: boolean, options: Options | undefined): Promise<void> {
  const given = known("options", options, ["prefix", "signal"]);
  const database = databaseOf(id, given.prefix);
  const { access } = key;
  if (access === undefined) throw invalid("a passphrase or a key is required");
  const signal = signalOf("options.signal", given.signal);
  throwIfAborted(signal);
  await init();
  const stopped = () => signal?.aborted === true;
  const port = () => convertPort(database, CACHE_BYTES, OPEN_TIMEOUT_MS, encrypts ? undefined : access(), encrypts ? access() : undefined, stopped);
  let lost: unknown;
  const work = async () => {
    try {
      await settled(guarded(port));
    } catch (error) {
      if ((error as PatchStoreError).code !== "ConnectionLost") throw error;
      // Nobody can tell which of the two is there: neither is the life that somebody has dropped.
      lost = error;
    }
    return true;
  };
  try {
    const isOpen = present(database) !== undefined || !(await alone(database, () => untraced(database, work)));
    if (isOpen) throw new PatchStoreError("Blocked", `"${id}" is open, here or in another tab; it is converted only when it is closed`);
    if (lost !== undefined) throw lost;
  } catch (error) {
    throwIfAborted(signal);
    if ((error as PatchStoreError).code !== "Closed") throw error;
    throw new PatchStoreError("Conflict", `"${id}" was deleted while it was being converted`, { cause: error });
  } finally {
    key.forget();
  }
}
