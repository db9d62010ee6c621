/**
 * The messages between a sandbox and its host: arrays that begin with one of these numbers, in most
 * cases followed by the id of a call. docs/architecture/facade-and-sandboxes.md describes the whole protocol.
 */

/** From the sandbox. */
export const enum Up {
  /** id, method, store (null: the node's own store), arguments. Ids ascend. */
  Call = 0,
  /** id of a later call, rows of its batch. */
  Part = 1,
  /** id of a call that asks, the answer. To an update or a modify: the new value, undefined deletes; to a write that is checked: what to store
   *  for each document. */
  Put = 2,
  /** id of a watch, or of a call that asks, to stop. */
  Stop = 3,
  /** id of the answer or event that is acknowledged. */
  Seen = 4,
  Ping = 5,
  Pong = 6,
  Close = 7,
}

/** From the host. */
export const enum Down {
  /** id, what the call resolves to. */
  Result = 0,
  /** id (0 if unknown; for a watch this replaces an event), a {@link Failure}. */
  Error = 1,
  /** id of a call that asks: the old value, or the documents that would be stored, without `_id`, `_created` and `_updated`. */
  Old = 2,
  /** id of a watch, the value. */
  Event = 3,
  /** id, leading items of the list that the call resolves to; the result has the rest. */
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
  readonly ids?: unknown;
  readonly issues?: unknown;
}

const TICK_MS = 10_000;
/** Counted in this side's own ticks, so that a side which was itself frozen does not count that time as silence. */
const MISSED_TICKS = 6;

/**
 * Detects that the other end is gone, since a port has no event for that. Calls `ask` on every tick, and `gone`
 * after about a minute without any message. Call `heard` on every message.
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
