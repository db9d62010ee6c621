/** A real data set: stored as documents, then queried. */
import { openPart } from "./open.js";
import { count, element, guarded, make, ms, timed } from "./page.js";

const SLICE_DOCUMENTS = 200;
const NO_GENRE = "(no genre)";

export async function startMovies() {
  const patch = await openPart("movies", "demo-movies");
  const movies = patch.db("movies").collection("movies");
  const button = element("movies-store");

  async function store() {
    button.disabled = true;
    try {
      const answer = await fetch("/data/movies.json");
      if (!answer.ok) throw new Error(`the data set could not be fetched: ${answer.status}`);
      const source = await answer.json();
      const [, storing] = await timed(() => storeAll(source));
      const perDocument = (1000 * storing) / source.length;
      element("movies-timing").textContent =
        `${count(source.length)} documents stored in ${ms(storing)}, ${perDocument.toFixed(0)} µs each`;
      await showStored();
    } finally {
      button.disabled = false;
    }
  }

  /** In slices, so that there is progress to show; each is committed as a whole. */
  async function storeAll(source) {
    await movies.drop();
    for (let done = 0; done < source.length; done += SLICE_DOCUMENTS) {
      await movies.insertMany(source.slice(done, done + SLICE_DOCUMENTS));
      element("movies-progress").value = Math.min(1, (done + SLICE_DOCUMENTS) / source.length);
    }
  }

  async function showStored() {
    const stored = await movies.count();
    element("movies-count").textContent = stored ? `${count(stored)} stored` : "none stored yet";
    element("movies-progress").value = stored ? 1 : 0;
    button.textContent = stored ? "Store them again" : "Store the movies";
    element("movies-query").hidden = stored === 0;
    if (stored === 0) return;
    await showGenres();
    await query();
  }

  async function showGenres() {
    const genres = new Set();
    for (const movie of await movies.find({}, { fields: ["Major Genre"] })) {
      genres.add(movie["Major Genre"]);
    }
    const select = element("movies-genre");
    const chosen = select.value || "Drama";
    const names = [...genres].filter((name) => name !== null).sort();
    select.replaceChildren(...[...names, NO_GENRE].map((name) => make("option", name)));
    select.value = chosen;
  }

  async function query() {
    const { value } = element("movies-genre");
    const wanted = { "Major Genre": value === NO_GENRE ? null : value };
    const [found, counting] = await timed(() => movies.count(wanted));
    const best = { sort: { "IMDB Rating": -1 }, limit: 10 };
    const [rows, sorting] = await timed(() => movies.find(wanted, best));
    element("movies-rows").replaceChildren(...rows.map(row));
    element("query-timing").textContent =
      `${count(found)} films, counted in ${ms(counting)}; the best ten found in ${ms(sorting)}`;
  }

  function row(movie) {
    const line = make("tr");
    line.append(
      make("td", String(movie.Title)),
      make("td", movie.Director ?? "–"),
      make("td", movie["Release Date"] ?? "–"),
      make("td", movie["IMDB Rating"]?.toFixed(1) ?? "–", "number"),
    );
    return line;
  }

  button.addEventListener("click", guarded(store));
  element("movies-genre").addEventListener("change", guarded(query));
  await showStored();
}
