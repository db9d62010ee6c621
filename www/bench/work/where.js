import { documentsOf } from "../documents.js";
import { sameSet } from "../check.js";

const SAMPLES = 3;

export default {
  id: "where",
  title: "equality on a field, 1 % selected",
  needs: "puts",
  times: 1,
  async run({ store, state, timed }) {
    const docs = documentsOf(0, state.ids.length);
    for (let sample = 0; sample < SAMPLES; sample++) {
      const group = `group ${7 + sample}`;
      const found = await timed(() => store.where("group", group));
      sameSet(found, docs.filter((doc) => doc.group === group));
    }
  },
};
