/** Drives the gauges: films are stored until the budget is full, with what is done for room; and persistence. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { click, eventually, fieldsOf, filmsOf, grouped, linesOf, press, textOf } from "./page.mjs";

const PATCH = "demo-space";
const BUDGET = 2 << 20;
const PORTION = 250;
/** More portions than fit, by far. */
const MOST = 30;

const told = (page) => textOf(page, "#space-told");
const gauge = (page, id) => page.locator(`#${id}`).evaluate(({ value, max, high }) => ({ value, max, high }));

/** Presses, and waits for what it comes to. */
async function outcome(page, name) {
  await page.locator("#space-told").evaluate((line) => (line.textContent = ""));
  await click(page, name);
  await page.waitForFunction(() => document.querySelector("#space-told").textContent !== "");
  return told(page);
}

export async function fillSpace(page, sourceFile) {
  let stored = 0, said;
  for (; stored < MOST * PORTION; stored += PORTION) {
    said = await outcome(page, "Store 250 films");
    if (said !== `${grouped(stored + PORTION)} films stored`) break;
  }
  match(said, /^Refused, all or nothing: 1\.\d MiB of 2\.0 MiB are used/);
  const source = JSON.parse(await readFile(sourceFile, "utf8"));
  deepStrictEqual((await filmsOf(page, PATCH)).map(fieldsOf), source.slice(0, stored), "what was stored before the refusal, and no more");

  const events = await linesOf(page, "#space-events");
  match(events[0], /^full at .* of 2\.0 MiB$/);
  ok(events.some((line) => line.startsWith("prune-oplog at ")), `steps before: ${events}`);
  const all = await linesOf(page, "#events-list");
  ok(all.some((line) => line.startsWith("demo-space: quota, full at ")), `events: ${all}`);
  const { value, max, high } = await gauge(page, "space-patch");
  deepStrictEqual([max, high], [BUDGET, 0.8 * BUDGET], "the gauge's budget and threshold");
  ok(value > high && value <= 1.1 * max, `the gauge shows ${value}`);

  strictEqual(await outcome(page, "Delete all films"), `${grouped(stored)} films deleted`);
  deepStrictEqual(await filmsOf(page, PATCH), [], "nothing is left");
  strictEqual(await outcome(page, "Store 250 films"), "250 films stored", "there is room again");
  await checkOrigin(page);
  return `space: ${grouped(stored)} films fit into 2 MiB, then: ${events.join(", ")}`;
}

/** What is shown is what the browser reports. */
async function checkOrigin(page) {
  const { quota } = await page.evaluate(() => navigator.storage.estimate());
  const { value, max } = await gauge(page, "space-origin");
  // (The usage goes on while it is looked at, and with it the quota that Chromium reports.)
  ok(value > 0 && value < max && Math.abs(max / quota - 1) < 0.01, `${value} of ${max}, reported ${quota}`);
  match(await textOf(page, "#space-origin-text"), /^\d+\.\d [KMG]iB of \d+\.\d GiB \(\d+\.\d %\)$/);
}

/** The browser refuses, and then it grants. */
export async function askToPersist(page) {
  const shown = () => textOf(page, "#space-persisted");
  const reported = () => page.evaluate(() => navigator.storage.persisted());
  strictEqual(await shown(), "not asked yet");
  const client = await page.context().newCDPSession(page);
  const setting = (setting) =>
    client.send("Browser.setPermission", { permission: { name: "persistent-storage" }, setting, origin: new URL(page.url()).origin });
  const answers = [];
  for (const [allowed, answer, persisted] of [["denied", "refused", false], ["granted", "granted", true]]) {
    await setting(allowed);
    await press(page, "Ask to keep the data");
    await eventually(async () => (await shown()).split(":")[0], answer, `the answer when it is ${allowed}`);
    strictEqual(await reported(), persisted, `what the browser says when it is ${allowed}`);
    answers.push(answer);
  }
  await client.detach();
  return `persistence: not asked yet, ${answers.join(", ")}`;
}

export async function checkSpace(page, sourceFile) {
  const source = JSON.parse(await readFile(sourceFile, "utf8"));
  deepStrictEqual((await filmsOf(page, PATCH)).map(fieldsOf), source.slice(0, PORTION), "films after the restart");
  await checkOrigin(page);
  const text = await textOf(page, "#space-patch-text");
  match(text, /^\d+\.\d KiB of 2\.0 MiB \(\d+\.\d %\)$/);
  return `space: 250 films equal their source; ${text}`;
}
