/**
 * Random messages for message objects: good ones in every form, good ones with something changed, and
 * things that are no messages at all. Loaded by pages and by Node.
 */

const NAMES = [
  "k", "notes", "a b", "", "__proto__", "constructor", "prototype", "toString", "then", "type", "\0", "\ud800", "é\u{10ffff}",
  '"', "\\", "a:b", "4:node", "x".repeat(1000), "x".repeat(1001), "$", "a.b", "_id", "0", "shared",
];
/** Names that a store, a node and a collection can have: what messages can ask for is among them. */
export const STORE_NAMES = NAMES.filter((name) => name !== "" && name.length <= 1000);

/** Per kind of object: what its operations take. */
const TAKES = {
  kv: {
    get: ["key"], set: ["key", "value"], delete: ["key"], has: ["key"], keys: [], clear: [], setStore: ["value:store"],
  },
  db: {
    insert: ["collection", "doc"], find: ["collection", "query?", "options?"], findOne: ["collection", "id"],
    update: ["collection", "id", "doc"], replace: ["collection", "id", "doc"], delete: ["collection", "id"],
    count: ["collection", "query?"], drop: ["collection"], setStore: ["value:store"],
  },
};
const UNITS = ["{", "}", "[", "]", '"', ":", ",", " ", "\n", "\\", "0", "-", "e", "t", "\0", "\ud800", "\u00a0", "x"];
const SPACES = [" ", "  ", "\n", "\t \r\n"];
const LARGE = 10 * 1024 * 1024;

export class Messages {
  #next;
  #large = 0;

  /** @param {() => number} next random numbers from 0 up to 1 */
  constructor(next) {
    this.#next = next;
  }

  /** One of the values, or what it makes. */
  pick(values) {
    return values[Math.floor(this.#next() * values.length)];
  }

  chance(share) {
    return this.#next() < share;
  }

  /** A message of JSON alone, for a "kv" or a "db" object. */
  plain(kind) {
    const good = this.#good(kind, () => this.json(3));
    if (this.chance(0.5)) return good;
    return this.#changed(good, () => this.json(2));
  }

  /** Any message; `reenter` is called by getters in some. */
  any(kind, reenter = () => {}) {
    try {
      return this.#any(kind, reenter);
    } catch {
      return undefined; // what is changed here may be hostile to that, too
    }
  }

  #any(kind, reenter) {
    const value = () => (this.chance(0.2) ? this.#hostile(reenter) : this.chance(0.3) ? this.#exact() : this.json(3));
    const roll = this.#next();
    if (roll < 0.05) return this.#hostile(reenter);
    const good = this.#good(kind, value);
    if (roll < 0.6) return good;
    const changed = this.#changed(good, value);
    return roll < 0.92 ? changed : this.#wrapped(changed, reenter);
  }

  name() {
    const roll = this.#next();
    // Few enough that messages find what others have left.
    return roll < 0.6 ? this.pick(["k", "notes", "a b"]) : roll < 0.9 ? this.pick(NAMES) : `n${Math.floor(roll * 100)}`;
  }

  /** Something that JSON has. */
  json(depth) {
    const roll = this.#next();
    if (depth === 0 || roll < 0.4) {
      return this.pick([null, true, false, 0, -1.5, 1e300, "", "text", "a b", "\ud800", this.name(), Math.floor(this.#next() * 5)]);
    }
    const length = Math.floor(this.#next() * 4);
    const parts = Array.from({ length }, () => this.json(depth - 1));
    if (roll < 0.55) return parts;
    // A definition, not an assignment: "__proto__" is to be a property like any other.
    return parts.reduce((object, value) => {
      const name = this.chance(0.6) ? this.pick(["a", "b", "text"]) : this.name();
      return Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
    }, {});
  }

  #object() {
    const value = this.json(2);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : { text: value };
  }

  #good(kind, value) {
    const ops = Object.keys(TAKES[kind]);
    let op = this.pick(ops);
    // What empties or leaves a store is rarer, so that there is something to find.
    if (["clear", "drop", "setStore"].includes(op) && this.chance(0.8)) op = this.pick(ops);
    const takes = TAKES[kind][op];
    const args = takes.map((what) => this.#argument(what, value));
    while (takes[args.length - 1]?.endsWith("?") && this.chance(0.4)) args.pop();
    const form = this.#next();
    if (form < 0.35) {
      const fields = takes.slice(0, args.length).map((what) => what.replace(/[?:].*/, ""));
      const [options, named] = fields.at(-1) === "options" ? [args.at(-1), fields.slice(0, -1)] : [{}, fields];
      return { type: op, ...Object.fromEntries(named.map((field, at) => [field, args[at]])), ...options };
    }
    if (form < 0.7) {
      if (takes.length === 0) return { [op]: true };
      if (takes.length === 1 || (args.length === 1 && this.chance(0.5))) return { [op]: args[0] };
      return { [op]: args };
    }
    // (A text has no options.)
    return this.#text(op, args.slice(0, takes.filter((what) => what !== "options?").length));
  }

  #argument(what, value) {
    if (what === "value") return value();
    if (what === "doc") return this.chance(0.5) ? { ...this.#object(), _id: this.name() } : this.#object();
    if (what === "query?") return this.chance(0.5) ? {} : this.#object();
    if (what === "options?") return this.#options(value);
    return this.name();
  }

  #options(value) {
    const field = () => this.pick(["a", "b", "text", "a.0.b", "_id", this.name()]);
    const direction = () => this.pick([1, -1]);
    const pairs = () => Array.from({ length: Math.floor(this.#next() * 3) }, () => [field(), direction()]);
    const options = {};
    if (this.chance(0.5)) options.sort = this.chance(0.5) ? pairs() : Object.fromEntries(pairs());
    if (this.chance(0.3)) options.skip = Math.floor(this.#next() * 3);
    if (this.chance(0.3)) options.limit = Math.floor(this.#next() * 3);
    if (this.chance(0.3)) options.fields = pairs().map(([field]) => field);
    if (this.chance(0.1)) options[this.pick(["sort", "skip", "limit", "fields", "signal", "after"])] = value();
    return options;
  }

  #text(op, args) {
    const space = () => (this.chance(0.9) ? " " : this.pick(SPACES));
    const words = args.map((arg) => {
      if (typeof arg === "string" && arg !== "" && !/[ \t\r\n"]/.test(arg) && this.chance(0.6)) return arg;
      try {
        return JSON.stringify(arg) ?? "undefined";
      } catch {
        return "[unsayable]";
      }
    });
    const text = [op, ...words].reduce((text, word) => text + space() + word);
    return this.chance(0.1) ? space() + text + space() : text;
  }

  #changed(message, value) {
    if (typeof message === "string") return this.#changedText(message);
    const copy = { ...message };
    const fields = Object.keys(copy);
    const field = this.pick(fields);
    switch (Math.floor(this.#next() * 7)) {
      case 0:
        delete copy[field];
        return copy;
      case 1:
        copy[field] = value();
        return copy;
      case 2:
        copy[this.pick(["type", "key", "value", "query", "doc", "id", "set", "get", "find", "insert", "more", "sort", "limit"])] = value();
        return copy;
      case 3:
        copy.type = this.pick([...Object.keys(TAKES.kv), ...Object.keys(TAKES.db), "error", "toString"]);
        return copy;
      case 4:
        if (Array.isArray(copy[field])) {
          copy[field] = copy[field].slice(this.pick([0, 0, 1]), this.pick([1, 2, 3]));
          if (this.chance(0.5)) copy[field].splice(this.pick([0, 1, 2]), this.pick([0, 1]), value());
        }
        return copy;
      case 5:
        return this.pick([[message], { ...message, ...this.#good("kv", value) }, value(), Object.entries(message), JSON.stringify(value())]);
      default:
        return Object.defineProperty(copy, "__proto__", { value: value(), enumerable: true });
    }
  }

  #changedText(text) {
    for (let changes = 1 + Math.floor(this.#next() * 3); changes > 0; changes--) {
      const at = Math.floor(this.#next() * (text.length + 1));
      const roll = this.#next();
      if (roll < 0.3) text = text.slice(0, at) + this.pick(UNITS) + text.slice(at);
      else if (roll < 0.6) text = text.slice(0, at) + text.slice(at + 1);
      else if (roll < 0.8) text = text.slice(0, at) + this.pick(UNITS) + text.slice(at + 1);
      else if (roll < 0.9) text = text.slice(0, at);
      else text = text.slice(0, at) + text.slice(Math.floor(this.#next() * text.length));
    }
    return text;
  }

  /** What can be stored, but not said in JSON. */
  #exact() {
    return this.pick([
      () => NaN, () => -0, () => 12n, () => new Date(5), () => new Map([["a", new Set([1n])]]), () => new Uint8Array(9),
      () => new ArrayBuffer(3), () => [, undefined], () => ({ a: undefined }), () => new Blob(["blob"]), () => Object.create(null),
      () => new DataView(new ArrayBuffer(4)),
    ])();
  }

  /** What can not be stored, or not even be looked at. */
  #hostile(reenter) {
    const thrower = () => {
      throw this.pick([new Error("thrown"), undefined, "text", Symbol("s"), revoked(), { toString: thrower }, { get message() { throw 1; } }]);
    };
    return this.pick([
      () => undefined, () => () => 1, () => Symbol("s"), () => null, () => 5, () => true, () => [], () => class {},
      () => cyclic({}), () => cyclic([]), () => deep(1001), () => deep(20_000),
      () => new Error("e"), () => Promise.resolve(1), () => new WeakMap(), () => /x/, () => new String("get k"), () => new (class Own { type = "keys"; })(),
      () => ({ then: reenter, type: "keys" }), () => ({ then: thrower }), () => ({ toJSON: () => "x" }), () => globalThis,
      () => new (class extends Array {})(3), () => new Array(5000), () => "x".repeat(2000),
      () => (this.#large++ % 40 === 0 ? "y".repeat(LARGE) : "y"),
      () => (this.#large++ % 40 === 1 ? `set k ${"[".repeat(LARGE)}` : "set k ["),
      () => ({ get type() { return thrower(); } }),
      () => ({ get type() { return reenter(), "keys"; } }),
      () => ({ set: ["k", { get a() { return thrower(); } }] }),
      () => ({ set: ["k", { get a() { return reenter(), this.pick === 5 || new Date(1); } }] }),
      () => ({ insert: ["notes", { get a() { return reenter(), 1; }, b: -0 }] }),
      () => ({ insert: ["notes", { get _id() { return thrower(); } }] }),
      () => ({ find: ["notes", { get a() { return thrower(); } }] }),
      () => ({ set: new Proxy(["k", 1], { get: (list, name) => (name === "length" ? this.pick([2, 5000, NaN, "2", -1, {}]) : list[name]) }) }),
      revoked,
      () => new Proxy({}, { ownKeys: thrower }),
      () => new Proxy({ get: "k" }, { get: thrower }),
      () => new Proxy({ get: "k" }, { getOwnPropertyDescriptor: thrower }),
      () => new Proxy({}, { getPrototypeOf: thrower }),
      () => ({ insert: ["notes", new Proxy({}, { getPrototypeOf: thrower })] }),
      () => ({ find: ["notes", revoked()] }),
      () => ({ get: revoked() }),
      () => ({ find: ["notes", {}, revoked()] }),
      () => ({ find: ["notes", {}, { get sort() { return thrower(); } }] }),
      () => ({ type: "find", collection: "notes", sort: new Proxy([], { get: thrower }) }),
      () => ({ type: "find", collection: "notes", fields: new Proxy([], { get: (_, name) => (name === "length" ? 4e9 : reenter()) }) }),
      () => ({ type: "find", collection: "notes", get limit() { return thrower(); } }),
      () => new Proxy(() => "get k", {}),
    ])();
  }

  /** The same behind a proxy, a prototype, or getters. */
  #wrapped(message, reenter) {
    if (typeof message !== "object" || message === null) return message;
    return this.pick([
        () => new Proxy(message, {}),
        () => new Proxy(message, { get: (target, name) => (reenter(), Reflect.get(target, name)) }),
        () => Object.create(message),
        () => Object.assign(Object.create(null), message),
        () => Object.freeze(Object.create({}, Object.getOwnPropertyDescriptors(message))),
        () => Object.defineProperties({}, Object.fromEntries(Object.keys(message).map((name) => [
          name, { get: () => message[name], enumerable: true },
        ]))),
      ])();
  }
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function cyclic(value) {
  const inner = { deeper: [value] };
  if (Array.isArray(value)) value.push(inner);
  else value.set = ["k", (value.self = inner)];
  return value;
}

function deep(levels) {
  let value = 1;
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { value };
  return { set: ["deep", value] };
}
