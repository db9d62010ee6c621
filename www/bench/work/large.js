/** 100 000 documents, for those that are fast enough. */
import { documentOf, documentsOf } from "../documents.js";
import { sameSet, same } from "../check.js";

const COUNT = 100_000;

export const large = {
  id: "large",
  title: "insert 100 000 documents at once",
  times: 1,
  async run({ store, state, timed }) {
    const docs = documentsOf(0, COUNT);
    state.large = (await timed(() => store.insertMany(docs)))[COUNT / 2];
  },
};

export const largeAll = {
  id: "large-all",
  title: "read all (100 000 documents)",
  needs: "large",
  times: 1,
  async run({ store, timed }) {
    sameSet(await timed(() => store.all()), documentsOf(0, COUNT));
  },
};

export const largeWhere = {
  id: "large-where",
  title: "equality on a field, 1 000 of 100 000",
  needs: "large",
  times: 1,
  async run({ store, timed }) {
    const found = await timed(() => store.where("group", "group 7"));
    sameSet(found, documentsOf(0, COUNT).filter((doc) => doc.group === "group 7"));
  },
};

export const largeReopen = {
  id: "large-reopen",
  title: "reopen and first get (100 000 documents)",
  needs: "large",
  times: 1,
  async run({ system, name, state, timed }) {
    const [store, found] = await timed(async () => {
      const store = await system.open(name);
      return [store, await store.get(state.large)];
    });
    same(found, documentOf(COUNT / 2));
    await store.close();
  },
};
