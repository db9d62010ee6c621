import { Key } from "./access.js";
import { name as checkedName } from "./base/names.js";
import { invalid, PatchStoreError } from "./base/errors.js";
import type { Encryption, Keyring } from "./base/types.js";
import type { KeySlot } from "./bridge/engines.js";
import type { AccessPort, PatchPort } from "./bridge/glue.js";
import type { Handle } from "./bridge/handle.js";

/** The keys of an encrypted patch. */
export class PatchKeys implements Keyring {
  readonly #handle: Handle;
  readonly #port: PatchPort;

  constructor(handle: Handle, port: PatchPort) {
    this.#handle = handle;
    this.#port = port;
  }

  names(): Promise<string[]> {
    return this.#handle.wholeAside((whole) => whole(this.#port).keyNamesLater()) as Promise<string[]>;
  }

  async set(name: string, key: Encryption): Promise<void> {
    checkedName(name, "name");
    await using(required("key", key), (access) => this.#handle.whole((whole) => whole(this.#port).setKeyLater(name, access())));
  }

  remove(name: string): Promise<boolean> {
    checkedName(name, "name");
    return this.#handle.whole((whole) => whole(this.#port).removeKeyLater(name)) as Promise<boolean>;
  }

  /** Replaces the key by which handles have opened the patch. */
  async rekey(slot: KeySlot | undefined, slots: Map<string, KeySlot>, to: Encryption): Promise<void> {
    const key = required("to", to);
    if (slot === undefined) throw new PatchStoreError("NotEncrypted", "the patch is not encrypted");
    const id = (await using(key, (access) => this.#handle.whole((whole) => whole(this.#port).rekeyLater(slot.id, access())))) as string;
    slots.delete(slot.id);
    slot.id = id;
    slots.set(id, slot);
  }
}

function required(what: string, given: Encryption): Key {
  const key = new Key(what, given);
  if (key.access === undefined) throw invalid(`${what} must be { passphrase } or { key }`);
  return key;
}

/** Makes a call with the key, which is wiped afterwards. */
async function using<T>(key: Key, call: (access: () => AccessPort) => T | Promise<T>): Promise<T> {
  try {
    return await call(() => key.port());
  } finally {
    key.forget();
  }
}
