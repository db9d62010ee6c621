/** What the facade hands out, of its copies where it has them, beside what a read past them gives at the same moment. */
import { TOLERABLE } from "./ends.mjs";
import { IDS, KEYS, LIMITS, NODES, QUERIES } from "./plan.mjs";
import { same, shown, spoil } from "./same.mjs";

/** Of a `find` by no more than a query, without regular expressions. */
const PLAIN = [false, undefined];

/** The documents: behind them is the mark of the last one, here or later. */
function withoutMark(found) {
  if (found instanceof Promise) return found.then(withoutMark);
  found.pop();
  return found;
}

/** Reads of a tab that may wait for the storage at a time: who added some at every step would wait for ever. */
const MOST_WAITING = 8;

/** How often work takes long in simulated worlds, percent. */
const LONG_WORK = 10;

export class Copies {
  #waiting = 0;
  #world;
  #tab;
  #order;
  #library;
  #scopes;
  #stamp;

  /**
   * @param patch what the facade gives
   * @param port the same patch's end in the wasm, where no copies are
   */
  constructor(world, tab, patch, port, order, library) {
    this.#world = world;
    this.#tab = tab;
    this.#order = order;
    this.#library = library;
    const scope = (name, isNode) => ({
      name,
      ...(isNode ? patch.node(name) : { kv: patch.kv(name), db: patch.db(name) }),
      pairs: port.kv(name, isNode),
      documents: port.db(name, isNode),
    });
    const changes = port.kv("s", false).changes();
    this.#stamp = () => changes.stamp();
    this.#scopes = [scope("s", false), ...NODES.map((name) => scope(name, true))];
  }

  /** Compares all that anybody may have read. */
  compareAll() {
    this.#steadily(() => {
      for (const scope of this.#scopes.slice(0, 2)) {
        for (const key of KEYS) this.#pair(scope, key);
        const collection = this.#collection();
        for (const id of [...IDS, ...this.#world.ids.slice(-6)]) this.#document(scope, collection, id);
        this.#list(scope, collection, {});
        this.#list(scope, collection, this.#dice.of(QUERIES));
      }
    });
  }

  /** Compares a little. */
  compareSome() {
    this.#steadily(() => {
      const scope = this.#dice.of(this.#scopes);
      const collection = this.#collection();
      const kinds = [
        () => this.#pair(scope, this.#dice.of(KEYS)),
        () => this.#document(scope, collection, this.#dice.of([...IDS, ...this.#world.ids.slice(-6)])),
        () => this.#list(scope, collection, this.#dice.of(QUERIES)),
        () => this.#list(scope, collection, {}),
      ];
      for (let times = this.#dice.below(4); times >= 0; times--) this.#dice.of(kinds)();
    });
  }

  get #dice() {
    return this.#world.plan.dice;
  }

  #collection() {
    return `c${this.#dice.below(this.#world.plan.collections)}`;
  }

  /** Has lists read that come late, into whatever happens meanwhile. */
  readLate() {
    this.#atPace(90, () => {
      for (const scope of this.#scopes.slice(0, 2)) this.#list(scope, this.#collection(), {});
    });
  }

  /** Mostly, what is in memory is read at once: only then can be said what copies must be. */
  #steadily(look) {
    this.#atPace(this.#dice.of([0, 0, 0, 0, 0, 10]), look);
  }

  /** @param longWork how many of a hundred looks at the clock find that work has taken long */
  #atPace(longWork, look) {
    let isFree = false;
    this.#order.run(() => (isFree = true)).catch?.(() => {});
    // Where reads wait for what is under way, a few more do; who asked at every step would wait for himself.
    if (!isFree || (Number.isNaN(this.#stamp()) && !this.#dice.chance(3))) return;
    this.#world.sim.setLongWork(longWork);
    look();
    this.#world.sim.setLongWork(LONG_WORK);
  }

  #pair({ name, kv, pairs }, key) {
    this.#compare(`${name}: ${key}`, () => kv.get(key), () => this.#world.past(pairs, "get", key));
  }

  #document({ name, db, documents }, collection, id) {
    this.#compare(`${name}, ${collection}: ${id}`, () => db.findOne(collection, id), () => this.#world.past(documents, "get", collection, id));
  }

  #list({ name, db, documents }, collection, query) {
    const { encoded } = this.#library.snapshot(query);
    const limit = this.#dice.of(LIMITS);
    const parts = limit && this.#library.snapshot(limit).encoded;
    const what = `${name}, ${collection}: the list of ${shown(query)}${limit ? ", of two" : ""}`;
    // (All of a collection, and an answer, are kept when they are read twice, and come from there from the third time on.)
    for (let times = this.#dice.below(3); times >= 0; times--) {
      this.#compare(what, () => db.find(collection, query, limit), () => withoutMark(this.#world.past(documents, "find", collection, encoded, ...PLAIN, parts)));
    }
  }

  /** @param ask the facade  @param read the wasm, past it */
  #compare(what, ask, read) {
    if (this.#waiting >= MOST_WAITING) return;
    const world = this.#world;
    let bare;
    const readNow = () => {
      try {
        bare = { value: read() };
      } catch (thrown) {
        bare = { thrown };
      }
    };
    const isFirst = this.#dice.chance(50);
    if (isFirst) readNow();
    const crossings = world.crossings;
    const asked = ask();
    const isCopy = world.crossings === crossings;
    const isAtOnce = isCopy || !world.crossedLater;
    if (!isFirst) readNow();
    const mustWait = Number.isNaN(this.#stamp());
    const isLate = bare.value instanceof Promise;
    if (isLate) this.#wait(bare.value);
    if (!isAtOnce) this.#wait(asked);
    const given = (value) => {
      if (isCopy && mustWait) world.fail(new Error(`${what}: a copy is given where a read waits, or fails`));
      if (isAtOnce && bare.thrown) world.fail(new Error(`${what}: a read fails with ${bare.thrown.code}, the facade gives ${shown(value)}`));
      if (isAtOnce && !isLate && !bare.thrown) this.#mustBeSame(what, isCopy, value, bare.value);
      // What a read gives that waits is of its place among this tab's calls, and there are no others where all is calm.
      else if (isCopy && world.plan.calm) bare.value.then((late) => this.#mustBeSame(`${what} (late)`, isCopy, value, late), () => {});
      // What came late may have been kept, as if it were of this moment.
      if (!isAtOnce && this.#tab.copies === this) this.#atPace(0, () => this.#compare(what, ask, read));
    };
    const refused = (error) => {
      // (A patch that is closed, the facade may know of before the wasm does.)
      const isWrong = isAtOnce && !bare.thrown && !isLate;
      if (error.code !== "Closed" && (isWrong || !TOLERABLE.includes(error.code))) world.fail(error);
    };
    asked.then(given, refused);
  }

  #mustBeSame(what, isCopy, value, bare) {
    const { life } = this.#tab;
    if (!same(value, bare)) {
      this.#world.fail(new Error(`tab ${life}: ${what}: ${isCopy ? "a copy" : "the facade"} gives\n  ${shown(value)}, a read\n  ${shown(bare)}`));
    }
    this.#world.compared(isCopy);
    spoil(value);
  }

  #wait(result) {
    this.#waiting += 1;
    const settled = () => (this.#waiting -= 1);
    result.then(settled, settled);
  }
}
