/** Opening what is not there yet, and what is. */
import { documentOf } from "../documents.js";
import { check, same } from "../check.js";

export const open = {
  id: "open",
  title: "open an empty database",
  times: 1,
  async run({ system, name, timed }) {
    const store = await timed(() => system.open(`${name}-empty`));
    await store.close();
  },
};

export const load = {
  id: "load",
  title: "load (wasm, workers), before opening",
  times: 1,
  run: ({ system, timed }) => timed(() => system.load?.()),
};

/** The whole of a first read in a page that has just been loaded. */
export const reopen = {
  id: "reopen",
  title: "reopen and first get (15 500 documents)",
  needs: "puts",
  times: 1,
  async run({ system, name, state, timed }) {
    const [n, id] = [7001, state.ids[7001]];
    const [store, found] = await timed(async () => {
      const store = await system.open(name);
      return [store, await store.get(id)];
    });
    check(found, "not found");
    same(found, documentOf(n));
    await store.close();
  },
};
