/** Single insertions: each awaited, and all issued at once. */
import { documentsOf } from "../documents.js";
import { same } from "../check.js";

/** Where fewer are timed, the others go in together, so that later items find as many as elsewhere. */
async function rest(store, state, missing) {
  if (missing > 0) state.ids.push(...(await store.insertMany(documentsOf(state.ids.length, missing))));
}

async function compare(store, docs, ids) {
  for (const [at, doc] of docs.entries()) same(await store.get(ids[at]), doc);
}

export const put = {
  id: "put",
  title: "insert one document, awaited",
  needs: "bulk",
  times: 500,
  async run({ store, state, times, timed }) {
    const docs = documentsOf(state.ids.length, times);
    const ids = [];
    await timed(async () => {
      for (const doc of docs) ids.push(await store.insert(doc));
    });
    await compare(store, docs, ids);
    state.ids.push(...ids);
    await rest(store, state, put.times - times);
  },
};

export const puts = {
  id: "puts",
  title: "5 000 inserts at once, each",
  needs: "put",
  times: 5000,
  async run({ store, state, times, timed }) {
    const docs = documentsOf(state.ids.length, times);
    const ids = await timed(() => Promise.all(docs.map((doc) => store.insert(doc))));
    await compare(store, docs.slice(-200), ids.slice(-200));
    state.ids.push(...ids);
    await rest(store, state, puts.times - times);
  },
};
