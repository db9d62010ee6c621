import { refuseBy } from "../facade/base/blob-ref.js";
import { blobsOf } from "./blobs.js";
import { invalid } from "./failure.js";
import { Link } from "./link.js";
import { dbOf, kvOf } from "./stores.js";
import type { Connection } from "./types.js";

export { BlobRef } from "../facade/base/blob-ref.js";
export { isPatchStoreError } from "./failure.js";

/** Connects to the other end of the port that the host gave to `Patch.serve()`. Throws InvalidArgument. */
export function connect(port: MessagePort): Connection {
  if (typeof port?.postMessage !== "function") throw invalid("connect needs a MessagePort");
  const link = new Link(port);
  return { kv: kvOf(link, null), db: dbOf(link, null), blobs: blobsOf(link), close: () => link.close() };
}

refuseBy(invalid);
