import { documentOf, random } from "../documents.js";
import { same } from "../check.js";

export default {
  id: "update",
  title: "update one document, awaited",
  needs: "puts",
  times: 500,
  async run({ store, state, times, timed }) {
    const pick = random(99);
    const numbers = Array.from({ length: times }, () => pick(state.ids.length));
    await timed(async () => {
      for (const [at, n] of numbers.entries()) await store.update(state.ids[n], { title: `Updated ${at}`, weight: at });
    });
    const last = new Map(numbers.map((n, at) => [n, at]));
    for (const [n, at] of last) {
      same(await store.get(state.ids[n]), { ...documentOf(n), title: `Updated ${at}`, weight: at });
    }
  },
};
