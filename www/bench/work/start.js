/** A page that starts: from nothing to a record that a person sees. */
import { documentOf } from "../documents.js";
import { check, same } from "../check.js";

/** Once what has been put into the page is on the screen: the task after the next frame. */
const painted = () =>
  new Promise((resolve) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
  });

/** Everything counts: the system's own code, its wasm and workers, opening, reading one of 15 500 documents, and painting it. */
export const start = [
  {
    id: "start",
    title: "a page starts, reads one of 15 500 documents and paints it, in a browser just started",
    needs: "puts",
    times: 1,
    async run({ system, name, state, begun, noted }) {
      const [n, id] = [7001, state.ids[7001]];
      const store = await system.open(name);
      const found = await store.get(id);
      document.body.append(found.title);
      await painted();
      noted(performance.now() - begun);
      check(found, "not found");
      same(found, documentOf(n));
      await store.close();
    },
  },
];
