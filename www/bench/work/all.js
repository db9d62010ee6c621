/** Everything, as fresh objects: for the first time, and again and again. */
import { documentsOf } from "../documents.js";
import { sameSet } from "../check.js";

const SAMPLES = 3;
/** Readings before those that count: systems may keep what is asked for more than once. */
const BEFORE = 2;

export const all = {
  id: "all",
  title: "read all again (15 500 documents)",
  needs: "puts",
  times: 1,
  async run({ store, state, timed }) {
    for (let again = 0; again < BEFORE; again++) await store.all();
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
