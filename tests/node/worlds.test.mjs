/**
 * The facade as it is, in simulated worlds: tabs with a facade each over one database, whose transactions fail, freeze and
 * get lost, with everything decided by a seed. What copies of values give is what reads past them give, at every step.
 *
 * `SEEDS=from..until` chooses other worlds; `TRACE=1` tells all that happened in one that fails.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { makeStage } from "./worlds/stage.mjs";
import { World } from "./worlds/world.mjs";

const [FROM, UNTIL] = (process.env.SEEDS ?? "0..300").split("..").map(Number);

let stage;
before(async () => {
  stage = await makeStage();
});

test(`worlds ${FROM}..${UNTIL}: copies are what reads give`, async (t) => {
  const sums = { compared: 0, copies: 0, faults: 0, steps: 0 };
  for (let seed = FROM; seed < UNTIL; seed++) {
    const world = new World(stage, seed);
    const counts = await world.play().catch((error) => {
      if (process.env.TRACE) console.log(world.trace.join("\n"));
      throw new Error(`seed ${seed}: ${error.message}\nSEEDS=${seed}..${seed + 1} TRACE=1 node --test tests/node/worlds.test.mjs`, { cause: error });
    });
    for (const name of Object.keys(sums)) sums[name] += counts[name];
  }
  t.diagnostic(JSON.stringify(sums));
  // That they pass says something only where copies were handed out, and things went wrong.
  const worlds = UNTIL - FROM;
  if (worlds < 100) return;
  assert.ok(sums.copies > 300 * worlds, `${sums.copies} copies compared`);
  assert.ok(sums.faults > worlds / 2, `${sums.faults} faults met`);
});

test("a seed played twice gives the same world", async () => {
  for (let seed = FROM; seed < Math.min(FROM + 12, UNTIL); seed++) {
    const [first, second] = [new World(stage, seed), new World(stage, seed)];
    const counts = [await first.play(), await second.play()];
    assert.deepEqual(counts[1], counts[0], `seed ${seed}`);
    assert.deepEqual(second.trace, first.trace, `seed ${seed}`);
    assert.ok(first.trace.length > 10, `seed ${seed} does something`);
  }
});
