/** Everything, as fresh objects. */
import { documentsOf } from "../documents.js";
import { sameSet } from "../check.js";

const SAMPLES = 3;

export const all = {
  id: "all",
  title: "read all (15 500 documents)",
  needs: "puts",
  times: 1,
  async run({ store, state, timed }) {
    for (let sample = 0; sample < SAMPLES; sample++) {
      sameSet(await timed(() => store.all()), documentsOf(0, state.ids.length));
    }
  },
};

export const allCold = {
  id: "all-cold",
  title: "read all, first time after opening",
  needs: "puts",
  times: 1,
  async run({ store, state, timed }) {
    sameSet(await timed(() => store.all()), documentsOf(0, state.ids.length));
  },
};
