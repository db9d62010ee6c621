/**
 * Messages of all kinds, made anew each time, sent to what serve() listens at: FUZZ_EXECUTIONS of them
 * (100 000), FUZZ_SEED repeats a run. Nothing may come of them but answers.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

const MESSAGES = Number(process.env.FUZZ_EXECUTIONS ?? 100_000);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32));
const ROUND = 1000;
/** What may be added to what is used after the first fifth, bytes. Wasm's memory never shrinks: one of the largest
 *  values that are let in is enough for megabytes. */
const GROWTH_BYTES = { js: 3 << 20, buffers: 1 << 20, wasm: 16 << 20 };

/** Runs in the page before anything else: wasm's memory is to be seen. */
function keepWasmMemory() {
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const made = await original(...args);
      globalThis.wasmMemory = (made.instance ?? made).exports.memory;
      return made;
    };
  }
}

/** Runs in the page. */
async function prepare(seed) {
  const { random, open, until } = kit;
  const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
  const next = random(seed);
  const CANARY = "CANARY-9f3c";
  const patch = await open();
  const others = [patch.kv("secret"), patch.node("other").kv, patch.kv("n"), patch.node("open").kv];
  for (const kv of others) await kv.setMany([["k", CANARY], ["a", { b: CANARY }], [CANARY, 1]]);
  await patch.db("secret").insert("c", { _id: CANARY, text: CANARY });
  const before = JSON.stringify(await Promise.all(others.map((kv) => kv.entries())));
  const neighbour = await spawn("module worker", patch, { node: "neighbour" });

  const wrong = [];
  addEventListener("error", (event) => wrong.push(`error: ${event.message}`));
  addEventListener("unhandledrejection", (event) => wrong.push(`rejection: ${event.reason?.stack ?? event.reason}`));

  const pick = (list) => list[Math.floor(next() * list.length)];
  const upTo = (count) => Math.floor(next() * count);
  const NAMES = ["k", "a", "", "c", "n", "open", "secret", "other", "__proto__", "constructor", "toString", "then", "\ud800", "x".repeat(1001), "$.a"];
  const METHODS = [
    "kv.get", "kv.has", "kv.keys", "kv.entries", "kv.page", "kv.getMany", "kv.count", "kv.watch", "kv.set", "kv.delete", "kv.setMany",
    "kv.deleteMany", "kv.update", "kv.clear", "db.find", "db.findOne", "db.page", "db.count", "db.distinct", "db.explain", "db.watch", "db.collections",
    "db.insert", "db.insertMany", "db.update", "db.replace", "db.delete", "db.drop", "db.modify", "db.upsert", "db.updateMany", "db.deleteMany",
  ];
  const NO_METHODS = ["kv.store", "db.store", "kv.iterate", "kv.constructor", "kv.__proto__", "db.collection", "kv", ".", "constructor", "patch.close", "kv.#port"];
  const bomb = (depth) => { let value = ["x"]; for (let n = 0; n < depth; n++) value = [value, value]; return value; };
  const deep = (depth) => { let value = {}; for (let n = 0; n < depth; n++) value = { a: value }; return value; };
  const cyclic = () => { const value = { list: [] }; value.list.push(value, value); return value; };
  const JUNK = [
    () => undefined, () => null, () => NaN, () => -0, () => Infinity, () => upTo(100), () => -1, () => 2 ** 53, () => 1.5, () => true,
    () => BigInt(upTo(1000)) ** 9n, () => pick(NAMES), () => "x".repeat(upTo(20_000)), () => new Date(NaN), () => /a/g, () => new Error(CANARY.slice(0, 3)),
    () => new Uint8Array(upTo(10_000)), () => new ArrayBuffer(upTo(100)), () => new DataView(new ArrayBuffer(8)), () => new Blob(["b"]),
    () => new Map([[junk(), junk()]]), () => new Set([junk()]), () => new Array(4294967295), () => bomb(60), () => cyclic(), () => deep(upTo(2000)),
    () => new ImageData(1, 1), () => [], () => ({}), () => Array.from({ length: upTo(5) }, junk),
    () => Object.fromEntries(Array.from({ length: upTo(4) }, () => [pick(NAMES), junk()])),
    () => JSON.parse(`{"__proto__": {"writes": true, "code": "x"}, "length": 9}`),
    () => ({ limit: junk(), prefix: pick(NAMES), reverse: true }), () => ({ "a.b": junk(), $gt: 1 }), () => ({ _id: pick(NAMES), v: upTo(9) }),
    () => [[pick(NAMES), junk()], [pick(NAMES), upTo(9)]],
  ];
  let depth = 0;
  function junk() {
    if (depth > 3) return upTo(10);
    depth++;
    try {
      return pick(JUNK)();
    } finally {
      depth--;
    }
  }
  const argsOf = (method) => {
    const k = pick(NAMES);
    const options = () => pick([undefined, { unset: ["v", junk()] }, { on: pick(NAMES) }, junk()]);
    const checks = () => pick([undefined, true, true, junk()]);
    if (method === "db.deleteMany") return [k, { v: junk() }];
    if (method === "db.updateMany") return [k, pick([{}, { v: junk() }]), { v: junk() }, options(), checks()];
    if (method === "db.upsert") return [k, { _id: pick(NAMES), v: junk() }, options(), checks()];
    if (method === "db.update") return [k, pick(NAMES), { v: junk() }, options(), checks()];
    if (method.endsWith("Many")) return method.startsWith("db") ? [k, [{ v: junk() }, {}]] : method === "kv.setMany" ? [[[k, junk()], ["z", 1]]] : [[k, "a"]];
    return method.startsWith("db") ? [k, pick([k, { v: 1 }, {}]), pick([{ v: junk() }, { limit: 3 }])] : [k, junk(), undefined];
  };
  function message(state) {
    // The largest id leaves no room for later ones.
    const odd = next() < 0.01 ? 2 ** 53 - 1 : pick([state.id, upTo(state.id), 0, -1, NaN, 0.5, "1", null]);
    const id = next() < 0.95 ? ++state.id : odd;
    const method = next() < 0.9 ? pick(METHODS) : pick(NO_METHODS);
    const store = next() < 0.6 ? null : pick(NAMES);
    const valid = pick([
      () => [0, id, method, store, argsOf(method)], () => [0, id, method, store, argsOf(method)], () => [0, id, method, store, argsOf(method)],
      () => [1, pick([state.id + 1, id]), [[pick(NAMES), junk()]]], () => [2, upTo(state.id + 2), pick([junk(), [{ v: junk() }], [{}, {}]])], () => [3, upTo(state.id + 2)],
      () => [4, upTo(state.id + 2)], () => [5], () => [6], () => [8 + upTo(5), junk(), junk()], () => (next() < 0.03 ? [7] : [5]),
    ])();
    if (next() < 0.6) return valid;
    if (next() < 0.1) return junk();
    // Mutated: something else, something less, something more.
    const at = upTo(valid.length);
    pick([() => (valid[at] = junk()), () => valid.splice(at, 1), () => valid.splice(at, 0, junk()), () => (valid.length = at), () => valid.reverse()])();
    return valid;
  }

  const holds = (value, seen = new Set()) => {
    if (typeof value === "string") return value.includes(CANARY);
    if (typeof value !== "object" || value === null || seen.has(value)) return false;
    seen.add(value);
    if (value instanceof Map || value instanceof Set) return [...value].some((each) => holds(each, seen));
    if (ArrayBuffer.isView(value)) return false;
    return Reflect.ownKeys(value).some((name) => holds(String(name)) || holds(value[name], seen));
  };

  const GRANTS = [
    { node: "n", stores: ["open"], maxInFlight: 50, maxValueBytes: 4096 },
    { node: "n", stores: ["open"], access: "read", maxInFlight: 5 },
    { node: "n", maxValueBytes: 100_000 },
  ];
  const tally = { sent: 0, sessions: 0, uncloneable: 0, answers: 0, errors: {} };

  /** A session that sends `count` messages, unless one of them ends it; how many it has sent. */
  async function attack(grant, count) {
    const { port1, port2 } = new MessageChannel();
    const served = patch.serve(port1, grant);
    const state = { id: 0 };
    const acknowledges = next() < 0.9;
    let ended = false;
    port2.onmessage = ({ data }) => {
      tally.answers++;
      if (data[0] === 7) ended = true;
      if (data[0] === 1) tally.errors[data[2].code] = (tally.errors[data[2].code] ?? 0) + 1;
      if (holds(data)) wrong.push(`a canary: ${JSON.stringify(data).slice(0, 200)}`);
      if (acknowledges && data[0] !== 5) port2.postMessage([4, data[1]]);
      if (data[0] === 2 && next() < 0.8) port2.postMessage([2, data[1], junk()]);
    };
    let sent = 0;
    while (sent < count && !ended) {
      const value = message(state);
      const moved = next() < 0.02 ? [new MessageChannel().port1] : value instanceof ArrayBuffer ? [value] : [];
      try {
        port2.postMessage(value, moved);
      } catch {
        port2.postMessage(sent);
        tally.uncloneable++;
      }
      // The end is heard of before much is sent in vain.
      if (++sent % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    tally.sent += sent;
    tally.sessions++;
    served.close();
    await until(() => ended, "the end of the session");
    port2.close();
    return sent;
  }

  globalThis.round = async (count) => {
    const grant = pick(GRANTS);
    for (let sent = 0; sent < count; ) sent += await attack(grant, Math.min(250, count - sent));
    // Whatever became of that one, the others are served.
    const fresh = new MessageChannel();
    const other = patch.serve(fresh.port1, grant);
    const answer = new Promise((resolve) => (fresh.port2.onmessage = ({ data }) => resolve(data)));
    fresh.port2.postMessage([0, 1, "kv.get", null, ["nothing"]]);
    const [kind, id, value] = await answer;
    if (kind !== 0 || id !== 1 || value !== undefined) wrong.push(`a fresh session answers ${kind} ${id} ${value}`);
    other.close();
    await neighbour.run(({ kv }) => kv.update("sum", (n = 0) => n + 1));
    const own = patch.node("n");
    await own.kv.clear();
    for (const collection of await own.db.collections()) await own.db.drop(collection);
    await patch.kv("open").clear();
    for (const collection of await patch.db("open").collections()) await patch.db("open").drop(collection);
    return wrong.slice(0, 5);
  };
  globalThis.settle = async () => {
    await patch.compact();
    return { wasm: wasmMemory.buffer.byteLength };
  };
  globalThis.conclude = async () => ({
    tally,
    wrong,
    unchanged: before === JSON.stringify(await Promise.all(others.map((kv) => kv.entries()))),
    document: (await patch.db("secret").find("c")).length,
    neighbour: await neighbour.run(({ kv }) => kv.get("sum")),
  });
}

test(`${MESSAGES} messages that nobody should send`, { timeout: 20 * 60_000 }, async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED}`);
  const server = await serve();
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.addInitScript(keepWasmMemory);
    await page.goto(`${server.origin}/tests/browser/api/page.html`);
    await page.waitForFunction(() => globalThis.kit !== undefined);
    await page.evaluate(prepare, SEED);
    const devtools = await page.context().newCDPSession(page);
    const used = async () => {
      const { wasm } = await page.evaluate(() => settle());
      await devtools.send("HeapProfiler.collectGarbage");
      await devtools.send("HeapProfiler.collectGarbage");
      const { usedSize, backingStorageSize } = await devtools.send("Runtime.getHeapUsage");
      return { js: usedSize, buffers: backingStorageSize, wasm };
    };
    const rounds = Math.ceil(MESSAGES / ROUND);
    let early;
    for (let n = 0; n < rounds; n++) {
      const wrong = await page.evaluate((count) => round(count), ROUND);
      assert.deepEqual(wrong, [], `FUZZ_SEED=${SEED}, round ${n}`);
      // What was deleted is in memory, too, until it is merged away.
      if (n % 10 === 0) await page.evaluate(() => settle());
      if (n === Math.floor(rounds / 5)) early = await used();
    }
    const late = await used();
    const end = await page.evaluate(() => conclude());
    t.diagnostic(JSON.stringify({ ...end.tally, early, late }));
    assert.deepEqual([end.wrong, end.unchanged, end.document, end.neighbour], [[], true, 1, rounds]);
    for (const code of ["InvalidArgument", "AccessDenied", "LimitExceeded", "NotStorable"]) assert.ok(end.tally.errors[code] > 0, code);
    assert.equal(end.tally.errors.Internal, undefined);
    for (const [kind, most] of Object.entries(GROWTH_BYTES)) {
      assert.ok(late[kind] - early[kind] < most, `${kind} grew from ${early[kind]} to ${late[kind]}; FUZZ_SEED=${SEED}`);
    }
  } finally {
    await browser.close();
    await server.close();
  }
});
