/** Drives the two sandboxes: what they share, what they do not, and what they are refused. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { eventually } from "./page.mjs";

const [A, B] = ["runner-a", "runner-b"];

const frameOf = (page, node) => page.frameLocator(`#${node} iframe`);

/** What a runner sees of its own store, and of the shared one. */
export async function seen(page, node) {
  const values = await frameOf(page, node).locator("dd").allTextContents();
  const [origin, count, history, hits, last] = values;
  return { origin, count, history, hits, last };
}

async function run(page, node, { example = "own", script } = {}) {
  const runner = page.locator(`#${node}`);
  await runner.locator("select").selectOption(example);
  if (script !== undefined) await runner.locator("textarea").fill(script);
  await runner.getByRole("button", { name: /^Run/ }).press("Enter");
  await runner.locator("[data-part=run]:enabled").waitFor();
  return frameOf(page, node).locator("#said").textContent();
}

export async function fillSandboxes(page) {
  const nothing = { origin: "null", count: "–", history: "0", hits: "–", last: "–" };
  for (const node of [A, B]) await eventually(() => seen(page, node), nothing, `${node} before anything`);

  await run(page, A);
  const { count, history } = JSON.parse(await run(page, A));
  deepStrictEqual([count, history.map((doc) => doc.count)], [2, [1, 2]], "the example of a runner");
  ok(history.every((doc) => doc._id.length === 21 && Number.isFinite(doc.timestamp)));
  deepStrictEqual(JSON.parse(await run(page, B)).count, 1, "the other one counts for itself");

  deepStrictEqual(await run(page, A, { example: "shared" }), '{"hits":1}');
  await eventually(async () => (await seen(page, B)).hits, "1", `${B} sees what ${A} shared`);
  deepStrictEqual(await run(page, B, { example: "shared" }), '{"hits":2}');

  match(await run(page, A, { example: "refused" }), /^AccessDenied: /);
  match(await run(page, A, { script: `await kv.store("${B}").get("count")` }), /^AccessDenied: /);
  match(await run(page, A, { script: `await kv.store("secret").set("stolen", 1)` }), /^AccessDenied: /);
  match(await run(page, A, { script: `indexedDB.open("patchstore_demo-sandboxes")` }), /^SecurityError: /);
  await checkSandboxes(page);
  return `sandboxes: own counts 2 and 1, both see 2 shared hits, 4 intrusions refused`;
}

export async function checkSandboxes(page) {
  const both = { origin: "null", hits: "2", last: B };
  await eventually(() => seen(page, A), { ...both, count: "2", history: "2" }, `what ${A} sees`);
  await eventually(() => seen(page, B), { ...both, count: "1", history: "1" }, `what ${B} sees`);
  return `sandboxes: what is shared and what is not was found again`;
}
