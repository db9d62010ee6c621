/** Imports wasm-bindgen's glue from the build directory; no other module does, except `plain.ts` for its own glue. */
export { default } from "../../../target/glue/patchstore.js";
export {
  AccessPort,
  type AdapterPort,
  type ChangesPort,
  type ContentsPort,
  type DbPort,
  type KvPort,
  type LivePort,
  type OpLogPort,
  type PatchPort,
  type SubscriptionPort,
  type TransactionPort,
  type UploadPort,
  convertPort,
  deletePort,
  holdsRecords,
  inlineBlobs,
  isRemains,
  openPort,
  register,
} from "../../../target/glue/patchstore.js";
