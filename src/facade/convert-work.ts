import { abortable, throwIfAborted } from "./base/abort.js";
import { PatchStoreError } from "./base/errors.js";
import { present } from "./bridge/engines.js";
import type { AccessPort } from "./bridge/glue.js";
import { rest } from "./bridge/rest.js";
import { alone } from "./bridge/sweep.js";
import { untraced } from "./bridge/trace.js";
import { guarded, settled } from "./bridge/trap.js";

/** What an engine that is not open for long may keep in memory, bytes. */
const CACHE_BYTES = 4 << 20;
const OPEN_TIMEOUT_MS = 10_000;

/** A checked call of `encryptPatch` or `decryptPatch`. Whoever makes it wipes the key. */
export interface Converting {
  readonly id: string;
  readonly database: string;
  readonly access: () => AccessPort;
  readonly encrypts: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The work of `encryptPatch` and `decryptPatch`. */
export async function converted({ id, database, access, encrypts, signal }: Converting): Promise<void> {
  const { convertPort } = await abortable(rest(), signal);
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
  }
}
