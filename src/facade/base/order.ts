/**
 * Keeps calls in program order.
 *
 * A call normally enters wasm synchronously. A call whose value is not complete yet (Blobs are
 * read asynchronously, large batches in slices) holds the gate, and every later call waits
 * behind it, in order.
 */
export class CallOrder {
  #tail: Promise<unknown> | undefined;
  #inside = false;
  #main: CallOrder | undefined;

  /** An independent order: its calls do not wait for this one's. User code that runs inside it is inside both. */
  beside(): CallOrder {
    const order = new CallOrder();
    order.#main = this;
    return order;
  }

  /** Runs `call` now, or in its turn if the gate is held. */
  run<T>(call: () => T | Promise<T>): T | Promise<T> {
    // A callback that runs inside wasm may make calls: they wait until wasm has returned.
    if (this.#inside) return this.hold(Promise.resolve(), call);
    return this.#tail === undefined ? call() : this.#enqueue(call);
  }

  /** Holds the gate until `ready`, then runs `call`; when `ready` fails, `call` never runs. */
  hold<T>(ready: Promise<unknown>, call: () => T | Promise<T>): Promise<T> {
    ready.catch(ignore);
    // Later calls wait until `call` is issued, not until it settles.
    return this.#enqueueIssued(async () => {
      await ready;
      return { result: call() };
    });
  }

  /** Runs user code on behalf of wasm, which is still on the stack. */
  inside<T>(callback: () => T): T {
    const outer = this.#inside;
    this.#inside = true;
    try {
      return this.#main === undefined ? callback() : this.#main.inside(callback);
    } finally {
      this.#inside = outer;
    }
  }

  #enqueue<T>(call: () => T | Promise<T>): Promise<T> {
    return this.#enqueueIssued(() => ({ result: call() }));
  }

  async #enqueueIssued<T>(
    issue: () => { result: T | Promise<T> } | Promise<{ result: T | Promise<T> }>,
  ): Promise<T> {
    const before = this.#tail;
    const issued = before === undefined ? Promise.resolve().then(issue) : before.then(issue);
    const tail: Promise<unknown> = issued.then(ignore, ignore).then(() => {
      if (this.#tail === tail) this.#tail = undefined;
    });
    this.#tail = tail;
    return (await issued).result;
  }
}

function ignore(): void {}
