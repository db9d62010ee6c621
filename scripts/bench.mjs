/**
 * Measures patchstore and its peers in one run of a headless browser, on a profile on disk.
 *
 *   SYSTEMS=patchstore,indexeddb   only these (default: all)
 *   WORK=put,update                only these work items
 *   ROUNDS=5                       how often (default 3)
 *
 * Writes target/bench/results.json.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, release, type } from "node:os";
import { fileURLToPath } from "node:url";
import { openBrowser } from "../tests/browser/support/browser.mjs";
import { asText, summarize } from "../www/bench/report.js";
import { systems } from "../www/bench/systems/index.js";
import { work } from "../www/bench/work/index.js";
import { measure } from "./bench/rounds.mjs";
import { buildSite, bytesOverTheWire, serveSite } from "./bench/site.mjs";

const target = fileURLToPath(new URL("../target/bench", import.meta.url));
const list = (text, all) => (text ? text.split(",") : all);
const names = list(process.env.SYSTEMS, Object.keys(systems));
const items = list(process.env.WORK, work.map(({ id }) => id));
const rounds = Number(process.env.ROUNDS ?? 3);
for (const name of names) if (!systems[name]) throw new Error(`no system is called ${name}: ${Object.keys(systems).join(", ")}`);

const manifest = await buildSite();
await mkdir(target, { recursive: true });
const profile = await mkdtemp(`${target}/profile-`);
const server = await serveSite();
const context = await openBrowser({ profile, args: ["--enable-blink-features=ForceEagerMeasureMemory"] });
try {
  const samples = await measure({ context, port: server.port, names, items, rounds });
  const results = {
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0].model}, ${type()} ${release()}`,
    browser: `Chromium ${context.browser()?.version() ?? ""}`,
    rounds,
    systems: Object.fromEntries(names.map((name) => [name, { wire: bytesOverTheWire(manifest, name) }])),
    cells: summarize(samples),
    samples,
  };
  console.log(asText(results));
  await writeFile(`${target}/results.json`, JSON.stringify(results, null, 1));
} finally {
  await context.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}
