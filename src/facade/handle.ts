import { closed } from "./errors.js";
import type { CallOrder } from "./order.js";
import { guarded, settled } from "./trap.js";
import { fill, type Snapshot } from "./values.js";

/**
 * The way into wasm of one open patch or one transaction: refuses calls once it is closed,
 * keeps program order, and knows what is under way.
 */
export class Handle {
  readonly #what: string;
  readonly #order: CallOrder;
  readonly #parent: Handle | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  #open = true;

  constructor(what: string, order: CallOrder, parent?: Handle) {
    this.#what = what;
    this.#order = order;
    this.#parent = parent;
  }

  /** True inside a transaction, where nothing can be watched. */
  get isTransaction(): boolean {
    return this.#parent !== undefined;
  }

  /** Throws Closed after {@link end}. */
  check(): void {
    this.#parent?.check();
    if (!this.#open) throw closed(this.#what);
  }

  /** Calls into wasm at once, outside of program order. */
  now<T>(call: () => T): T {
    this.check();
    return guarded(call);
  }

  /** Calls into wasm, now or behind a held gate. */
  call<T>(call: () => T | Promise<T>): T | Promise<T> {
    this.check();
    return this.#track(this.#order.run(() => guarded(call)));
  }

  /** Calls into wasm once `ready` is; later calls wait until then. */
  hold<T>(ready: Promise<unknown>, call: () => T | Promise<T>): Promise<T> {
    this.check();
    return this.#track(this.#order.hold(ready, () => guarded(call))) as Promise<T>;
  }

  /** Calls into wasm with a value; its Blobs are read first. */
  send<T>({ encoded, gaps }: Snapshot, call: () => T | Promise<T>): T | Promise<T> {
    return gaps === undefined ? this.call(call) : this.hold(fill(encoded, gaps), call);
  }

  /** Runs user code that wasm calls. */
  inside<T>(callback: () => T): T {
    return this.#order.inside(callback);
  }

  /** Later calls are Closed. */
  end(): void {
    this.#open = false;
  }

  /** Resolves when every call made so far has settled. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#underWay]);
  }

  #track<T>(result: T | Promise<T>): T | Promise<T> {
    if (!(result instanceof Promise)) return result;
    const promise = settled(result);
    this.#underWay.add(promise);
    const done = () => void this.#underWay.delete(promise);
    promise.then(done, done);
    return promise;
  }
}
