/** Opening what is not there yet, and what is. */
import { documentOf, documentsOf } from "../documents.js";
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

/** Opens what is there and reads one document. */
async function firstRead({ system, name, state, timed }) {
  const [n, id] = [7001, state.ids[7001]];
  const [store, found] = await timed(async () => {
    const store = await system.open(name);
    return [store, await store.get(id)];
  });
  check(found, "not found");
  same(found, documentOf(n));
  await store.close();
}

/** The whole of a first read in a page that has just been loaded. */
export const reopen = {
  id: "reopen",
  title: "reopen and first get (15 500 documents)",
  needs: "puts",
  times: 1,
  run: firstRead,
};

/** Documents of another database: so many that patchstore keeps them as it keeps the many. */
const OTHERS = 1000;

/**
 * The same without compiling: browsers may compile a function when it is first called (V8 does,
 * https://v8.dev/docs/wasm-compilation-pipeline), so each has been, on a database of its own.
 */
export const reopenCompiled = {
  id: "reopen-compiled",
  title: "the same, code compiled (15 500 documents)",
  needs: "puts",
  times: 1,
  async run(context) {
    const { system } = context;
    let store = await system.open("warm-up");
    const [id] = await store.insertMany(documentsOf(0, OTHERS));
    await store.close();
    store = await system.open("warm-up");
    // (Whoever acknowledges before anything is stored does not find it.)
    await store.get(id);
    await store.close();
    await system.remove("warm-up");
    await firstRead(context);
  },
};
