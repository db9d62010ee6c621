/**
 * Random and changed messages, FUZZ_EXECUTIONS of them (100 000): none rejects, hangs, reaches another
 * scope's data or leaves memory behind. FUZZ_SEED repeats a run.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { meter } from "./engine/meter.mjs";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

const EXECUTIONS = Number(process.env.FUZZ_EXECUTIONS ?? 100_000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const ROUNDS = 10;
const MIB = 1 << 20;
/** What the second half of the messages may leave behind: caches, code. */
const HEAP_GROWTH_BYTES = 2 * MIB;
/** The wasm's memory never shrinks, so its peaks show, whenever they come: ten megabytes that are sent several times at once. They
 *  come once or twice; what leaks comes again and again. */
const WASM_JUMP_BYTES = 8 * MIB;
const WASM_JUMPS = 2;
const WASM_BYTES = 320 * MIB;

let server, browser, page;

before(async () => {
  server = await serve();
  browser = await openBrowser();
  page = await browser.newPage();
  await page.addInitScript(`(${meter})()`);
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function prepare(seed) {
  const { openPatch } = await import("/pkg/index.js");
  const { random } = await import("/tests/browser/api/kit.mjs");
  const { Messages, STORE_NAMES } = await import("/tests/browser/support/messages.mjs");
  const { faultOf, mentions } = await import("/tests/browser/support/outputs.mjs");
  globalThis.rejections = [];
  addEventListener("unhandledrejection", ({ reason }) => rejections.push(String(reason)));
  const patch = await openPatch("fuzz");
  /** Messages under way at a time. */
  const WIDTH = 200;
  const SECRET = "canary-5d1f";
  const NODE = "the node of the fuzzer";
  /** Scopes that messages must not reach: nodes named like stores, and stores named like the node. */
  const canaries = [
    ...STORE_NAMES.map((name) => patch.node(name)),
    ...[NODE, `${NODE}\0`, `\0${NODE}`, `node:${NODE}`].map((name) => ({ kv: patch.kv(name), db: patch.db(name) })),
  ];
  const KEYS = ["k", "notes", "__proto__", "deep"];
  for (const { kv, db } of canaries) {
    await kv.setMany(KEYS.map((key) => [key, SECRET]));
    await db.insertMany("notes", KEYS.map((_id) => ({ _id, text: SECRET })));
  }
  const objects = [
    ["kv", patch.kvObject({ node: NODE })],
    ["db", patch.dbObject({ node: NODE })],
    ["kv", patch.kvObject({ node: NODE, name: "notes" })],
    ["db", patch.dbObject({ node: NODE, name: "k" })],
  ];
  const messages = new Messages(random(seed));
  const seen = {}, names = new Set(STORE_NAMES);
  const describe = (message) => {
    try {
      return JSON.stringify(message).slice(0, 500);
    } catch {
      return `a ${typeof message} that cannot be shown`;
    }
  };
  /** One message; what is wrong with what comes of it. */
  const send = async (at) => {
    const [kind, object] = messages.pick(objects);
    const inner = [];
    const reenter = () => {
      if (inner.length < 3) inner.push(messages.pick(objects)[1].send("keys"), object.send({ get: "k" }), object.send("count notes"));
    };
    const message = messages.any(kind, reenter);
    let sent;
    try {
      sent = object.send(message);
    } catch (error) {
      throw new Error(`message ${at} threw`, { cause: error });
    }
    const output = await sent.catch(() => "rejected");
    const fault = output === "rejected" ? "a rejection" : faultOf(kind, output);
    if (fault) throw new Error(`message ${at} to ${kind}, ${describe(message)}: the output ${fault}`);
    if (mentions(output, SECRET)) throw new Error(`message ${at} to ${kind}, ${describe(message)}: reached another scope`);
    if (output.code === "Internal") throw new Error(`message ${at} to ${kind}, ${describe(message)}: ${output.message}`);
    for (const answer of await Promise.all(inner)) {
      if (typeof answer?.op !== "string" || mentions(answer, SECRET)) throw new Error(`message ${at}: re-entered`);
    }
    const outcome = `${kind} ${output.op === "error" ? output.code : output.op}`;
    seen[outcome] = (seen[outcome] ?? 0) + 1;
    if (output.op === "setStore") names.add(output.value);
  };
  globalThis.fuzz = {
    seen,
    /** What is wrong with the first bad message, or undefined. */
    async run(from, to) {
      for (let at = from; at < to; at += WIDTH) {
        const batch = Array.from({ length: Math.min(WIDTH, to - at) }, (_, i) => send(at + i));
        let timer;
        const hang = new Promise((_, reject) => {
          timer = setTimeout(reject, 60_000, new Error(`one of messages ${at} to ${at + WIDTH} hangs`));
        });
        try {
          await Promise.race([Promise.all(batch), hang]);
        } catch (error) {
          return escape(error.message); // lone surrogates do not reach the driver
        } finally {
          clearTimeout(timer);
        }
      }
    },
    /** Takes away what the messages have stored. */
    async clean() {
      names.delete("");
      const scopes = [patch.node(NODE), ...[...names].map((name) => ({ kv: patch.kv(name), db: patch.db(name) }))];
      for (const { kv, db } of scopes) {
        await kv.clear();
        for (const collection of await db.collections()) await db.drop(collection);
      }
      await patch.compact();
    },
    /** What differs in the scopes that nobody wrote to. */
    async inspect() {
      const wrong = [];
      for (const [at, { kv, db }] of canaries.entries()) {
        const entries = JSON.stringify(await kv.entries());
        const expected = JSON.stringify([...KEYS].sort().map((key) => [key, SECRET]));
        if (entries !== expected) wrong.push(`keys of canary ${at}: ${entries}`);
        const documents = (await db.find("notes")).map(({ _id, text }) => `${_id} ${text}`).join();
        if (documents !== KEYS.map((key) => `${key} ${SECRET}`).join()) wrong.push(`documents of canary ${at}: ${documents}`);
        const collections = await db.collections();
        if (collections.join() !== "notes") wrong.push(`collections of canary ${at}: ${collections}`);
      }
      if ({}.text !== undefined || Object.keys(Object.prototype).length > 0) wrong.push("prototypes were polluted");
      return [...wrong, ...rejections];
    },
  };
}

test(`${EXECUTIONS} messages, seed ${SEED}`, async (t) => {
  await page.evaluate(`(${prepare})(${SEED})`);
  const devtools = await page.context().newCDPSession(page);
  const memory = async () => {
    await page.evaluate(() => fuzz.clean());
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    return { heap: usedSize, wasm: await page.evaluate(() => meter.memoryBytes()) };
  };
  const measured = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [from, to] = [round, round + 1].map((n) => Math.floor((n * EXECUTIONS) / ROUNDS));
    const wrong = await page.evaluate(([from, to]) => fuzz.run(from, to), [from, to]);
    assert.equal(wrong && unescape(wrong), undefined, `FUZZ_SEED=${SEED} FUZZ_EXECUTIONS=${EXECUTIONS} shows it again`);
    measured.push(await memory());
  }
  assert.deepEqual(await page.evaluate(() => fuzz.inspect()), []);
  const seen = await page.evaluate(() => fuzz.seen);
  t.diagnostic(JSON.stringify(seen));
  const mib = (name) => measured.map((each) => (each[name] / MIB).toFixed(1)).join(" ");
  t.diagnostic(`MiB after each tenth: heap ${mib("heap")}; wasm ${mib("wasm")}`);
  const expected = ["get", "set", "delete", "keys", "clear", "has", "setStore", "InvalidArgument", "NotStorable"].map((op) => `kv ${op}`)
    .concat(["insert", "find", "findOne", "update", "replace", "delete", "count", "drop", "setStore", "InvalidArgument", "NotStorable", "Exists"]
      .map((op) => `db ${op}`));
  if (EXECUTIONS >= 10_000) assert.deepEqual(expected.filter((outcome) => !(seen[outcome] > 0)), [], "never came out");
  const [half, last] = [measured[ROUNDS / 2 - 1], measured.at(-1)];
  assert.ok(last.heap - half.heap < HEAP_GROWTH_BYTES, `the heap grew: ${mib("heap")} MiB, seed ${SEED}`);
  const jumps = measured.filter(({ wasm }, at) => wasm - (measured[at - 1]?.wasm ?? wasm) > WASM_JUMP_BYTES);
  assert.ok(jumps.length <= WASM_JUMPS && last.wasm < WASM_BYTES, `the wasm's memory grew: ${mib("wasm")} MiB, seed ${SEED}`);
});
