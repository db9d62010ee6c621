/** Reads by id, of documents that were written in this page, and read there once: first readings are in `fresh.js`. */
import { documentOf, random } from "../documents.js";
import { same } from "../check.js";

/** Which are read: anywhere among all. */
function chosen(state, times) {
  const pick = random(times);
  return Array.from({ length: times }, () => pick(state.ids.length));
}

function compare(found, numbers) {
  numbers.forEach((n, at) => same(found[at], documentOf(n)));
}

export const get = {
  id: "get",
  title: "get one document, awaited, read before",
  needs: "puts",
  times: 2000,
  async run({ store, state, times, timed }) {
    const numbers = chosen(state, times);
    for (const n of numbers) await store.get(state.ids[n]);
    const found = [];
    await timed(async () => {
      for (const n of numbers) found.push(await store.get(state.ids[n]));
    });
    compare(found, numbers);
  },
};

export const gets = {
  id: "gets",
  title: "10 000 gets at once, each, read before",
  needs: "puts",
  times: 10_000,
  async run({ store, state, times, timed }) {
    const numbers = chosen(state, times);
    await Promise.all(numbers.map((n) => store.get(state.ids[n])));
    const found = await timed(() => Promise.all(numbers.map((n) => store.get(state.ids[n]))));
    compare(found, numbers);
  },
};
