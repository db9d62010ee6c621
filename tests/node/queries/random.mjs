/** Documents and queries that meet each other, by chance and by a seed. */

/** A generator of numbers in [0, 1): mulberry32, by Tommy Ettinger. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const NAMES = ["a", "b", "c", "a.b"];
const PATHS = ["a", "b", "c", "a", "b", "c", "d", "a.b", "b.a", "a.0", "b.1", "a.b.c", "c.0.a", "b."];
const PLAIN = [0, 1, 2, -1, 2.5, 1e21, "", "a", "ab", "abc", "b", "é", "10", null, true, false];
const EXACT = [
  undefined, NaN, -0, Infinity, 1n, 2n, -1n, 1n << 80n, "\u{1F600}x", "\uD83D", "\uE000", "a\ud800b",
  new Date(0), new Date(1), new Date(NaN), new Uint8Array([1]), new Uint8Array([1, 2]), new Uint16Array([513]),
  new Uint8Array([1, 2]).buffer, new Map([[1, "a"]]), new Set([1, 2]), new Set([2, 1]), new Set([2n, 1]),
];

export class Chance {
  constructor(seed) {
    this.next = random(seed);
    this.path = "a";
  }

  below(most) {
    return Math.floor(this.next() * most);
  }

  one(list) {
    return list[this.below(list.length)];
  }

  leaf() {
    return this.below(4) > 0 ? this.one(PLAIN) : this.one(EXACT);
  }

  value(depth = 2) {
    const choice = depth > 0 ? this.below(7) : 6;
    if (choice === 0) return Array.from({ length: this.below(4) }, () => this.value(depth - 1));
    return choice === 1 ? this.object(depth - 1) : this.leaf();
  }

  object(depth = 2) {
    const names = NAMES.filter(() => this.below(3) > 0);
    if (this.below(2) > 0) names.reverse();
    return Object.fromEntries(names.map((name) => [name, this.value(depth)]));
  }

  list(make) {
    return Array.from({ length: this.below(4) }, make);
  }

  /** A value of one of the documents, whole or in part, or any other. */
  operand(docs) {
    if (this.below(5) === 0) return this.value();
    // Mostly one that lies where it is asked for.
    const there = docs.map((doc) => doc[this.path]).filter((value) => value !== undefined);
    if (there.length > 0 && this.below(4) > 0) {
      const found = this.one(there);
      return Array.isArray(found) && found.length > 0 && this.below(2) > 0 ? this.one(found) : found;
    }
    let found = this.one(docs);
    while (typeof found === "object" && found !== null && this.below(4) > 0) {
      const parts = Object.values(found);
      if (parts.length === 0) break;
      found = this.one(parts);
    }
    return found;
  }

  /** No operator object, by mistake. */
  text(docs) {
    const found = this.operand(docs);
    return typeof found === "string" ? found.slice(0, this.below(3)) : this.one(["", "a", "b", "\uD83D"]);
  }

  regex() {
    return this.one([/a/, /^b/, /A/i, /b$/g, /./u, /^$/, /[ab]+c?/y]);
  }

  operators(docs, depth) {
    const operand = () => this.operand(docs);
    const makers = {
      $eq: operand, $ne: operand, $gt: operand, $gte: operand, $lt: operand, $lte: operand,
      $in: () => this.list(operand), $nin: () => this.list(operand),
      $exists: () => this.below(2) > 0,
      $regex: () => this.regex(),
      $startsWith: () => this.text(docs),
      $contains: () => (this.below(2) > 0 ? this.text(docs) : operand()),
      $size: () => this.below(4),
      $all: () => this.list(operand).slice(0, 2),
      $elemMatch: () => (this.below(2) > 0 ? this.operators(docs, depth - 1) : this.query(docs, depth - 1)),
      $not: () => (this.below(5) === 0 ? this.regex() : this.operators(docs, depth - 1)),
    };
    const names = Object.keys(makers).filter((name) => depth > 0 || !["$elemMatch", "$not"].includes(name));
    const chosen = new Set([this.one(names), ...(this.below(3) === 0 ? [this.one(names)] : [])]);
    return Object.fromEntries([...chosen].map((name) => [name, makers[name]()]));
  }

  condition(docs, depth) {
    switch (this.below(6)) {
      case 0:
        return this.operand(docs);
      case 1:
        return this.below(3) === 0 ? this.regex() : this.operand(docs);
      default:
        return this.operators(docs, depth);
    }
  }

  query(docs, depth = 2) {
    const fields = Array.from({ length: this.below(4) > 0 ? 1 : 2 }, () => {
      this.path = this.one(PATHS);
      return [this.path, this.condition(docs, depth)];
    });
    if (depth > 0 && this.below(3) === 0) {
      fields.push([this.one(["$and", "$or", "$nor"]), this.list(() => this.query(docs, depth - 1))]);
    }
    return Object.fromEntries(fields);
  }
}
