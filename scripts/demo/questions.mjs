/** Drives the questions to the data of the world; the answers are compared with those that plain loops over the sources give. */
import { deepStrictEqual, match } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { eventually, press, rowsOf, textOf } from "./page.mjs";

/** `[collection, file, question, its answer by a plain loop]` */
const ASKED = [
  [
    "films",
    "movies.json",
    "Which Westerns are rated best?",
    (films) =>
      films
        .filter((film) => film["Major Genre"] === "Western" && film["IMDB Rating"] >= 7)
        .toSorted((a, b) => b["IMDB Rating"] - a["IMDB Rating"])
        .slice(0, 20)
        .map((film) => [film.Title, film["Release Date"], film["IMDB Rating"]]),
  ],
  [
    "flights",
    "flights-10k.json",
    "What left Las Vegas more than an hour late?",
    (flights) =>
      flights
        .filter(({ origin, delay }) => origin === "LAS" && delay > 60)
        .toSorted((a, b) => (a.date < b.date ? -1 : Number(a.date > b.date)))
        .slice(0, 20)
        .map(({ date, delay, distance, origin, destination }) => [date, delay, distance, origin, destination]),
  ],
  [
    "countries",
    "gapminder.json",
    "Where did people live longest in 2005?",
    (countries) =>
      countries
        .filter(({ year }) => year === 2005)
        .toSorted((a, b) => b.life_expect - a.life_expect)
        .slice(0, 20)
        .map(({ country, life_expect, fertility }) => [country, life_expect, fertility]),
  ],
];

const rows = (page) => rowsOf(page, "#questions-rows");

/** @param {string} datasets the directory of the data sets */
export async function fillQuestions(page, datasets) {
  const told = [];
  for (const [name, file] of ASKED) {
    await page.locator("#questions-data").selectOption(name);
    await eventually(() => textOf(page, "#questions-count"), "none stored yet", name);
    await press(page, "Store the data");
    await page.getByRole("button", { name: "Store the data again", disabled: false }).waitFor();
    told.push(`${name}: ${await textOf(page, "#questions-told")}`);
    const source = JSON.parse(await readFile(`${datasets}/${file}`, "utf8"));
    match(told.at(-1).replace(/\D/g, ""), new RegExp(`^${source.length}`), "documents stored");
  }
  return `questions: ${told.join("; ")}`;
}

/** @param {string} datasets the directory of the data sets */
export async function checkQuestions(page, datasets) {
  const told = [];
  for (const [name, file, question, answer] of ASKED) {
    const source = JSON.parse(await readFile(`${datasets}/${file}`, "utf8"));
    await page.locator("#questions-data").selectOption(name);
    await page.locator("#questions-asked").selectOption({ label: question });
    const expected = answer(source).map((row) => row.map((value) => (value ?? "–").toString()));
    await eventually(() => rows(page), expected, question);
    told.push(`${question} ${await textOf(page, "#questions-timing")}`);
  }
  told.push(await askByIndex(page));
  told.push(await askWrongly(page));
  return `questions: ${told.join("; ")}`;
}

/** The same answer by an index that is made for it, and without it again. */
async function askByIndex(page) {
  const before = await rows(page);
  deepStrictEqual(await textOf(page, "#questions-plan"), "No index serves it: every document was looked at.");
  await page.locator("#questions-fields").fill("year, life_expect");
  await press(page, "Make the index");
  await eventually(() => textOf(page, "#questions-plan"), "Found by the index over year, life_expect, which gives the order, too.", "by the index");
  deepStrictEqual(await rows(page), before, "the same rows in the same order");
  const timing = await textOf(page, "#questions-timing");
  await press(page, "Take the index over year, life_expect away");
  await eventually(() => textOf(page, "#questions-plan"), "No index serves it: every document was looked at.", "without it");
  deepStrictEqual(await rows(page), before);
  return `by an index: ${timing}`;
}

/** What is typed wrongly is told beside it, and the next question is answered. */
async function askWrongly(page) {
  const [query, problem] = [page.locator("#questions-query"), page.locator("#questions-problem")];
  await query.fill('{"year": {"$above": 1}}');
  await press(page, "Ask");
  await problem.waitFor();
  match(await problem.innerText(), /\$above/);
  await query.fill('{"year": 1955, "country": {"$in": ["Iceland", "Peru"]}}');
  await page.locator("#questions-options").fill('{"fields": ["country", "pop"]}');
  await press(page, "Ask");
  await problem.waitFor({ state: "hidden" });
  await eventually(() => rows(page), [["Iceland", "157735"], ["Peru", "8825897"]], "a question of one's own");
  deepStrictEqual(await textOf(page, "#questions-plan"), "No index serves it: every document was looked at.");
  return "one typed";
}
