/**
 * `opLog.watch` where the storage fails: what a look could not hand out, a later one does. A world of the simulation, in
 * which one transaction after the other fails, under the facade as it is.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { makeStage } from "./worlds/stage.mjs";

const CLOCK = Symbol.for("patchstore.clock");
/** As `Tab.fault` counts them. */
const KINDS = { abort: 0, quota: 2 };
/** After the watch has begun; more transactions than a write and the look that follows it take. */
const TRANSACTIONS = 5;

const rest = () => new Promise((resolve) => setImmediate(resolve));

let stage;
before(async () => {
  stage = await makeStage();
});

/**
 * What a watch hears of these entries and of one more, and how many looks have failed: those that the fault makes fail
 * (its kind, and in which transaction), and that of a number; `beginnings`: how often where to begin cannot be read.
 */
async function heardOf(keys, fault, failing, beginnings = 0) {
  const glue = stage.makeGlue();
  const sim = new glue.World(7);
  let looks = 0;
  let failed = 0;
  const { entriesLater, last } = glue.OpLogPort.prototype;
  let begun = 0;
  glue.OpLogPort.prototype.last = function () {
    return (begun += 1) <= beginnings ? Promise.reject(new Error("expected by a test")) : last.apply(this);
  };
  glue.OpLogPort.prototype.entriesLater = function (...args) {
    const found = (looks += 1) === failing ? Promise.reject(new Error("expected by a test")) : entriesLater.apply(this, args);
    found.catch(() => (failed += 1));
    return found;
  };
  globalThis[CLOCK] = { now: () => sim.nowMs() };
  try {
    const port = sim.tab();
    const facade = await stage.makeFacade(glue, port, { strict: false, logFrames: 400, world: sim });
    const pause = (ms) => new Promise((resolve) => port.after(ms * 1000, resolve));
    const heard = [];
    let end;
    port.after(0, () => {
      const play = async () => {
        const patch = await facade.openPatch("world", { opLog: true });
        patch.opLog.watch(({ key }) => heard.push(key));
        await pause(2_000);
        if (fault) port.fault(...fault);
        for (const written of [keys, ["last"]]) {
          const write = () => patch.kv("s").setMany(written.map((key) => [key, 1]));
          // A write that fails is told to who made it.
          await write().catch(write);
          await pause(2_000);
        }
        await patch.close();
      };
      end = play().then(() => ({ heard, failed }), (error) => ({ error }));
    });
    let ended;
    while (ended === undefined) {
      assert.ok(sim.step(), "something can happen");
      await rest();
      void end?.then((how) => (ended = how));
    }
    if (ended.error) throw ended.error;
    return ended;
  } finally {
    delete globalThis[CLOCK];
  }
}

for (const [name, kind] of Object.entries(KINDS)) {
  test(`a watch goes on after a look that failed: ${name}`, async () => {
    let failed = 0;
    for (let nth = 0; nth < TRANSACTIONS; nth++) {
      const found = await heardOf(["first"], [kind, nth]);
      assert.deepEqual(found.heard, ["first", "last"], `transaction ${nth} fails, ${found.failed} looks with it`);
      failed += found.failed;
    }
    // (At a full quota, room is made for a look.)
    assert.equal(failed > 0, name === "abort", `${failed} looks have failed`);
  });
}

test("what was told before a look failed is not told again", async () => {
  const keys = Array.from({ length: 1_200 }, (_, at) => `k${at}`);
  for (const failing of [1, 2, 3]) {
    const found = await heardOf(keys, undefined, failing);
    assert.equal(found.failed, 1);
    assert.deepEqual(found.heard, [...keys, "last"], `look ${failing} fails`);
  }
});

test("a watch that could not read where to begin begins at a later look", async () => {
  for (const beginnings of [1, 2]) {
    const found = await heardOf(["first", "second"], undefined, 0, beginnings);
    assert.deepEqual(found.heard, beginnings === 1 ? ["last"] : [], `${beginnings} beginnings fail`);
  }
});
