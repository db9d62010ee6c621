import { PatchStoreError } from "../facade/index.js";

/** Opens what calls are made to. */
type Open<Target> = () => Promise<Target>;
type Call<Target, T> = (target: Target) => T | Promise<T>;

/**
 * The calls of a provider, in their order: each begins when those before it have begun, and behind one of several steps when that
 * has ended.
 */
export class Calls<Target> {
  readonly #open: Open<Target>;
  #tail: Promise<unknown> = Promise.resolve();
  #underWay = 0;
  #whenIdle: (() => void)[] = [];
  #isClosed = false;

  /** @param open called before each call: opens what is not open */
  constructor(open: Open<Target>) {
    this.#open = open;
  }

  /** Throws Closed after {@link end}. */
  check(): void {
    if (this.#isClosed) throw new PatchStoreError("Closed", "the persistence provider is closed");
  }

  /** A call that takes effect in the order in which it is made by itself: the engine keeps that. */
  single<T>(call: Call<Target, T>): Promise<T> {
    this.check();
    // (Those of one tail begin in the order in which they wait for it.)
    return this.#track(this.#tail.then(this.#open).then(call));
  }

  /** A call of several steps: later ones wait for its end. */
  whole<T>(call: Call<Target, T>): Promise<T> {
    const done = this.single(call);
    // planted: sds-unordered
    this.#tail = done.then(ignore, ignore);
    return done;
  }

  /** Refuses later calls, and waits for those that were made. */
  async end(): Promise<void> {
    this.#isClosed = true;
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #track<T>(result: Promise<T>): Promise<T> {
    this.#underWay += 1;
    const ended = () => {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    };
    result.then(ended, ended);
    return result;
  }
}

function ignore(): void {}
