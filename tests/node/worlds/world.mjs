/** One world: tabs over one database, taken forward step by step until all of them are done. */
import { planOf } from "./plan.mjs";
import { Tab } from "./tab.mjs";

const CLOCK = Symbol.for("patchstore.clock");
const MOST_STEPS = 400_000;

/** What has run between two tasks is over. */
const rest = () => new Promise((resolve) => setImmediate(resolve));

export class World {
  /** Calls of the facade that went into the wasm, and whether the last of them was answered by a promise. */
  crossings = 0;
  crossedLater = false;
  /** Ids that documents got. */
  ids = [];
  /** How often data were deleted past the tabs. */
  erased = 0;
  counts = { compared: 0, copies: 0, faults: 0, steps: 0 };
  trace = [];
  #failure;
  #lives = 0;
  #counted = { done: 0, unknown: 0 };

  constructor(stage, seed) {
    this.stage = stage;
    this.plan = planOf(seed);
    this.glue = stage.makeGlue();
    this.sim = new this.glue.World(seed);
    this.#countCrossings();
  }

  /** Plays it to its end; throws what has gone wrong. */
  async play() {
    const { plan, sim } = this;
    globalThis[CLOCK] = { now: () => sim.nowMs() };
    try {
      sim.pace(...plan.pace);
      sim.setQuota(plan.quotaBytes);
      const slots = plan.steps.map((steps) => this.#slot(steps));
      for (const [at, kind, nth] of plan.faults) slots[at].tab.port.fault(kind, nth);
      const director = sim.tab();
      for (const event of plan.events) director.after(event.atMs * 1000, () => this.#happen(event, slots[event.tab], director));
      // Nothing that froze stays so for ever.
      const thaw = () => {
        slots.forEach(({ tab }) => tab.port.release());
        director.after(400_000, thaw);
      };
      director.after(400_000, thaw);
      await this.#until(() => slots.every(({ isDone }) => isDone), slots);
      await this.#end();
      this.counts.faults = sim.faultsMet();
      return this.counts;
    } finally {
      delete globalThis[CLOCK];
    }
  }

  #slot(steps) {
    const slot = { tab: undefined, isDone: false };
    this.#begin(slot, steps);
    return slot;
  }

  #begin(slot, steps) {
    slot.tab = new Tab(this, steps);
    slot.tab.begin(() => (slot.isDone = true));
  }

  #happen({ what, forMs }, slot, director) {
    this.note(what);
    const { port, left } = slot.tab;
    if (what === "kill" && !slot.isDone) {
      port.kill();
      this.#counted.unknown += 9;
      slot.tab.copies = undefined;
      this.#begin(slot, left);
    } else if (what === "freeze") {
      port.freeze();
      director.after(forMs * 1000, () => port.thaw());
    } else if (what === "sever") port.sever();
    else if (what === "severAll") this.sim.sever();
    else if (what === "upgrade") this.sim.wantUpgrade();
    else if (what === "clear") {
      this.erased += 1;
      this.sim.clear();
    } else if (what === "erase") {
      this.erased += 1;
      director.deletePort().catch(() => {});
    }
  }

  /** Goes on until `isOver`. */
  async #until(isOver, slots = []) {
    const { plan, sim } = this;
    while (!isOver()) {
      if ((this.counts.steps += 1) > MOST_STEPS) throw new Error("it does not come to an end");
      if (!sim.step()) throw new Error("nothing can happen any more");
      await rest();
      if (plan.dice.chance(plan.looks)) {
        slots.find(({ tab }) => tab.port.isRunning())?.tab.copies?.compareSome();
        await rest();
      }
      if (this.#failure) throw this.#failure;
    }
  }

  /** What is there at the end, for a tab that comes then. */
  async #end() {
    this.sim.setQuota(undefined);
    let found;
    const last = new Tab(this, 0);
    const facade = await this.stage.makeFacade(this.glue, last.port, { strict: false, logFrames: 400, world: this.sim });
    last.port.after(0, async () => {
      try {
        // (A connection may be lost still, as often as faults are left.)
        const opening = () => facade.openPatch("world");
        const again = (error) => (error.code === "ConnectionLost" ? opening() : Promise.reject(error));
        const patch = await opening().catch(again).catch(again);
        found = [(await patch.kv("counter").get("n")) ?? 0];
        await patch.close();
      } catch (error) {
        this.fail(error);
      }
    });
    await this.#until(() => found !== undefined);
    const [{ done, unknown }, [n]] = [this.#counted, found];
    if (this.erased === 0 && (n < done || n > done + unknown)) throw new Error(`${done} calls have counted for certain, ${unknown} may have, and ${n} are there`);
  }

  fail(error) {
    this.#failure ??= error;
  }

  note(what) {
    this.trace.push(`${this.counts.steps} ${this.sim.nowMs()} ${what}`);
  }

  nextLife() {
    return (this.#lives += 1);
  }

  counted(how) {
    if (how !== "failed") this.#counted[how] += 1;
  }

  compared(isCopy) {
    this.counts.compared += 1;
    if (isCopy) this.counts.copies += 1;
  }

  /** Calls into wasm past the facade, and is not counted. */
  past(port, name, ...args) {
    return this.#past.get(Object.getPrototypeOf(port))[name].apply(port, args);
  }

  #past = new Map();

  #countCrossings() {
    for (const { prototype } of [this.glue.KvPort, this.glue.DbPort]) {
      const { get, find } = prototype;
      this.#past.set(prototype, { get, find });
      const counted = (call) => {
        const world = this;
        return function (...args) {
          world.crossings += 1;
          const result = call.apply(this, args);
          world.crossedLater = result instanceof Promise;
          return result;
        };
      };
      prototype.get = counted(get);
      if (find !== undefined) prototype.find = counted(find);
    }
  }
}
