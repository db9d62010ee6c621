/** What happens in a world, as far as its seed decides it beforehand. */
import { Dice } from "./dice.mjs";

export const KEYS = Array.from({ length: 8 }, (_, at) => `k${at}`);
export const IDS = Array.from({ length: 5 }, (_, at) => `i${at}`);
export const NODES = ["n1", "n2", "n3"];
const DAY_MS = 86_400_000;

/** Queries that copies may answer, and some whose answers alone are kept. */
export const QUERIES = [
  {},
  { n: 1 },
  { n: 0 },
  { n: -0 },
  { n: "text" },
  { n: null },
  { n: undefined },
  { n: NaN },
  { n: true },
  { n: 5n },
  { n: new Date(DAY_MS) },
  { n: new Uint8Array([1, 2]) },
  { n: new Uint8Array([1, 2]).buffer },
  { n: [1] },
  { n: 1, more: 1 },
  { more: 1 },
  { "deep.n": 1 },
  { constructor: 1 },
  { _id: "i1" },
  { n: { $gte: 1 } },
  { $or: [{ n: 1 }, { more: 1 }] },
];

/** How much of a list is asked for. */
export const LIMITS = [undefined, { limit: 2 }];

export function planOf(seed) {
  const dice = new Dice(seed);
  const calm = dice.chance(15);
  const tabs = calm ? 1 : 1 + dice.below(3);
  const erases = !calm && dice.chance(20);
  return {
    seed,
    dice,
    tabs,
    /** Whether nothing goes wrong and nobody else writes: then a read that must wait gives what was there at its place. */
    calm,
    /** Whether somebody deletes data past the tabs, so that nothing is to be said of what is there at the end. */
    erases,
    /** Whether some pairs expire soon. */
    dated: seed % 6 === 5,
    strict: dice.chance(30),
    logFrames: calm ? 400 : dice.of([4, 12, 40, 400]),
    cacheBytes: dice.of([0, 2_000, 20_000, 400_000, 8 << 20]),
    quotaBytes: !calm && dice.chance(10) ? 200_000 + dice.below(2_000_000) : undefined,
    pace: [dice.of([1, 500, 20_000]), dice.of([1, 500, 50_000]), dice.of([0, 0, 20_000]), dice.of([1, 2_000, 900_000]), dice.of([0, 30, 100])],
    /** Documents of how many collections, more than copies are kept of in some worlds. */
    collections: dice.chance(10) ? 40 : 1 + dice.below(3),
    /** How often, in percent, copies are looked at after a step. */
    looks: dice.of([2, 10, 40]),
    steps: Array.from({ length: tabs }, () => 6 + dice.below(18)),
    faults: !calm && dice.chance(70) ? Array.from({ length: dice.below(6) }, () => [dice.below(tabs), dice.below(7), 1 + dice.below(40)]) : [],
    events: Array.from({ length: calm ? 0 : dice.below(4) }, () => ({
      atMs: dice.below(dice.of([50, 300, 1_500])),
      what: dice.of(["kill", "freeze", "sever", "upgrade", "severAll", ...(erases ? ["erase", "clear"] : [])]),
      tab: dice.below(tabs),
      forMs: 1 + dice.below(3_000),
    })),
  };
}

/** Anything that can be stored; much of it small, and often the same. */
export function valueOf(dice, depth = 0) {
  const plain = [
    [6, () => dice.below(3)],
    [3, () => dice.of(["text", "", "ü\u{1f600}", "lone \ud800", "x".repeat(dice.of([10, 300, 3_000]))])],
    [2, () => dice.of([null, true, false, 0.5, -0, NaN, Infinity, 2 ** 53])],
    [2, () => new Date(dice.of([0, DAY_MS, NaN]))],
    [1, () => dice.of([5n, -(2n ** 70n), 0n])],
    [2, () => dice.of([new Uint8Array([1, 2]), new Uint8Array([1, 2]).buffer, new Float64Array([0.5]), new DataView(new ArrayBuffer(2))])],
  ];
  if (depth > 2) return dice.weighed(plain)();
  return dice.weighed([
    ...plain,
    [3, () => Array.from({ length: dice.below(4) }, () => valueOf(dice, depth + 1))],
    [4, () => Object.fromEntries(Array.from({ length: dice.below(4) }, (_, at) => [dice.of(["a", "b", "10", "2", "n", "nothing"]) + at, valueOf(dice, depth + 1)]))],
    [1, () => ({ nothing: undefined, at: new Date(1) })],
    [1, () => dice.of([new Map([["m", { at: [1] }]]), new Set([1, "s"])])],
  ])();
}

export function documentOf(dice) {
  const doc = { n: dice.chance(60) ? dice.of([0, 1, 2, "text", null, true]) : valueOf(dice) };
  if (dice.chance(40)) doc.more = dice.below(2);
  if (dice.chance(30)) doc.deep = { n: dice.below(3), list: [{ at: [1] }] };
  if (dice.chance(5)) Object.assign(doc, { _created: 5, _updated: "mine" });
  if (dice.chance(5)) Object.defineProperty(doc, "__proto__", { value: { p: [1] }, enumerable: true, configurable: true, writable: true });
  return doc;
}
