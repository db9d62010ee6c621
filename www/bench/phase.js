/** Runs one phase on one system in this page. */
import "./wasm.js";
import { systems } from "./systems/index.js";
import { OPENS_ITSELF, phases } from "./work/index.js";
import { documentsOf, valueOf } from "./documents.js";

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Which database a phase works on. */
const databaseOf = (phase) =>
  ["movies", "real", "op-log", "live", "contents", "indexed-large"].includes(phase) || phase.startsWith("fresh")
    ? phase
    : ["large", "indexed"].find((name) => phase.startsWith(name)) ?? "main";

/** What is known of a system beforehand. One for each page: RxDB brings a Dexie of its own, which tolerates no other. */
export async function describe(systemName) {
  const { title, packages, acknowledges, json, fewer, skips, rounds } = (await systems[systemName]()).default;
  // The build puts the versions there.
  const versions = Object.fromEntries(packages.map((name) => [name, __VERSIONS__[name]]));
  return { title, versions, acknowledges, json, fewer, skips, rounds };
}

/** Deletes what the phases of a system have left; where something cannot be deleted, it stays. */
export async function cleanUp({ system: systemName, prefix }) {
  const system = (await systems[systemName]()).default;
  await system.load?.();
  for (const name of ["main", "main-empty", "real", "movies", "op-log-off", "op-log-on", "live", "contents", "indexed", "indexed-large", "large", ...Object.keys(phases).filter((phase) => phase.startsWith("fresh"))]) {
    await Promise.race([
      system.remove(prefix + name),
      new Promise((resolve) => setTimeout(resolve, 2000)),
    ]).catch(() => {});
  }
}

/** Every kind of call a few times, on a database of its own, until the code is compiled. */
async function warmUp(system, rounds) {
  const store = await system.open("warm-up");
  for (let round = 0; round < rounds; round++) {
    const ids = await store.insertMany(documentsOf(round * 200, 200));
    for (let at = 0; at < 10; at++) {
      const id = await store.insert(documentsOf(1000 + at, 1)[0]);
      await store.update(id, { title: "warm" });
      await store.set(`${round}-${at}`, valueOf(at, 100));
      await store.read(`${round}-${at}`);
    }
    await Promise.all(ids.map((id) => store.get(id)));
    await store.all();
    await store.where("group", "group 7");
    await store.deleteMany(ids);
  }
  await store.close();
  await system.remove("warm-up");
}

/**
 * @param {{system: string, phase: string, prefix: string, state: object, wanted: string[]}} job
 *   `prefix`: of the databases' names; `state`: what the phases before have left; `wanted`: the ids of the items to run
 * @returns {Promise<{samples: object[], state: object}>} a sample: item, what was measured
 *   (milliseconds per operation, or bytes), of how many operations, or why it could not be
 */
export async function runPhase({ system: systemName, phase, prefix, state, wanted }) {
  const begun = performance.now();
  const system = (await systems[systemName]()).default;
  const samples = [];
  const items = phases[phase].filter(({ id, asks }) => {
    const lacks = asks ? !system[asks] : system.only !== undefined;
    const reason = lacks ? "it has nothing like it" : (system.skips?.[id] ?? system.skips?.[phase]);
    if (reason) samples.push({ item: id, skipped: reason });
    return !reason && wanted.includes(id);
  });
  if (items.length === 0) return { samples, state };
  const name = prefix + databaseOf(phase);
  if (!items.some(({ id }) => id === "load")) await system.load?.();
  if (!OPENS_ITSELF.has(phase)) await warmUp(system, phase === "fill" ? 3 : 1);
  const store = OPENS_ITSELF.has(phase) ? null : await system.open(name);
  for (const item of items) {
    const times = system.fewer?.[item.id] ?? item.times;
    samples.push(await sampleOf(item, times, { store, system, name, state, times, begun }, systemName));
  }
  await store?.close();
  return { samples, state };
}

/** Opens a phase's database in this page and leaves it open. */
export async function hold({ system: systemName, phase, prefix, state }) {
  const system = (await systems[systemName]()).default;
  await system.load?.();
  const store = await system.open(prefix + databaseOf(phase));
  await store.get(state.ids[0]);
}

async function sampleOf(item, times, context, systemName) {
  const measured = [];
  const timed = async (work) => {
    const start = performance.now();
    const result = await work();
    measured.push((performance.now() - start) / times);
    return result;
  };
  const noted = (number) => measured.push(number);
  try {
    await item.run({ ...context, timed, noted });
    if (measured.length === 0) return { item: item.id, skipped: "not available in this browser" };
    return { item: item.id, value: median(measured), times };
  } catch (error) {
    console.error(`${systemName}, ${item.id}: ${error?.stack ?? error}`);
    return { item: item.id, failed: `${error?.message ?? error}` };
  }
}
