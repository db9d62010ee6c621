/** Real records: fields with spaces in their names, many nulls. */
import { movies } from "../documents.js";
import { check, same } from "../check.js";

const GENRE = "Western";
/** Readings before those that count, as in all.js. */
const BEFORE = 2;

function compare(found, expected) {
  check(found.length === expected.length, `${found.length} movies, not ${expected.length}`);
  // Titles are not unique: the text of all fields is.
  const text = (movie) => JSON.stringify(Object.keys(expected[0]).map((field) => movie[field] ?? null));
  const counts = new Map();
  for (const movie of expected) counts.set(text(movie), (counts.get(text(movie)) ?? 0) + 1);
  for (const movie of found) {
    const left = counts.get(text(movie));
    check(left, `not a movie that was inserted: ${text(movie)}`);
    counts.set(text(movie), left - 1);
  }
}

export const moviesBulk = {
  id: "movies-bulk",
  title: "movies: insert 3 201 at once",
  times: 1,
  async run({ store, state, timed }) {
    const all = await movies();
    const ids = await timed(() => store.insertMany(all));
    state.movies = ids.length;
    same(await store.get(ids[1234]), all[1234]);
  },
};

export const moviesAll = {
  id: "movies-all",
  title: "movies: read all again",
  needs: "movies-bulk",
  times: 1,
  async run({ store, timed }) {
    for (let again = 0; again < BEFORE; again++) await store.all();
    for (let sample = 0; sample < 3; sample++) compare(await timed(() => store.all()), await movies());
  },
};

export const moviesWhere = {
  id: "movies-where",
  title: `movies: Major Genre = ${GENRE} (36)`,
  needs: "movies-bulk",
  times: 1,
  async run({ store, timed }) {
    const expected = (await movies()).filter((movie) => movie["Major Genre"] === GENRE);
    for (let sample = 0; sample < 3; sample++) {
      compare(await timed(() => store.where("Major Genre", GENRE)), expected);
    }
  },
};
