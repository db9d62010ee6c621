import { isPromise, split, type Validate } from "../base/validate.js";
import { BlobReader } from "../bridge/blobs.js";
import type { Handle } from "../bridge/handle.js";
import type { Snapshot } from "../values/snapshot.js";
import { restore } from "../values/values.js";
import { document, plain } from "./document.js";

/**
 * What a schema makes of a document that was taken: at once, or a promise of it, with its Blobs read. The validator gets a copy
 * without `_id`, `_created` and `_updated`; those that the document gives stay.
 */
export function valid(handle: Handle, taken: Snapshot, validate: Validate): Snapshot | Promise<Snapshot> {
  if (taken.gaps === undefined) {
    const made = outcomeOf(taken, validate);
    return made instanceof Promise ? quiet(complete(handle, made)) : made;
  }
  return quiet(complete(handle, filled(handle, taken).then(() => outcomeOf(taken, validate))));
}

function outcomeOf(taken: Snapshot, validate: Validate): Snapshot | Promise<Snapshot> {
  const { bare, meta } = split(restore(taken.encoded) as object);
  const finish = (output: unknown): Snapshot => {
    const what = "what the schema makes of a document";
    return document({ ...meta, ...split(plain(output, what)).bare }, what);
  };
  const output = validate(bare);
  return isPromise(output) ? Promise.resolve(output).then(finish) : finish(output);
}

async function complete(handle: Handle, made: Promise<Snapshot>): Promise<Snapshot> {
  return filled(handle, await made);
}

async function filled(handle: Handle, taken: Snapshot): Promise<Snapshot> {
  if (taken.gaps !== undefined) await new BlobReader(handle.place).fill(taken);
  return taken;
}

/** Whoever awaits several of them may never come to this one. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
