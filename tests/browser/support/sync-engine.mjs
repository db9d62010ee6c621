/**
 * A little sync engine over a persistence provider, as those behave that it is made for: what it knows is a set of operations, each patch is one of them, its clock
 * begins at 0 with every start, it saves a snapshot once its patches take more than a threshold, and prunes some patches later, carelessly: up to its clock
 * of then, though what was appended since is not in the snapshot. Runs in pages and in Node.
 */
const encode = (value) => new TextEncoder().encode(JSON.stringify(value));
const decode = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

export class SyncEngine {
  /** The operations that are known, by their names. @type {Set<string>} */
  known = new Set();
  clock = 0;
  snapshots = 0;
  #provider;
  #threshold;
  #bytes = 0;
  #calls = [];
  /** How many patches are to be appended before it prunes. */
  #untilPruning = Infinity;

  constructor(provider, threshold) {
    this.#provider = provider;
    this.#threshold = threshold;
  }

  /** Restores what was kept. */
  static async start(provider, threshold = 400) {
    const engine = new SyncEngine(provider, threshold);
    const snapshot = await provider.loadSnapshot();
    if (snapshot !== undefined) engine.#merge(decode(snapshot));
    await engine.pull();
    return engine;
  }

  /** Takes in what is kept, also by others. */
  async pull() {
    for (const patch of await this.#provider.loadPatchesSince(-Infinity)) this.#merge(decode(patch));
  }

  #merge(operations) {
    for (const each of operations) this.known.add(each);
  }

  /** Does something, and has it kept. Resolves when that is so. */
  async mutate(name) {
    this.known.add(name);
    const patch = encode([name]);
    this.clock += 1;
    const kept = this.#provider.appendPatch(patch, this.clock);
    // (Whatever becomes of the buffer: it is taken at the call.)
    patch.fill(0);
    this.#calls.push(kept);
    this.#bytes += patch.length;
    this.#untilPruning -= 1;
    if (this.#untilPruning <= 0) this.#prune();
    if (this.#bytes > this.#threshold) this.checkpoint();
    await kept;
  }

  #prune() {
    this.#untilPruning = Infinity;
    this.#calls.push(this.#provider.prunePatches(this.clock + 1));
  }

  /** Saves a snapshot of now; what comes to be until it prunes is not in it. */
  checkpoint() {
    const [state, clock] = [encode([...this.known]), this.clock];
    this.#bytes = 0;
    this.snapshots += 1;
    this.#calls.push(this.#provider.saveSnapshot(state, clock));
    state.fill(0);
    this.#untilPruning = 2;
  }

  /** Resolves when everything is kept. */
  async settled() {
    while (this.#calls.length > 0) await Promise.all(this.#calls.splice(0));
  }
}
