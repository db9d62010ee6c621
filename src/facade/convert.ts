import { Key } from "./access.js";
import { throwIfAborted } from "./base/abort.js";
import { invalid } from "./base/errors.js";
import { known, signalOf } from "./base/options.js";
import type { Encryption } from "./base/types.js";
import { databaseOf } from "./bridge/database.js";
import { wholePart } from "./whole-part.js";

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
  try {
    const { converted } = await wholePart();
    await converted({ id, database, access, encrypts, signal });
  } finally {
    key.forget();
  }
}
