/**
 * What live queries cost a write: updates of one document, awaited, in turns without any and with 1 000, each of which wants
 * another value of one field; each update changes the result of one of them. The first item does the work, the second tells of the times with them.
 */
import { check } from "../check.js";

const TURNS = 4;
const WATCHES = 1_000;
const TIMES = 200;
/** Between two turns: what one has left to the background is not counted to the other. */
const PAUSE_MS = 300;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(condition, what) {
  for (let ms = 0; !condition(); ms += 10) {
    check(ms < 60_000, what);
    await sleep(10);
  }
}

/** Begins the live queries; resolves once each has told its first result. */
async function watching(store) {
  const told = { count: 0 };
  const stops = Array.from({ length: WATCHES }, (_, owner) => store.watch({ owner }, () => told.count++));
  await until(() => told.count === WATCHES, "not each has told a first result");
  return { told, stop: () => stops.forEach((stop) => stop()) };
}

const unwatched = {
  id: "unwatched",
  title: "update one of 1 000, awaited, no live queries",
  asks: "watches",
  times: TIMES,
  async run({ system, name, state, times, noted }) {
    const store = await system.open(name);
    const ids = await store.insertMany(Array.from({ length: WATCHES }, (_, owner) => ({ owner, title: `Title ${owner}`, weight: 0 })));
    const took = [[], []];
    // The first is not counted: code is compiled in it.
    for (let turn = 0; turn <= TURNS; turn++) {
      for (const isWatched of [false, true]) {
        const watches = isWatched ? await watching(store) : undefined;
        await sleep(PAUSE_MS);
        const start = performance.now();
        for (let at = 0; at < times; at++) await store.update(ids[(at * 7) % WATCHES], { weight: turn * times + at + 1 });
        took[+isWatched].push((performance.now() - start) / times);
        if (watches !== undefined) {
          await until(() => watches.told.count === WATCHES + times, `${watches.told.count - WATCHES} of ${times} updates were told`);
          watches.stop();
        }
      }
    }
    await store.close();
    const [without, withThem] = took.map((all) => all.slice(1));
    without.forEach(noted);
    state.watched = withThem;
  },
};

const watched = {
  id: "watched",
  title: "update one of 1 000, awaited, 1 000 live queries, each on one of them",
  needs: "unwatched",
  asks: "watches",
  times: TIMES,
  async run({ state, noted }) {
    state.watched.forEach(noted);
  },
};

export const live = [unwatched, watched];
