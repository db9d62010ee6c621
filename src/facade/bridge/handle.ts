import { BlobReader, type BlobPlace } from "./blobs.js";
import { closed } from "../base/errors.js";
import type { CallOrder } from "../base/order.js";
import { breath } from "./pacer.js";
import { needed, present, rest, type Whole } from "./rest.js";
import { guarded, settled, told, type Done } from "./trap.js";
import type { Snapshot } from "../values/snapshot.js";

/** How much a write or a query counts towards {@link breath}: it may take some tenths of a millisecond. */
export const WORK_WEIGHT = 16;

/**
 * The entrance to wasm for one open patch or one transaction. Refuses calls once it is closed,
 * keeps program order, and tracks calls in progress.
 */
export class Handle {
  /** How the storage handles Blobs. */
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

  /** True for a transaction, in which watching is not available. */
  get isTransaction(): boolean {
    return this.#parent !== undefined;
  }

  /** Throws Closed after {@link end}, and Internal if wasm has stopped. */
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

  /** Calls into wasm, now or behind a held gate. `weighs`: what it counts towards {@link breath}. */
  call<T>(call: () => T | Promise<T>, weighs = 1): T | Promise<T> {
    this.check();
    return this.#track(this.#order.run(() => this.#enter(call)), weighs);
  }

  /** Calls into wasm once `ready` resolves; later calls wait until then. */
  hold<T>(ready: Promise<unknown>, call: () => T | Promise<T>): Promise<T> {
    this.check();
    return this.#track(this.#order.hold(ready, () => this.#enter(call))) as Promise<T>;
  }

  /** Calls into the later part of the wasm, once that is loaded; later calls wait until then. Rejects with Unavailable. */
  whole<T>(call: (whole: Whole) => T | Promise<T>): T | Promise<T> {
    const whole = present();
    if (whole !== undefined) return this.call(() => call(whole));
    this.check();
    // planted: later-overtaken
    return this.hold(rest(), () => call(needed()));
  }

  /** The same of what reads: nothing waits for it, so it may see what was written after it was called. */
  async wholeAside<T>(call: (whole: Whole) => T | Promise<T>): Promise<T> {
    this.check();
    if (present() === undefined) await rest();
    return this.call(() => call(needed()));
  }

  /** Calls into wasm with a value, after reading its Blobs. */
  send<T>(value: Snapshot, call: () => T | Promise<T>): T | Promise<T> {
    return value.gaps === undefined ? this.call(call, WORK_WEIGHT) : this.hold(this.#filled(value), call);
  }

  /** Like {@link send}, but wasm reports the end through `done` instead of a promise. */
  tell<T>(value: Snapshot, call: (done: Done) => T): Promise<T> {
    this.check();
    const issue = () => (this.#host === undefined ? told(call) : this.#host.call(() => told(call)));
    return this.#track(
      value.gaps === undefined ? this.#order.run(issue) : this.#order.hold(this.#filled(value), issue),
      WORK_WEIGHT,
    ) as Promise<T>;
  }

  /** Runs user code on behalf of wasm. */
  inside<T>(callback: () => T): T {
    return this.#order.inside(callback);
  }

  /**
   * A call of several steps. `body` makes them through its own handle: outside of program order, and even after
   * this handle has ended.
   */
  steps<T>(body: (own: Handle) => Promise<T>): Promise<T> {
    this.check();
    const own = new Handle(this.#what, this.#order.beside(), this.place);
    return this.#track(body(own)) as Promise<T>;
  }

  /**
   * A handle for another program, with its own order. Its calls join this handle's order only once their values
   * are complete, so this handle's calls and end do not wait for those values.
   */
  guest(): Handle {
    const guest = new Handle(this.#what, this.#order.beside(), this.place);
    guest.#host = this;
    guest.atEnd(this.atEnd(() => guest.end()));
    return guest;
  }

  /** Makes later calls wait until `done` settles. */
  block(done: Promise<unknown>): void {
    this.#order.hold(done, () => {}).catch(() => {});
  }

  /** Calls `stop` when the handle ends. Returns a function that cancels this. */
  atEnd(stop: () => void): () => void {
    this.#ends.add(stop);
    return () => this.#ends.delete(stop);
  }

  /** Ends the handle: later calls throw Closed. */
  end(): void {
    this.#open = false;
    for (const stop of [...this.#ends]) stop();
    this.#ends.clear();
  }

  /** Resolves when no call is in progress. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #filled(value: Snapshot): Promise<void> {
    return new BlobReader(this.place).fill(value);
  }

  #enter<T>(call: () => T | Promise<T>): T | Promise<T> {
    return this.#host === undefined ? entered(call) : this.#host.call(call);
  }

  #track<T>(result: T | Promise<T>, weighs = 1): T | Promise<T> {
    const rest = breath(weighs);
    if (!(result instanceof Promise)) return rest === undefined ? result : rest.then(() => result);
    this.#underWay += 1;
    result.then(this.#ended, this.#ended);
    // Outside of a transaction, a promise resolves when the storage has answered, which is a later task anyway.
    return rest !== undefined && this.isTransaction ? result.then((value) => rest.then(() => value)) : result;
  }

  readonly #ended = (): void => {
    this.#underWay -= 1;
    if (this.#underWay > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  };
}

/** The result of `call`. A promise settles even if wasm traps. */
function entered<T>(call: () => T | Promise<T>): T | Promise<T> {
  const result = guarded(call);
  return result instanceof Promise ? settled(result) : result;
}
