/** Chromium's trace of what a page does: its longest tasks, and what ran in them. */

const CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "disabled-by-default-v8.cpu_profiler", "v8", "blink.user_timing"];
/** Functions of a task that are told. */
const FUNCTIONS = 10;
const TASKS_TOLD = 3;
export const BEGUN = "begun";
const COLLECTIONS = new Set(["MinorGC", "MajorGC"]);
/** Frames that say nothing: what is below all, and the ways into the wasm and out of it. */
const NOTHING = /^\((root|program|idle|anonymous)\)$|^(js-to-wasm|wasm-to-js)|closures::_::invoke|queue::Queue>::new|future::Future<Output|externref shim/;
/** What the compiler adds to the names of crates. */
const HASH = /\[[0-9a-f]{12,16}\]/g;

/**
 * Runs `work` under a trace, which sets the mark `BEGUN` where what is of interest begins. Returns what it comes to, and `tasks`
 * since then, those first that took the processor longest: `ms`, `cpuMs` (of the thread itself, whatever else the machine did
 * meanwhile), `collectingMs` (garbage collection) and `functions`.
 */
export async function traced(page, work) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const ended = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: CATEGORIES, excludedCategories: ["*"] } });
  const result = await work();
  await session.send("Tracing.end");
  await ended;
  await session.detach();
  return { result, tasks: tasksOf(events) };
}

/** The longest tasks of the thread on which the page's scripts run. */
function tasksOf(events) {
  const samples = samplesOf(events);
  const thread = samples.thread;
  const mine = events.filter(({ pid, tid }) => `${pid} ${tid}` === thread);
  const from = mine.findLast(({ name }) => name === BEGUN)?.ts ?? 0;
  const tasks = mine.filter(({ name, ph, ts }) => name === "RunTask" && ph === "X" && ts >= from).sort((a, b) => b.tdur - a.tdur);
  const collections = mine.filter(({ name, ph }) => COLLECTIONS.has(name) && ph === "X");
  return tasks.slice(0, TASKS_TOLD).map(({ ts, dur, tdur = 0 }) => {
    const within = (at) => ts <= at && at < ts + dur;
    const collecting = collections.filter((it) => within(it.ts)).reduce((sum, it) => sum + it.dur, 0);
    return { ms: dur / 1000, cpuMs: tdur / 1000, collectingMs: collecting / 1000, functions: functionsOf(samples, within) };
  });
}

/** The profile's samples: when each was taken, and the call tree of functions. */
function samplesOf(events) {
  const [begun] = events.filter(({ name }) => name === "Profile").slice(-1);
  if (begun === undefined) return { nodes: new Map(), at: [], thread: undefined };
  const nodes = new Map();
  const at = [];
  let us = begun.args.data.startTime;
  const chunks = events.filter(({ name, id, pid }) => name === "ProfileChunk" && id === begun.id && pid === begun.pid);
  for (const { args } of chunks) {
    const { cpuProfile = {}, timeDeltas = [] } = args.data;
    for (const node of cpuProfile.nodes ?? []) nodes.set(node.id, node);
    (cpuProfile.samples ?? []).forEach((id, n) => {
      us += timeDeltas[n];
      at.push({ us, id, tookUs: timeDeltas[n] });
    });
  }
  return { nodes, at, thread: `${begun.pid} ${begun.tid}` };
}

/** In which functions the samples lie: with those that they call, and by themselves. */
function functionsOf({ nodes, at }, within) {
  const sums = new Map();
  const add = (name, which, us) => {
    const sum = sums.get(name) ?? { all: 0, self: 0 };
    sum[which] += us;
    sums.set(name, sum);
  };
  for (const { us, id, tookUs } of at) {
    if (!within(us)) continue;
    const seen = new Set();
    for (let node = nodes.get(id); node !== undefined; node = nodes.get(node.parent)) {
      const name = (node.callFrame.functionName || "(anonymous)").replaceAll(HASH, "");
      if (node.id === id) add(name, "self", tookUs);
      if (!seen.has(name)) add(name, "all", tookUs);
      seen.add(name);
    }
  }
  const told = [...sums].filter(([name]) => !NOTHING.test(name)).sort((a, b) => b[1].all - a[1].all);
  return told.slice(0, FUNCTIONS).map(([name, { all, self }]) => `${(all / 1000).toFixed(0)} (${(self / 1000).toFixed(0)}) ms  ${name.slice(0, 150)}`);
}
