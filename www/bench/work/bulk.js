import { documentsOf } from "../documents.js";
import { sameSet } from "../check.js";

const COUNT = 10_000;

export default {
  id: "bulk",
  title: "insert 10 000 documents at once",
  times: 1,
  async run({ store, state, timed }) {
    const docs = documentsOf(0, COUNT);
    state.ids = await timed(() => store.insertMany(docs));
    sameSet(await store.all(), docs);
  },
};
