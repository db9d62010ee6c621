/** Calls without end on one patch, each with what came of it. Loaded by pages. */
import { isPatchStoreError, openPatch } from "/pkg/index.js";

/** Calls under way at a time. */
const WIDTH = 12;

export class Stream {
  /** Of each call, by its number: "pending", "acknowledged", or the code it was rejected with. */
  outcomes = [];
  /** Reasons of the "closed" events. */
  closed = [];
  #stop = false;
  #loops = [];

  static async open(id) {
    const stream = new Stream();
    stream.patch = await openPatch(id);
    stream.patch.on("closed", ({ reason }) => stream.closed.push(reason));
    return stream;
  }

  /** Begins; a loop ends with its first rejection. */
  start() {
    this.#loops = Array.from({ length: WIDTH }, async () => {
      while (!this.#stop && (await this.#call()));
    });
  }

  stop() {
    this.#stop = true;
  }

  get acknowledged() {
    return this.outcomes.filter((outcome) => outcome === "acknowledged").length;
  }

  /** Resolves when no call is pending any more: false when that takes longer than `patience`. */
  ended(patience) {
    return Promise.race([
      Promise.all(this.#loops).then(() => true),
      new Promise((resolve) => setTimeout(resolve, patience, false)),
    ]);
  }

  /** Call n is a blind insert, an update or a transaction that does both. */
  async #call() {
    const n = this.outcomes.push("pending") - 1;
    const insert = (scope) => scope.db("d").insert("calls", { n });
    const add = (scope) => scope.kv("s").update("count", (old = 0) => old + 1);
    try {
      if (n % 3 === 0) await insert(this.patch);
      if (n % 3 === 1) await add(this.patch);
      if (n % 3 === 2) await this.patch.transaction(async (tx) => [await insert(tx), await add(tx)], { retries: 10_000 });
      this.outcomes[n] = "acknowledged";
    } catch (error) {
      this.outcomes[n] = isPatchStoreError(error) ? error.code : `foreign: ${error}`;
    }
    return this.outcomes[n] === "acknowledged";
  }
}

/**
 * Compares what is there with what `outcomes` promise: what was acknowledged once, what was
 * rejected once at most.
 * @returns {Promise<string[]>} what is otherwise
 */
export async function compare(patch, outcomes) {
  const found = (await patch.db("d").find("calls")).map(({ n }) => n);
  const count = (await patch.kv("s").get("count")) ?? 0;
  const wrong = [];
  if (new Set(found).size !== found.length) wrong.push("a document is there twice");
  outcomes.forEach((outcome, n) => {
    if (n % 3 !== 1 && outcome === "acknowledged" && !found.includes(n)) wrong.push(`document ${n} is lost`);
  });
  const adding = outcomes.filter((_, n) => n % 3 !== 0);
  const sure = adding.filter((outcome) => outcome === "acknowledged").length;
  if (count < sure || count > adding.length) wrong.push(`counted ${count}, ${sure} of ${adding.length} acknowledged`);
  return wrong;
}
