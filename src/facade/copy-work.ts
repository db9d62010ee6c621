import type { Key } from "./access.js";
import { abortable, throwIfAborted } from "./base/abort.js";
import { PatchStoreError } from "./base/errors.js";
import { briefly, DRAFT, ignore, ownWrites, REFUSE, refresh, wasm } from "./brief.js";
import type { PatchPort } from "./bridge/glue.js";
import { rest } from "./bridge/rest.js";
import { sweep } from "./bridge/sweep.js";

/** A checked call of `copyPatch`. Whoever makes it wipes the keys. */
export interface Copying {
  readonly id: string;
  readonly newId: string;
  /** The two databases. */
  readonly from: string;
  readonly to: string;
  /** Their keys. */
  readonly source: Key;
  readonly target: Key;
  readonly signal: AbortSignal | undefined;
}

/** The work of `copyPatch`. */
export async function copied({ id, newId, from, to, source, target, signal }: Copying): Promise<void> {
  const whole = await abortable(rest(), signal);
  await ownWrites(from);
  await ownWrites(to);
  const stopped = () => signal?.aborted === true;
  const copyTo = (opened: PatchPort) =>
    briefly(to, DRAFT, (port) => wasm(() => whole(opened).copyToLater(whole(port), stopped)), target);
  try {
    await briefly(from, REFUSE, copyTo, source);
  } catch (error) {
    // A draft is not left behind.
    await sweep(to).catch(ignore);
    throwIfAborted(signal);
    if ((error as PatchStoreError).code !== "Closed") throw error;
    throw new PatchStoreError("Conflict", `"${id}" or "${newId}" was deleted while it was being copied`, { cause: error });
  }
  await refresh(to);
}
