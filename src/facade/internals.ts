import { BlobReader } from "./bridge/blobs.js";
import { pushRows, sendRows } from "./bridge/slices.js";
import { Tally } from "./base/limits.js";
import { key } from "./base/names.js";
import { isPlain } from "./base/shape.js";
import { func, known } from "./base/options.js";
import { PARTS, type AdapterParts, type OpenedPatch } from "./patch.js";
import { ttlOf } from "./stores/expiry.js";
import { entryRows, KvStore, put } from "./stores/kv.js";
import type { Patch } from "./base/types.js";
import { snapshot } from "./values/values.js";

/**
 * What the package's other bundles take from this one, so that there is nothing twice. It changes without notice.
 * @internal
 */
export const internals = {
  partsOf: (patch: Patch): Promise<AdapterParts> => (patch as OpenedPatch)[PARTS](),
  BlobReader,
  KvStore,
  Tally,
  entryRows,
  func,
  isPlain,
  key,
  known,
  pushRows,
  put,
  sendRows,
  snapshot,
  ttlOf,
};
