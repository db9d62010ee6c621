/** The order of a run: which systems go through which phases, in rounds. Whoever runs it says how a page is had. */
import { closure, ONCE, phases, REPEATS } from "./work/index.js";

/**
 * @param {object} plan
 * @param {Record<string, {rounds?: number}>} plan.systems those that take part, as described
 * @param {string[]} plan.items the work whose results are wanted
 * @param {number} plan.rounds
 * @param {(job: object) => Promise<object>} plan.run runs one phase in a page of its own
 * @param {(done: {system: string, round: number, ms: number}) => void} plan.heard is told of progress
 * @returns {Promise<object[]>} samples, with the name of the system and the round
 */
export async function measure({ systems, items, rounds, run, heard }) {
  const wanted = [...closure(items)];
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    for (const system of orderOf(Object.keys(systems), round)) {
      if (round >= (systems[system].rounds ?? rounds)) continue;
      const start = Date.now();
      samples.push(...(await throughPhases({ system, round, wanted, run })));
      heard({ system, round, ms: Date.now() - start });
    }
  }
  return samples.filter(({ item }) => items.includes(item));
}

/** Another is first in each round, and backwards in every second one. */
function orderOf(names, round) {
  const order = names.map((_, at) => names[(at + round) % names.length]);
  return round % 2 ? order.reverse() : order;
}

async function throughPhases({ system, round, wanted, run }) {
  const samples = [];
  let state = {};
  for (const [phase, items] of Object.entries(phases)) {
    if (!items.some(({ id }) => wanted.includes(id)) || (ONCE.has(phase) && round > 0)) continue;
    for (let time = 0; time < (REPEATS[phase] ?? 1); time++) {
      try {
        const done = await run({ system, round, phase, state, wanted, prefix: `${system}-${round}-` });
        state = done.state;
        samples.push(...done.samples.map((sample) => ({ system, round, ...sample })));
      } catch (error) {
        console.error(`${system}, ${phase}: ${error.message}`);
        samples.push(...items.map(({ id }) => ({ system, round, item: id, failed: error.message })));
      }
    }
  }
  return samples;
}
