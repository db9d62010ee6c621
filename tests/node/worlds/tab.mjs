/** One life of a tab: opens the patch by its facade, does what comes to its mind, and compares copies with reads. */
import { Copies } from "./copies.mjs";
import { TOLERABLE, UNKNOWN } from "./ends.mjs";
import { documentOf, IDS, KEYS, NODES, valueOf } from "./plan.mjs";

const ID = "world";
export const DATABASE = `patchstore_${ID}`;

const MOST_OPENINGS = 40;

export class Tab {
  #world;
  #dice;
  #library;
  #underWay = new Set();
  #erasing = 0;

  /** @param world as `world.mjs` has it */
  constructor(world, steps) {
    this.#world = world;
    this.#dice = world.plan.dice;
    this.port = world.sim.tab();
    this.left = steps;
    this.life = world.nextLife();
  }

  /** Lives until its steps are done; `done` is called then, unless it is killed before. */
  begin(done) {
    this.port.after(0, () => this.#live().then(done, (error) => this.#world.fail(error)));
  }

  async #live() {
    const { stage, sim, glue, plan } = this.#world;
    this.#library = await stage.makeFacade(glue, this.port, { strict: plan.strict, logFrames: plan.logFrames, world: sim });
    await this.#open();
    while (this.left > 0) {
      this.left -= 1;
      await this.#act();
      if (this.isClosed) await this.#open();
      await this.pause(this.#dice.below(3_000));
    }
    await Promise.all(this.#underWay);
    await this.patch.close().catch((error) => this.#mustBeTolerable(error));
    this.copies = undefined;
  }

  /** Opens the patch, as often as it takes. */
  async #open() {
    this.copies = undefined;
    for (let times = 0; times < MOST_OPENINGS; times++) {
      try {
        const { cacheBytes, strict } = this.#world.plan;
        const patch = await this.#library.openPatch(ID, { cacheBytes, durability: strict ? "strict" : "relaxed" });
        this.patch = patch;
        this.isClosed = false;
        patch.on("closed", () => {
          if (this.patch !== patch) return;
          this.isClosed = true;
          this.copies = undefined;
        });
        const engine = this.#library.present(DATABASE);
        if (engine === undefined) continue;
        const port = await engine.port;
        if (!this.isClosed) this.copies = new Copies(this.#world, this, patch, port, engine.order, this.#library);
        return;
      } catch (error) {
        this.#mustBeTolerable(error);
      }
      await this.pause(100_000);
    }
    throw new Error(`tab ${this.life} cannot open the patch`);
  }

  pause(us) {
    return new Promise((resolve) => this.port.after(us, resolve));
  }

  #mustBeTolerable(error) {
    if (!TOLERABLE.includes(error?.code)) throw error;
  }

  async #act() {
    const { patch } = this;
    const dice = this.#dice;
    this.copies?.compareAll();
    const calls = Array.from({ length: 1 + dice.below(3) }, () => dice.weighed(OPERATIONS));
    for (const name of calls) {
      this.#world.note(`${this.life} ${name}`);
      const [watch, end] = this.#watch(name);
      // (Asking a patch that is closed for a store throws at once.)
      const call = async () => OPERATION[name](patch, dice, this.#world, this);
      const done = call().then(() => end(), (error) => end(error));
      const settled = done.then(watch).catch((error) => this.#world.fail(error));
      this.#underWay.add(settled);
      void settled.then(() => this.#underWay.delete(settled));
      if (dice.chance(15)) this.copies?.readLate();
      // What is pending, reads see.
      if (dice.chance(60)) this.copies?.compareAll();
      else this.copies?.compareSome();
    }
    if (dice.chance(60)) await Promise.all(this.#underWay);
  }

  /** What notes how a call ended, and what is looked at then. */
  #watch(name) {
    const began = this.#world.erased;
    const look = () => this.copies?.compareAll();
    const end = (error) => {
      this.#world.note(`${this.life} ${name}: ${error?.code ?? "done"}`);
      if (error !== undefined) this.#mustBeTolerable(error);
      if (name === "count") this.#world.counted(error === undefined ? "done" : UNKNOWN.includes(error.code) ? "unknown" : "failed", began);
    };
    return [look, end];
  }
}

const stores = (patch, dice) => (dice.chance(70) ? { kv: patch.kv("s"), db: patch.db("s") } : patch.node(dice.of(NODES)));
const kv = (patch, dice) => stores(patch, dice).kv;
const docs = (patch, dice, { plan }) => stores(patch, dice).db.collection(`c${dice.below(plan.collections)}`);
const idOf = (dice, { ids }) => (ids.length > 0 && dice.chance(40) ? dice.of(ids.slice(-12)) : dice.of(IDS));

/** When a pair expires, in some worlds. */
const expiryOf = ({ dated }, dice) => (dated && dice.chance(50) ? { ttl: 1 + dice.below(dice.of([20, 2_000])) } : undefined);

/** What a call does, by its name. */
const OPERATION = {
  set: (patch, dice, { plan }) => kv(patch, dice).set(dice.of(KEYS), valueOf(dice), expiryOf(plan, dice)),
  delete: (patch, dice) => kv(patch, dice).delete(dice.of(KEYS)),
  update: (patch, dice) => {
    const value = dice.chance(20) ? undefined : valueOf(dice);
    return kv(patch, dice).update(dice.of(KEYS), () => value);
  },
  setMany: (patch, dice, { plan }) =>
    kv(patch, dice).setMany(Array.from({ length: 1 + dice.below(4) }, () => [dice.of(KEYS), valueOf(dice), expiryOf(plan, dice)])),
  deleteMany: (patch, dice) => kv(patch, dice).deleteMany([dice.of(KEYS), dice.of(KEYS)]),
  clear: (patch, dice) => kv(patch, dice).clear(),
  /** More keys than are told one by one. */
  flood: (patch, dice) => kv(patch, dice).setMany([...KEYS, ...Array.from({ length: 1100 }, (_, at) => `flood${at}`)].map((key) => [key, dice.below(2)])),
  /** Enough to be written ahead. */
  bulk: (patch, dice) => kv(patch, dice).setMany(KEYS.map((key) => [key, [dice.below(9), "x".repeat(160_000)]])),
  count: (patch) => patch.kv("counter").update("n", (n = 0) => n + 1),
  insert: (patch, dice, world) => docs(patch, dice, world).insert(documentOf(dice)).then((id) => world.ids.push(id)),
  insertNamed: (patch, dice, world) => docs(patch, dice, world).insert({ _id: idOf(dice, world), ...documentOf(dice) }),
  insertMany: (patch, dice, world) =>
    docs(patch, dice, world).insertMany(Array.from({ length: 1 + dice.below(4) }, () => documentOf(dice))).then((ids) => world.ids.push(...ids)),
  /** A batch of ids that others know. */
  insertManyNamed: (patch, dice, world) => {
    const ids = new Set(Array.from({ length: 1 + dice.below(3) }, () => idOf(dice, world)));
    return docs(patch, dice, world).insertMany(Array.from(ids, (_id) => ({ _id, ...documentOf(dice) })));
  },
  updateDoc: (patch, dice, world) => docs(patch, dice, world).update(idOf(dice, world), documentOf(dice)),
  replace: (patch, dice, world) => docs(patch, dice, world).replace(idOf(dice, world), documentOf(dice)),
  deleteDoc: (patch, dice, world) => docs(patch, dice, world).delete(idOf(dice, world)),
  drop: (patch, dice, world) => docs(patch, dice, world).drop(),
  /** A document that is changed before anybody knows where it comes to lie. */
  story: async (patch, dice, world) => {
    const to = docs(patch, dice, world);
    const id = idOf(dice, world);
    const calls = [to.insert({ _id: id, n: 1 }), dice.chance(70) ? to.update(id, { n: 2, more: 1 }) : to.delete(id)];
    await Promise.all(calls.map((call) => call.catch((error) => error.code === "Exists" || Promise.reject(error))));
  },
  transact: (patch, dice, world, tab) =>
    patch.transaction(async (tx) => {
      const [from, to] = [dice.of(KEYS), dice.of(KEYS)];
      await kv(tx, dice).set(to, (await kv(tx, dice).get(from)) ?? 0);
      if (dice.chance(50)) await tab.pause(dice.below(20_000));
      await docs(tx, dice, world).delete(idOf(dice, world));
      await docs(tx, dice, world).insert({ _id: idOf(dice, world), ...documentOf(dice) }).catch((error) => error.code === "Exists" || Promise.reject(error));
    }),
  copyNode: (patch, dice) => patch.copyNode(dice.of(NODES), dice.of(NODES)).catch((error) => error.code === "InvalidArgument" || Promise.reject(error)),
  deleteNode: (patch, dice) => patch.deleteNode(dice.of(NODES)),
  compact: (patch) => patch.compact(),
  flush: (patch) => patch.flush(),
  reopen: async (patch, dice, world, tab) => {
    if (dice.chance(50)) await tab.pause(dice.below(2_000_000));
    await patch.close();
  },
  wait: (patch, dice, world, tab) => tab.pause(dice.below(1_500_000)),
};

const OPERATIONS = [
  [14, "set"], [5, "delete"], [6, "update"], [4, "setMany"], [2, "deleteMany"], [2, "clear"], [1, "flood"], [1, "bulk"], [6, "count"],
  [14, "insert"], [6, "insertNamed"], [6, "insertMany"], [6, "insertManyNamed"], [10, "updateDoc"], [5, "replace"], [7, "deleteDoc"], [1, "drop"], [6, "story"],
  [6, "transact"], [2, "copyNode"], [2, "deleteNode"], [4, "compact"], [2, "flush"], [2, "reopen"], [5, "wait"],
];
