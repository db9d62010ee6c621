/**
 * What goes over the port between a sandbox and its host: arrays that begin with one of these
 * numbers, most of them followed by the id of a call. docs/architecture/facade-and-sandboxes.md has the whole protocol.
 */

/** From the sandbox. */
export const enum Up {
  /** id, method, store (null: the node's own), arguments. Ids ascend. */
  Call = 0,
  /** id of a call that is yet to come, rows of its batch. */
  Part = 1,
  /** id of an update, the new value; undefined deletes. */
  Put = 2,
  /** id of a watch or an update that is wanted no more. */
  Stop = 3,
  /** id of the answer or event that was taken in. */
  Seen = 4,
  Ping = 5,
  Pong = 6,
  Close = 7,
}

/** From the host. */
export const enum Down {
  /** id, what the call resolves to. */
  Result = 0,
  /** id (0 where it cannot be known; or of a watch, in place of an event), a {@link Failure}. */
  Error = 1,
  /** id of an update, the value to be changed. */
  Old = 2,
  /** id of a watch, the value. */
  Event = 3,
  /** id, items of the list that the call resolves to; the rest is its result. */
  Part = 4,
  Ping = 5,
  Pong = 6,
  Close = 7,
}

/** A PatchStoreError in a form that can be cloned. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly path?: unknown;
  readonly usage?: unknown;
  readonly quota?: unknown;
  readonly cause?: unknown;
}

const TICK_MS = 10_000;
/** Of this side's own ticks: a side that was frozen itself has not heard nothing meanwhile. */
const MISSED_TICKS = 6;

/**
 * Nothing tells a port that its other end has gone: asks, and calls `gone` after about a minute in
 * which there was no message at all. To be told of every message.
 */
export class Heartbeat {
  #missed = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(ask: () => void, gone: () => void) {
    this.#timer = setInterval(() => (this.#missed++ < MISSED_TICKS ? ask() : gone()), TICK_MS);
  }

  heard(): void {
    this.#missed = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
