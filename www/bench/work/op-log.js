/**
 * Writing with and without an op-log: the same work, in turns, in two databases. Of each pair of items the first does the
 * work in both, so that whatever the machine does meanwhile falls on both, and the second tells of the times with the log.
 */
import { documentsOf, valueOf } from "../documents.js";
import { check } from "../check.js";

const TURNS = 5;
/** Between two turns: what one database has left to the background is not counted to the other. */
const PAUSE_MS = 300;
const MANY = 100_000;
const PAGE = 100;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function countIs(counting, expected) {
  const count = await counting;
  check(count === expected, `${count} entries are pending, not ${expected}`);
}

/** The two databases, without and with the log. */
async function opened({ system, name }, work) {
  const stores = [await system.open(`${name}-off`), await system.open(`${name}-on`, { opLog: true })];
  try {
    return await work(stores);
  } finally {
    for (const store of stores) await store.close();
  }
}

/**
 * @param {string} id of the work; "-many" behind it: where 100 000 entries are pending
 * @param {(turn: string, times: number) => (store: object) => Promise<unknown>} prepare what is done in a turn
 */
function pair(id, title, times, prepare, { turns = TURNS, isOnce = false } = {}) {
  const isMany = id.endsWith("-many");
  const without = {
    id: `unlogged-${id}`,
    title: `op-log off${isMany ? ", 100 000 there" : ""}: ${title}`,
    needs: isMany ? "logged-many" : undefined,
    asks: "logs",
    times,
    run: (context) =>
      opened(context, async (stores) => {
        const { state, noted } = context;
        const took = [[], []];
        if (isOnce) {
          // With nothing pending.
          await stores[1].log.prune(Infinity);
          state.written = 0;
        }
        // The first is not counted: code is compiled in it, and read what is needed of the database.
        for (let turn = isOnce ? 1 : 0; turn <= turns; turn++) {
          const work = prepare(`${id}-${turn}`, times);
          for (const at of turn % 2 ? [0, 1] : [1, 0]) {
            await sleep(PAUSE_MS);
            const start = performance.now();
            await work(stores[at]);
            took[at].push((performance.now() - start) / times);
          }
          state.written = (state.written ?? 0) + times;
        }
        // An entry for each record that was written.
        await countIs(stores[1].log.count(), state.written);
        const [off, on] = took.map((all) => (isOnce ? all : all.slice(1)));
        off.forEach(noted);
        state[id] = on;
      }),
  };
  const logged = {
    id: `logged-${id}`,
    title: `op-log on${isMany ? ", 100 000 pending" : ""}: ${title}`,
    needs: without.id,
    asks: "logs",
    times,
    async run({ state, noted }) {
      state[id].forEach(noted);
    },
  };
  return [without, logged];
}

const textsOf = (turn, count) => Array.from({ length: count }, (_, at) => [`${turn}-${at}`, valueOf(at, 100)]);

const kinds = (suffix) => [
  ...pair(`set${suffix}`, "set, awaited", 100, (turn, times) => {
    const texts = textsOf(turn, times);
    return async (store) => {
      for (const [key, value] of texts) await store.set(key, value);
      check((await store.read(texts[7][0])) === texts[7][1], "the value is another");
    };
  }),
  ...pair(`sets${suffix}`, "5 000 sets", 5000, (turn, times) => {
    const texts = textsOf(turn, times);
    return (store) => Promise.all(texts.map(([key, value]) => store.set(key, value)));
  }),
  ...pair(`bulk${suffix}`, "insert 10 000", 10_000, (_, times) => {
    const docs = documentsOf(0, times);
    return (store) => store.insertMany(docs);
  }, { turns: 3 }),
];

/** Those whose work is compared: what is behind "unlogged-" and "logged-". */
export const COMPARED = ["set", "sets", "bulk", "many", "set-many", "sets-many", "bulk-many"];

const many = pair("many", "set 100 000 in a call", MANY, (turn, times) => {
  const texts = textsOf(turn, times);
  return (store) => store.setMany(texts);
}, { turns: 1, isOnce: true });

/** With the 100 000 pending that the pair before has written. */
function asking(id, title, ask) {
  return {
    id,
    title: `op-log on: ${title} 100 000 pending`,
    needs: "logged-many",
    asks: "logs",
    times: 1,
    run: (context) =>
      opened(context, async ([, store]) => {
        for (let turn = 0; turn < TURNS; turn++) await ask(context, store.log);
      }),
  };
}

const count = asking("log-count", "count", async ({ timed }, log) => {
  await countIs(timed(() => log.count()), MANY);
});

const firstPage = asking("log-page", `first ${PAGE} of`, async ({ timed }, log) => {
  const page = await timed(() => log.pending({ limit: PAGE }));
  check(page.length === PAGE && page.every(({ key }, at) => key === `many-1-${at}`), "the page is another");
});

export const opLog = [...kinds(""), ...many, count, firstPage, ...kinds("-many")];
