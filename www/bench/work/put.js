/** Single insertions: each awaited, and all issued at once. */
import { documentsOf } from "../documents.js";
import { same } from "../check.js";

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
  },
};
