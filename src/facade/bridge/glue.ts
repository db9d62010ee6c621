/**
 * Imports wasm-bindgen's glue from the build directory; no other module does, except `plain.ts` for its own glue.
 *
 * What ends in "Later" is in the part of the wasm that is loaded when it is first needed. The types of ports do not have it: `rest.ts` gives all of a port
 * to whoever has waited for that.
 */
import type { ApplyPort as Apply, OpLogPort as Log, PatchPort as Patch, TransactionPort as Transaction } from "../../../target/glue/patchstore.js";

type AtFirst<P> = { [K in keyof P as K extends `${string}Later` ? never : K]: P[K] };

export type { Apply as WholeApplyPort, Log as WholeOpLogPort, Patch as WholePatchPort, Transaction as WholeTransactionPort };
export type ApplyPort = AtFirst<Apply>;
export type OpLogPort = AtFirst<Log>;
export type PatchPort = AtFirst<Patch>;
export type TransactionPort = AtFirst<Transaction>;

export { default } from "../../../target/glue/patchstore.js";
export {
  AccessPort,
  type AdapterPortLater,
  type ChangesPort,
  type ContentsPort,
  type DbPort,
  type ExportPortLater,
  type ImportPortLater,
  type KvPort,
  type LivePort,
  type SubscriptionPort,
  type UploadPort,
  convertPortLater,
  deletePort,
  holdsRecords,
  inlineBlobs,
  isRemains,
  loadLater,
  openPort,
  register,
} from "../../../target/glue/patchstore.js";
