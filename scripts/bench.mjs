/**
 * Measures patchstore and its peers in one run of a headless browser, on a profile on disk.
 *
 *   BROWSER=firefox                instead of Chromium; or webkit, where all that is stored is in memory
 *   IDB=sqlite                     Chromium with IndexedDB on SQLite, to which it is moving
 *   SYSTEMS=patchstore,indexeddb   only these (default: all)
 *   WORK=put,update                only these work items (default: all; in other browsers, none with 100 000 documents)
 *   ROUNDS=5                       how often (default 3)
 *   SERVE=8080                     measures nothing: serves the page, for any browser, on that port
 *
 * Prints the table and the targets, and writes target/bench/results.json (or results-firefox.json, results-webkit.json, results-sqlite.json).
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, release, type } from "node:os";
import { fileURLToPath } from "node:url";
import { measure } from "../www/bench/plan.js";
import { asText, summarize } from "../www/bench/report.js";
import { systems as known } from "../www/bench/systems/index.js";
import { AFRESH, BESIDE, undriven, work } from "../www/bench/work/index.js";
import { openChromium } from "./bench/chromium.mjs";
import { commitAtHand } from "./bench/commit.mjs";
import { buildSite, bytesOverTheWire, serveSite } from "./bench/site.mjs";
import { openDriven } from "./bench/webdriver.mjs";

/** How long one phase may take. */
const PHASE_MS = 240_000;

const target = fileURLToPath(new URL("../target/bench", import.meta.url));
const OPEN = { chromium: openChromium, firefox: openDriven("firefox"), webkit: openDriven("webkit") };
const browserName = process.env.BROWSER ?? "chromium";
if (!OPEN[browserName]) throw new Error(`BROWSER: ${browserName} is none of ${Object.keys(OPEN).join(", ")}`);
const isDriven = browserName !== "chromium";
const kind = isDriven ? `-${browserName}` : process.env.IDB ? `-${process.env.IDB}` : "";

/** What a variable of the environment lists, which must be among `all`. */
function chosen(variable, all) {
  const names = process.env[variable]?.split(",") ?? all;
  const wrong = names.find((name) => !all.includes(name));
  if (wrong) throw new Error(`${variable}: ${wrong} is none of ${all.join(", ")}`);
  return names;
}

async function run() {
  const names = chosen("SYSTEMS", Object.keys(known));
  // (What is stored in memory takes no Blobs there.)
  const isLeftOut = ({ id }) => id.startsWith("large") || (browserName === "webkit" && id.startsWith("blob"));
  const usual = isDriven ? undriven().filter((item) => !isLeftOut(item)) : work;
  const items = process.env.WORK ? chosen("WORK", work.map(({ id }) => id)) : usual.map(({ id }) => id);
  const rounds = Number(process.env.ROUNDS ?? 3);
  const measured = commitAtHand();
  const manifest = await buildSite();
  const profile = await mkdtemp(`${target}/profile-`);
  const server = await serveSite();
  const open = OPEN[browserName];
  let browser = await open(profile);
  const systems = {};
  /** Each system and round has an origin that nothing else has used. */
  const urlOf = (host) => `http://${host}.localhost:${server.port}/run.html`;
  async function call(host, name, argument) {
    const url = urlOf(host);
    const { result, error } = await browser.call(url, name, argument, PHASE_MS);
    if (error) throw new Error(error);
    return result;
  }
  const besideOf = ({ system, phase }) => (systems[system].skips?.[phase] ? 0 : (BESIDE[phase] ?? 0));
  /** Runs a phase: where it says so, in a browser just started, or beside other tabs. */
  async function runJob(job) {
    const host = `${job.system}-${job.round}`;
    if (AFRESH.has(job.phase)) {
      await browser.close();
      browser = await open(profile);
    }
    const beside = [];
    try {
      for (let tab = 0; tab < besideOf(job); tab++) beside.push(await browser.hold(urlOf(host), "hold", job, PHASE_MS));
      return await call(host, "runPhase", job);
    } finally {
      for (const tab of beside) await tab.close();
    }
  }
  try {
    for (const name of names) systems[name] = await call("describe", "describe", name);
    const samples = await measure({
      systems, items, rounds,
      run: runJob,
      heard: ({ system, round, ms }) => console.log(`round ${round + 1}: ${system}, ${(ms / 1000).toFixed(1)} s`),
    });
    for (const name of names) systems[name].wire = bytesOverTheWire(manifest, server.fetched(`${name}-0`));
    return {
      date: new Date().toISOString(),
      ...measured,
      machine: `${cpus().length} × ${cpus()[0].model}, ${type()} ${release()}`,
      browser: `${browser.version}${process.env.IDB ? `, IndexedDB on ${process.env.IDB}` : ""}`,
      rounds,
      systems,
      cells: summarize(samples),
    };
  } finally {
    await browser.close();
    server.close();
    await rm(profile, { recursive: true, force: true });
  }
}

await mkdir(target, { recursive: true });
if (process.env.SERVE) {
  await buildSite();
  const { port } = await serveSite(Number(process.env.SERVE));
  console.log(`bench: http://localhost:${port}/ (Ctrl+C ends it)`);
} else {
  const results = await run();
  console.log(asText(results));
  const file = `${target}/results${kind}.json`;
  await writeFile(file, `${JSON.stringify(results, null, 1)}\n`);
  console.log(`bench: ${file}`);
  const failed = Object.values(results.cells).some((row) => Object.values(row).some((cell) => cell.failed));
  if (failed) process.exitCode = 1;
}
