/** A service worker that imports a database and lines, and exports a patch; it may load no module later than at its start. */
import { exportPatch, openPatch } from "/pkg/index.js";
import "/pkg/lines.js";
import * as reader from "/pkg/plain.js";
import "/pkg/whole.js";

addEventListener("message", async ({ data: name, ports: [port] }) => {
  const patch = await openPatch("in a service worker", { backend: "memory" });
  const without = await patch.importPlain(name).catch((error) => error.code);
  const done = await patch.importPlain(name, { reader });
  const found = await patch.kv("s").get("k");
  const { inserted } = await patch.db("d").importJsonLines("lines", '{"n":1}\n{"n":2}\n');
  await patch.close();
  const kept = await openPatch("in a service worker");
  await kept.kv("s").set("k", 1);
  const archive = await new Response(await exportPatch("in a service worker")).arrayBuffer();
  await kept.close();
  port.postMessage([without, done, found, inserted, archive.byteLength > 0]);
});
