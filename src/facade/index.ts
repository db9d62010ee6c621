import { refuseBy } from "./base/blob-ref.js";
import { invalid } from "./base/errors.js";

export { BlobRef } from "./base/blob-ref.js";
export { exportPatch, importPatch } from "./archive.js";
export { isPatchStoreError, PatchStoreError } from "./base/errors.js";
export { requestPersistence, storageEstimate } from "./base/estimate.js";
export { init } from "./bridge/load.js";
export { decryptPatch, encryptPatch } from "./convert.js";
export { internals } from "./internals.js";
export { copyPatch, deletePatchData, hasPatchData, listPatches } from "./lifecycle.js";
export { openPatch } from "./open.js";
export { decodeEntries, encodeEntries } from "./sync/wire.js";
export type * from "./base/types.js";

refuseBy(invalid);
