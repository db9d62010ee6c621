/** What the usual calls take in one of four tabs that have the same database open. */
import { documentOf, documentsOf, random } from "../documents.js";
import { same } from "../check.js";

const beside = (item) => ({ ...item, needs: "puts", times: 300 });

/** Numbers of documents, anywhere among all. */
function anywhere(state, times) {
  const pick = random(times);
  return Array.from({ length: times }, () => pick(state.ids.length));
}

export const tabs = [
  beside({
    id: "tabs-get",
    title: "get one document, awaited, four tabs open",
    async run({ store, state, times, timed }) {
      const numbers = anywhere(state, times);
      const found = [];
      await timed(async () => {
        for (const n of numbers) found.push(await store.get(state.ids[n]));
      });
      numbers.forEach((n, at) => same(found[at], documentOf(n)));
    },
  }),
  beside({
    id: "tabs-set",
    title: "set a value of 100 B, awaited, four tabs open",
    async run({ store, times, timed }) {
      const value = "v".repeat(100);
      await timed(async () => {
        for (let at = 0; at < times; at++) await store.set(`beside ${at}`, value);
      });
      same({ value: await store.read("beside 7") }, { value });
    },
  }),
  beside({
    id: "tabs-put",
    title: "insert one document, awaited, four tabs open",
    async run({ store, times, timed }) {
      const docs = documentsOf(100_000, times);
      const ids = [];
      await timed(async () => {
        for (const doc of docs) ids.push(await store.insert(doc));
      });
      for (const [at, doc] of docs.entries()) same(await store.get(ids[at]), doc);
      // Later phases find those that are counted.
      await store.deleteMany(ids);
    },
  }),
];
