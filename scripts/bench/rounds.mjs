/** Takes every system through every phase, in rounds, each in an origin that nothing else has used. */
import { closure, phases, REPEATS } from "../../www/bench/work/index.js";

/** How long one phase may take. */
const PHASE_MS = 120_000;

/**
 * @param {{context: object, port: number, names: string[], items: string[], rounds: number}} plan
 *   `context`: of a browser; `items`: the work whose results are wanted
 * @returns {Promise<object[]>} samples, with the name of the system and the round
 */
export async function measure({ context, port, names, items, rounds }) {
  const wanted = [...closure(items)];
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    // Another one is first each time, and each follows upon another.
    const order = names.map((_, at) => names[(at + round * 5) % names.length]);
    if (round % 2) order.reverse();
    for (const system of new Set([...order, ...names])) {
      const origin = `http://${system}-${round}.localhost:${port}`;
      const start = Date.now();
      samples.push(...(await runSystem(context, origin, system, wanted, round)));
      console.log(`round ${round + 1} of ${rounds}: ${system}, ${((Date.now() - start) / 1000).toFixed(1)} s`);
    }
  }
  return samples.filter(({ item }) => items.includes(item));
}

async function runSystem(context, origin, system, wanted, round) {
  const samples = [];
  let state = {};
  for (const [phase, phaseItems] of Object.entries(phases)) {
    if (!phaseItems.some(({ id }) => wanted.includes(id))) continue;
    for (let time = 0; time < (REPEATS[phase] ?? 1); time++) {
      try {
        const done = await runPhase(context, origin, { system, phase, state, wanted });
        state = done.state;
        samples.push(...done.samples.map((sample) => ({ system, round, ...sample })));
      } catch (error) {
        console.error(`${system}, ${phase}: ${error.message}`);
        samples.push(...phaseItems.map(({ id }) => ({ system, round, item: id, failed: error.message })));
      }
    }
  }
  return samples;
}

async function runPhase(context, origin, job) {
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`${job.system}, ${job.phase}: ${error.stack}`));
  page.on("console", (message) => {
    if (message.type() === "error") console.error(message.text());
  });
  try {
    await page.goto(`${origin}/run.html`);
    await page.waitForFunction(() => globalThis.runPhase);
    const late = new Promise((_, reject) => setTimeout(reject, PHASE_MS, new Error(`not done after ${PHASE_MS} ms`)).unref());
    return await Promise.race([page.evaluate((job) => globalThis.runPhase(job), job), late]);
  } finally {
    await page.close();
  }
}
