import { BlobReader, type BlobPlace } from "./blobs.js";
import { closed } from "../base/errors.js";
import type { CallOrder } from "../base/order.js";
import { breath } from "./pacer.js";
import { guarded, settled, told, type Done } from "./trap.js";
import type { Snapshot } from "../values/snapshot.js";

/**
 * The way into wasm of one open patch or one transaction: refuses calls once it is closed,
 * keeps program order, and knows what is under way.
 */
export class Handle {
  /** What becomes of Blobs. */
  readonly place: BlobPlace;
  readonly #what: string;
  readonly #order: CallOrder;
  readonly #parent: Handle | undefined;
  #host: Handle | undefined;
  readonly #ends = new Set<() => void>();
  #underWay = 0;
  #whenIdle: (() => void)[] = [];
  #open = true;

  constructor(what: string, order: CallOrder, place: BlobPlace, parent?: Handle) {
    this.#what = what;
    this.#order = order;
    this.place = place;
    this.#parent = parent;
  }

  /** True inside a transaction, where nothing can be watched. */
  get isTransaction(): boolean {
    return this.#parent !== undefined;
  }

  /** Throws Closed after {@link end}, and what stopped wasm, if anything did. */
  check(): void {
    guarded(() => {});
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
    return this.#track(this.#order.run(() => this.#enter(call)));
  }

  /** Calls into wasm once `ready` is; later calls wait until then. */
  hold<T>(ready: Promise<unknown>, call: () => T | Promise<T>): Promise<T> {
    this.check();
    return this.#track(this.#order.hold(ready, () => this.#enter(call))) as Promise<T>;
  }

  /** Calls into wasm with a value; its Blobs are read first. */
  send<T>(value: Snapshot, call: () => T | Promise<T>): T | Promise<T> {
    return value.gaps === undefined ? this.call(call) : this.hold(this.#filled(value), call);
  }

  /** Calls into wasm with a value, its Blobs read first; wasm says when it is done. */
  tell<T>(value: Snapshot, call: (done: Done) => T): Promise<T> {
    this.check();
    const issue = () => (this.#host === undefined ? told(call) : this.#host.call(() => told(call)));
    return this.#track(
      value.gaps === undefined ? this.#order.run(issue) : this.#order.hold(this.#filled(value), issue),
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
    const own = new Handle(this.#what, this.#order.beside(), this.place);
    return this.#track(body(own)) as Promise<T>;
  }

  /**
   * The way in of another program, which has an order of its own: its calls take their places in this
   * one's line only when their values are complete, and this one's calls and end do not wait for that.
   */
  guest(): Handle {
    const guest = new Handle(this.#what, this.#order.beside(), this.place);
    guest.#host = this;
    guest.atEnd(this.atEnd(() => guest.end()));
    return guest;
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
    for (const stop of [...this.#ends]) stop();
    this.#ends.clear();
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #filled(value: Snapshot): Promise<void> {
    return new BlobReader(this.place).fill(value);
  }

  #enter<T>(call: () => T | Promise<T>): T | Promise<T> {
    return this.#host === undefined ? entered(call) : this.#host.call(call);
  }

  #track<T>(result: T | Promise<T>): T | Promise<T> {
    const rest = breath();
    if (!(result instanceof Promise)) return rest === undefined ? result : rest.then(() => result);
    this.#underWay += 1;
    result.then(this.#ended, this.#ended);
    // (Outside of a transaction, a promise is kept when the storage has answered, in a later task.)
    return rest !== undefined && this.isTransaction ? result.then((value) => rest.then(() => value)) : result;
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
