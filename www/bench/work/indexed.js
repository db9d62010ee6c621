/**
 * Questions to an index, with the same two on all sides: one over `group`, one over `weight`. Each phase opens its database by itself, after the
 * same calls on another one, until the code is compiled.
 */
import { documentsOf } from "../documents.js";
import { check, sameSet } from "../check.js";

const COUNT = 15_500;
const BULK = 10_000;
const MANY = 100_000;
const LIMIT = 20;
const SAMPLES = 5;
/** Questions before the first that counts, until the code is compiled for speed. */
const WARM = 40;
const PAGE = 20;
const PAGES = 1_000;
/** Pages whose times count, at both ends. */
const EACH = 20;

const INDEXES = ["group", "weight"];

async function warmUp(system) {
  const store = await system.open("warm-up-indexed", { indexes: INDEXES });
  for (let round = 0; round < 3; round++) {
    await store.insertMany(documentsOf(round * 200, 200));
    for (let at = 0; at < 10; at++) {
      await store.whereIndexed("group", `group ${at}`);
      await store.range("weight", at * 50, LIMIT);
      if (store.pageAfter) await store.pageAfter("weight", PAGE, await store.pageAfter("weight", PAGE));
    }
  }
  await store.close();
  await system.remove("warm-up-indexed");
}

async function opened({ system, name }, work) {
  const store = await system.open(name, { indexes: INDEXES });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const groupOf = (docs, group) => docs.filter((doc) => doc.group === group);

const bulk = {
  id: "indexed-bulk",
  title: "insert 10 000 documents at once, two indexes",
  asks: "indexes",
  times: BULK,
  async run(context) {
    await warmUp(context.system);
    await opened(context, async (store) => {
      const docs = documentsOf(0, BULK);
      await context.timed(() => store.insertMany(docs));
      await store.insertMany(documentsOf(BULK, COUNT - BULK));
    });
  },
};

const where = {
  id: "indexed-where",
  title: "equality by an index, 1 % of 15 500, never asked before",
  needs: "indexed-bulk",
  asks: "indexes",
  times: 1,
  async run(context) {
    await opened(context, async (store) => {
      const docs = documentsOf(0, COUNT);
      // What the first touch reads is not measured here.
      for (let sample = 0; sample < WARM; sample++) await store.whereIndexed("group", `group ${40 + sample}`);
      for (let sample = 0; sample < SAMPLES; sample++) {
        const group = `group ${7 + sample}`;
        sameSet(await context.timed(() => store.whereIndexed("group", group)), groupOf(docs, group));
      }
    });
  },
};

const again = {
  id: "indexed-again",
  title: "equality by an index, 1 % of 15 500, each asked before",
  needs: "indexed-bulk",
  asks: "indexes",
  times: 1,
  async run(context) {
    await opened(context, async (store) => {
      const docs = documentsOf(0, COUNT);
      const groupAt = (sample) => `group ${7 + (sample % (SAMPLES * 4))}`;
      // (Twice: answers are kept that are asked for twice.)
      for (let sample = 0; sample < SAMPLES * 8; sample++) await store.whereIndexed("group", groupAt(sample));
      for (let sample = 0; sample < SAMPLES * 4; sample++) {
        sameSet(await context.timed(() => store.whereIndexed("group", groupAt(sample))), groupOf(docs, groupAt(sample)));
      }
    });
  },
};

const cold = {
  id: "indexed-cold",
  title: "equality by an index, 1 % of 15 500, first read after opening",
  needs: "indexed-bulk",
  asks: "indexes",
  times: 1,
  async run(context) {
    await warmUp(context.system);
    await opened(context, async (store) => {
      sameSet(await context.timed(() => store.whereIndexed("group", "group 3")), groupOf(documentsOf(0, COUNT), "group 3"));
    });
  },
};

/** Those of a range, in its order. */
function inRange(found, sorted, from) {
  const at = sorted.findIndex((doc) => doc.weight >= from);
  const expected = sorted.slice(at, at + LIMIT);
  check(found.length === LIMIT, `${found.length} documents, not ${LIMIT}`);
  found.forEach(({ weight }, at) => check(weight === expected[at].weight, `weight ${weight}, not ${expected[at].weight}`));
}

const range = {
  id: "indexed-range",
  title: "range, sorted, limit 20 of 100 000, by an index, each asked before",
  asks: "indexes",
  times: 1,
  async run(context) {
    await warmUp(context.system);
    await opened(context, async (store) => {
      const docs = documentsOf(0, MANY);
      await store.insertMany(docs);
      const sorted = docs.toSorted((a, b) => a.weight - b.weight);
      const fromOf = (sample) => 7.5 + sample * 47;
      // Each is asked before, twice: 100 000 documents are more than is kept in memory.
      for (let sample = 0; sample < SAMPLES * 8; sample++) await store.range("weight", fromOf(sample % (SAMPLES * 4)), LIMIT);
      for (let sample = 0; sample < SAMPLES * 4; sample++) {
        const from = fromOf(sample);
        inRange(await context.timed(() => store.range("weight", from, LIMIT)), sorted, from);
      }
    });
  },
};

/** Goes through all pages, each behind the last document of the one before; the times of the first ones and of the last ones. */
async function through(store, isMeasured, took) {
  let last;
  for (let page = 1; page <= PAGES; page++) {
    const start = performance.now();
    const docs = await store.pageAfter("weight", PAGE, last);
    const ms = performance.now() - start;
    check(docs.length === PAGE, `page ${page} has ${docs.length} documents`);
    last = docs;
    if (isMeasured && page <= EACH) took.first.push(ms);
    if (isMeasured && page > PAGES - EACH) took.last.push(ms);
  }
}

/** (Page 1 alone, again and again, would be in memory; here each has last been read a walk ago.) */
const pageFirst = {
  id: "page-1",
  title: `pages 1 to ${EACH} of 20 documents, sorted by an index, 100 000 there`,
  needs: "indexed-range",
  asks: "pages",
  times: 1,
  run: (context) =>
    opened(context, async (store) => {
      const took = { first: [], last: [] };
      for (let walk = 0; walk < 3; walk++) await through(store, walk > 0, took);
      took.first.forEach(context.noted);
      context.state.lastPages = took.last;
    }),
};

const pageLast = {
  id: "page-1000",
  title: `pages ${PAGES - EACH + 1} to ${PAGES}, by \`after\``,
  needs: "page-1",
  asks: "pages",
  times: 1,
  async run({ state, noted }) {
    state.lastPages.forEach(noted);
  },
};

export const indexed = [bulk, where, again];
export const indexedCold = [cold];
export const indexedLarge = [range, pageFirst, pageLast];
