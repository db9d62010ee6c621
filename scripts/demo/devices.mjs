/** Drives the two devices: each gets half of a real data set, both are changed, and merged. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { click, eventually, fieldsOf, filmsOf, grouped, linesOf, press, textOf } from "./page.mjs";
import { askedToDelete } from "./patches.mjs";

const [LAPTOP, PHONE] = ["laptop", "phone"];
const PATCHES = ["demo-laptop", "demo-phone"];
/** What is left of the films that are added and changed. */
const TITLES = ["Brazil (1985)", "Solaris (1972)", "Stalker (1979)"];

const facts = async (page, name) => {
  const texts = await page.locator(`#demo-${name} dd`).allInnerTexts();
  return { films: Number(texts[0].replace(/\D/g, "")), waiting: Number(texts[1].replace(/\D/g, "")), digest: texts[2] };
};
const titles = (page, name) => page.locator(`#demo-${name} li input`).evaluateAll((inputs) => inputs.map(({ value }) => value));

async function add(page, name, title) {
  await page.getByLabel(`New film on the ${name}`, { exact: true }).fill(title);
  await page.keyboard.press("Enter");
  await eventually(async () => (await titles(page, name))[0], title, `added on the ${name}`);
}

/** By the keyboard: the focus stays with the film. */
async function rename(page, name, from, to) {
  await page.getByLabel(`Title of ${from} on the ${name}`, { exact: true }).fill(to);
  await page.keyboard.press("Enter");
  await page.getByLabel(`Title of ${to} on the ${name}`, { exact: true }).waitFor();
  strictEqual(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), `Title of ${to} on the ${name}`, "the focus");
}

const remove = async (page, name, title) => {
  await click(page, `Delete ${title} on the ${name}`);
  await page.getByLabel(`Title of ${title} on the ${name}`, { exact: true }).waitFor({ state: "detached" });
};

/** Merges; what it told. Both must hold the same films then, and nothing wait. */
async function merge(page, count) {
  await page.locator("#devices-told").evaluate((list) => list.replaceChildren());
  await click(page, "Merge");
  await page.locator("#devices-told li").first().waitFor();
  await eventually(() => textOf(page, "#devices-state"), `The same ${grouped(count)} films, by their digests.`, "what the merging came to");
  const [one, other] = [await facts(page, LAPTOP), await facts(page, PHONE)];
  deepStrictEqual(one, { films: count, waiting: 0, digest: other.digest }, LAPTOP);
  deepStrictEqual(other, { films: count, waiting: 0, digest: one.digest }, PHONE);
  deepStrictEqual(await titles(page, PHONE), await titles(page, LAPTOP), "what both show");
  const lines = await linesOf(page, "#devices-told");
  strictEqual(lines.at(-1), `Both have the digest ${one.digest}.`);
  return lines.slice(0, -1);
}

export async function fillDevices(page, sourceFile) {
  const source = JSON.parse(await readFile(sourceFile, "utf8"));
  const half = Math.ceil(source.length / 2);
  await click(page, "Give each half of the films");
  for (const [name, films] of [[LAPTOP, half], [PHONE, source.length - half]]) {
    await eventually(async () => (await facts(page, name)).films, films, `films of the ${name}`);
    await eventually(async () => (await facts(page, name)).waiting, films, `what waits on the ${name}`);
  }
  strictEqual(await textOf(page, "#devices-state"), "They differ.");
  const whole = await merge(page, source.length);
  match(whole[0], new RegExp(`^laptop → phone: ${grouped(half)} entries, \\d+\\.\\d KiB; ${grouped(half)} applied$`));
  match(whole[1], new RegExp(`^phone → laptop: ${grouped(source.length - half)} entries, \\d+\\.\\d KiB; ${grouped(source.length - half)} applied$`));
  strictEqual(whole.length, 2);
  await checkFilms(page, source, []);

  // Some that both have, …
  for (const title of ["Stalker", "Solaris", "Brazil", "Zardoz"]) await add(page, LAPTOP, title);
  match((await merge(page, source.length + 4)).join("; "), /^laptop → phone: 4 entries, \d+ B; 4 applied; phone → laptop: nothing$/);
  // … and that both change while they are apart. Whoever is later stays, a removal too.
  await rename(page, PHONE, "Solaris", "Solyaris");
  await rename(page, LAPTOP, "Solaris", "Solaris (1972)");
  await rename(page, LAPTOP, "Brazil", "Brasil");
  await rename(page, PHONE, "Brazil", "Brazil (1985)");
  await rename(page, LAPTOP, "Zardoz", "Zardoz!");
  await remove(page, PHONE, "Zardoz");
  await remove(page, LAPTOP, "Stalker");
  await rename(page, PHONE, "Stalker", "Stalker (1979)");
  const [there, back, ...conflicts] = await merge(page, source.length + TITLES.length);
  match(there, /^laptop → phone: 4 entries, \d+ B; 1 applied$/);
  match(back, /^phone → laptop: 4 entries, \d+ B; 3 applied$/);
  deepStrictEqual(conflicts, [
    "Changed on both: “Solyaris”, later on the laptop “Solaris (1972)”",
    "Changed on both: “Brasil”, later on the phone “Brazil (1985)”",
    "Changed on both: “Zardoz!”, later on the phone deleted",
    "Changed on both: deleted, later on the phone “Stalker (1979)”",
  ]);
  await checkFilms(page, source, TITLES);
  return `devices: ${grouped(source.length)} films exchanged; ${conflicts.length} conflicts, the later change stayed; digest ${(await facts(page, LAPTOP)).digest} on both`;
}

export async function checkDevices(page, sourceFile) {
  const source = JSON.parse(await readFile(sourceFile, "utf8"));
  await eventually(() => textOf(page, "#devices-state"), `The same ${grouped(source.length + TITLES.length)} films, by their digests.`, "after the restart");
  await checkFilms(page, source, TITLES);
  return `devices: both hold all ${grouped(source.length)} films of the source and ${TITLES.join(", ")}`;
}

/** The phone is lost, and another one begins with what the laptop has. */
export async function losePhone(page, sourceFile) {
  const source = JSON.parse(await readFile(sourceFile, "utf8"));
  await askedToDelete(page, "demo-phone", "Delete it");
  await eventually(() => textOf(page, "#devices .gone"), "This patch was deleted. Start again", "its part says so");
  await press(page, "Start again");
  await eventually(() => textOf(page, "#devices-state").catch(() => ""), "They differ.", "a phone that is new");
  const lines = await merge(page, source.length + TITLES.length);
  const found = `Found by comparing digests: ${grouped(source.length + TITLES.length + 1)} applied`;
  deepStrictEqual(lines, ["laptop → phone: nothing", "phone → laptop: nothing", found], "what a new phone fetches, the removal too");
  await checkFilms(page, source, TITLES);
  return `devices: a new phone has all of it, by digests`;
}

/** Both hold the same documents: those of the source, and the titles that were added. */
async function checkFilms(page, source, added) {
  const [laptop, phone] = await Promise.all(PATCHES.map((id) => filmsOf(page, id)));
  const byId = (films) => films.toSorted((a, b) => (a._id < b._id ? -1 : 1));
  deepStrictEqual(byId(phone), byId(laptop), "documents of both devices");
  const asText = (films) => films.map((film) => JSON.stringify(film)).sort();
  const wanted = [...source, ...added.map((Title) => ({ Title }))];
  deepStrictEqual(asText(laptop.map(fieldsOf)), asText(wanted), "documents, and what they come from");
}
