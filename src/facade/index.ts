export { isPatchStoreError, PatchStoreError } from "./errors.js";
export { storageEstimate } from "./estimate.js";
export { init } from "./load.js";
export { copyPatch, deletePatchData, hasPatchData, listPatches } from "./lifecycle.js";
export { openPatch } from "./open.js";
export type * from "./types.js";
