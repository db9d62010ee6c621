/** The one place that knows where the build puts wasm-bindgen's glue. */
export { default } from "../../../target/glue/patchstore.js";
export {
  type AdapterPort,
  type ChangesPort,
  type DbPort,
  type KvPort,
  type PatchPort,
  type SubscriptionPort,
  type TransactionPort,
  deletePort,
  inlineBlobs,
  isDead,
  openPort,
  register,
} from "../../../target/glue/patchstore.js";
