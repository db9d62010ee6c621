/** Drives the counter: visits over reloads, and messages that are typed. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { eventually, lastOf, textOf } from "./page.mjs";

const PATCH = "#counter-patch";
const CHAIN = ["bang", "get", "kv", "route", "js", "plus", "set", "kv2"];

export async function fillCounter(page) {
  await checkVisits(page, 1, { value: null, found: false });
  const said = [
    ['set "my key" {"a":1}', { op: "set", key: "my key", ok: true }],
    ['get "my key"', { op: "get", key: "my key", value: { a: 1 }, found: true }],
    ["keys", { op: "keys", keys: ["count", "my key"] }],
    ["setStore drafts", { op: "setStore", value: "drafts", ok: true }],
    ["get count", { op: "get", key: "count", value: null, found: false }],
    ['setStore ""', { op: "setStore", value: "", ok: true }],
    ["set own 1", { op: "set", key: "own", ok: true }],
  ];
  for (const [message, output] of said) deepStrictEqual(await send(page, message), output, message);
  strictEqual(await textOf(page, "#kv3-name"), "kv", "its own store");

  const { op, code, message } = await send(page, "juggle count");
  deepStrictEqual([op, code], ["error", "InvalidArgument"], "a message that fits no form");
  match(message, /juggle/);
  strictEqual(await page.locator("#printed.bad").count(), 1, "the error is shown as one");

  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await checkVisits(page, 2, { value: 1, found: true });
  return `counter: 2 visits, ${said.length} messages answered, 1 refused`;
}

/** What every box of the chain let out, and the number. */
export async function checkVisits(page, visits, { value, found }) {
  const get = JSON.stringify({ op: "get", key: "count", value, found });
  const messages = ["bang", '{"get":"count"}', get, get, String(visits - 1), String(visits)];
  messages.push(JSON.stringify({ set: ["count", visits] }), '{"op":"set","key":"count","ok":true}');
  deepStrictEqual(await lastOf(page, PATCH, CHAIN), messages, `what went through the boxes at visit ${visits}`);
  await eventually(() => textOf(page, "#visits"), String(visits), "visits");
  return `counter: ${visits} visits; ${await textOf(page, "#counter-timing")}`;
}

/** By the keyboard alone. */
async function send(page, message) {
  const before = page.locator(`${PATCH} [data-box=kv3] > .last`);
  await before.evaluate((last) => (last.textContent = ""));
  await page.locator("#message").focus();
  await page.locator("#message").fill(message);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("[data-box=kv3] > .last").textContent !== "");
  const printed = await textOf(page, "#printed");
  strictEqual(printed, await before.textContent(), "what is printed is what came out");
  return JSON.parse(printed);
}
