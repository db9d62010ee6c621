import { closed } from "./errors.js";
import type { CallOrder } from "./order.js";
import { guarded, settled, told, type Done } from "./trap.js";
import { fill, type Snapshot } from "./values.js";

/**
 * The way into wasm of one open patch or one transaction: refuses calls once it is closed,
 * keeps program order, and knows what is under way.
 */
export class Handle {
  readonly #what: string;
  readonly #order: CallOrder;
  readonly #parent: Handle | undefined;
  readonly #ends = new Set<() => void>();
  #underWay = 0;
  #whenIdle: (() => void)[] = [];
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
    return this.#track(this.#order.run(() => entered(call)));
  }

  /** Calls into wasm once `ready` is; later calls wait until then. */
  hold<T>(ready: Promise<unknown>, call: () => T | Promise<T>): Promise<T> {
    this.check();
    return this.#track(this.#order.hold(ready, () => entered(call))) as Promise<T>;
  }

  /** Calls into wasm with a value; its Blobs are read first. */
  send<T>({ encoded, gaps }: Snapshot, call: () => T | Promise<T>): T | Promise<T> {
    return gaps === undefined ? this.call(call) : this.hold(fill(encoded, gaps), call);
  }

  /** Calls into wasm with a value, its Blobs read first; wasm says when it is done. */
  tell<T>({ encoded, gaps }: Snapshot, call: (done: Done) => T): Promise<T> {
    this.check();
    const issue = () => told(call);
    return this.#track(
      gaps === undefined ? this.#order.run(issue) : this.#order.hold(fill(encoded, gaps), issue),
    ) as Promise<T>;
  }

  /** Runs user code that wasm calls. */
  inside<T>(callback: () => T): T {
    return this.#order.inside(callback);
  }

  /**
   * A call of several steps, taken through the handle that `body` gets: outside of program order, and also when this
   * one has been ended meanwhile.
   */
  steps<T>(body: (own: Handle) => Promise<T>): Promise<T> {
    this.check();
    const own = new Handle(this.#what, this.#order.beside());
    return this.#track(body(own)) as Promise<T>;
  }

  /** Later calls wait until `done` has settled. */
  block(done: Promise<unknown>): void {
    this.#order.hold(done, () => {}).catch(() => {});
  }

  /** Has `stop` called at the end; what is returned takes that back. */
  atEnd(stop: () => void): () => void {
    this.#ends.add(stop);
    return () => this.#ends.delete(stop);
  }

  /** Later calls are Closed. */
  end(): void {
    this.#open = false;
    for (const stop of this.#ends) stop();
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #track<T>(result: T | Promise<T>): T | Promise<T> {
    if (!(result instanceof Promise)) return result;
    this.#underWay += 1;
    result.then(this.#ended, this.#ended);
    return result;
  }

  readonly #ended = (): void => {
    this.#underWay -= 1;
    if (this.#underWay > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  };
}

/** What `call` gives; a promise settles even when wasm traps. */
function entered<T>(call: () => T | Promise<T>): T | Promise<T> {
  const result = guarded(call);
  return result instanceof Promise ? settled(result) : result;
}
