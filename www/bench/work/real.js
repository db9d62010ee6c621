/**
 * Documents as applications have them: Dates, nested lists, a few KiB of text. A system that stores JSON is given the Dates
 * as ISO strings, and gives back such: its user has to tell them from texts.
 */
import { articlesOf } from "../documents.js";
import { same, sameSet } from "../check.js";

const COUNT = 1000;
const SAMPLES = 3;
/** Readings before those that count, as in all.js. */
const BEFORE = 2;

/** What a system can store of them. Made before the time is taken. */
const given = (system, from, count) => {
  const articles = articlesOf(from, count);
  return system.json ? JSON.parse(JSON.stringify(articles)) : articles;
};

export const realBulk = {
  id: "real-bulk",
  title: "articles (4 KiB, Dates): insert 1 000 at once",
  times: 1,
  async run({ store, system, state, timed }) {
    const articles = given(system, 0, COUNT);
    const ids = await timed(() => store.insertMany(articles));
    state.articles = ids.length;
    same(await store.get(ids[123]), articles[123]);
  },
};

export const realPut = {
  id: "real-put",
  title: "articles: insert one, awaited",
  needs: "real-bulk",
  times: 100,
  async run({ store, system, state, times, timed }) {
    const articles = given(system, state.articles, times);
    const ids = [];
    await timed(async () => {
      for (const article of articles) ids.push(await store.insert(article));
    });
    for (const [at, article] of articles.entries()) same(await store.get(ids[at]), article);
    state.articles += times;
  },
};

export const realAll = {
  id: "real-all",
  title: "articles: read all again",
  needs: "real-put",
  times: 1,
  async run({ store, system, state, timed }) {
    for (let again = 0; again < BEFORE; again++) await store.all();
    for (let sample = 0; sample < SAMPLES; sample++) sameSet(await timed(() => store.all()), given(system, 0, state.articles));
  },
};

export const realWhere = {
  id: "real-where",
  title: "articles: equality on a field, 1 % selected",
  needs: "real-put",
  times: 1,
  async run({ store, system, state, timed }) {
    for (let sample = 0; sample < SAMPLES; sample++) {
      const author = `author ${7 + sample}`;
      const found = await timed(() => store.where("author", author));
      sameSet(found, given(system, 0, state.articles).filter((article) => article.author === author));
    }
  },
};
