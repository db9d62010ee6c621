/** What a page reads for the first time of what it has just written, each in a page and a database of its own. */
import { documentsOf, random } from "../documents.js";
import { same, sameSet } from "../check.js";

const COUNT = 10_000;

/** Times the first reading of documents that were inserted together a moment before. */
function first({ id, title, times, read }) {
  return {
    id,
    title: `${title}, the first reading of what was just written`,
    times,
    async run(context) {
      const { store, timed } = context;
      const docs = documentsOf(0, COUNT);
      const ids = await store.insertMany(docs);
      await read({ ...context, docs, ids, timed });
    },
  };
}

/** Different ones, anywhere among all: what is read twice is not first. */
function different(times) {
  const pick = random(times);
  const numbers = Array.from({ length: COUNT }, (_, at) => at);
  for (let at = 0; at < times; at++) {
    const other = at + pick(COUNT - at);
    [numbers[at], numbers[other]] = [numbers[other], numbers[at]];
  }
  return numbers.slice(0, times);
}

const compare = (found, docs, numbers) => numbers.forEach((n, at) => same(found[at], docs[n]));

const freshAll = first({
  id: "fresh-all",
  title: "read all of 10 000",
  times: 1,
  read: async ({ store, docs, timed }) => sameSet(await timed(() => store.all()), docs),
});

const freshGet = first({
  id: "fresh-get",
  title: "get one of 2 000, awaited",
  times: 2000,
  async read({ store, docs, ids, times, timed }) {
    const numbers = different(times);
    const found = [];
    await timed(async () => {
      for (const n of numbers) found.push(await store.get(ids[n]));
    });
    compare(found, docs, numbers);
  },
});

const freshGets = first({
  id: "fresh-gets",
  title: "10 000 gets at once, each",
  times: COUNT,
  async read({ store, docs, ids, times, timed }) {
    const numbers = different(times);
    const found = await timed(() => Promise.all(numbers.map((n) => store.get(ids[n]))));
    compare(found, docs, numbers);
  },
});

/** The phases: a page each. */
export const fresh = { "fresh-all": [freshAll], "fresh-get": [freshGet], "fresh-gets": [freshGets] };
