/** A service worker that imports a database; it may load no module later than at its start. */
import { openPatch } from "/pkg/index.js";
import * as reader from "/pkg/plain.js";

addEventListener("message", async ({ data: name, ports: [port] }) => {
  const patch = await openPatch("in a service worker", { backend: "memory" });
  const without = await patch.importPlain(name).catch((error) => error.code);
  const done = await patch.importPlain(name, { reader });
  port.postMessage([without, done, await patch.kv("s").get("k")]);
});
