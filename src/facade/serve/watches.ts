import type { KvStore } from "../stores/kv.js";
import { exceeded } from "./grant.js";
import { within } from "./inbox.js";
import type { Outbox } from "./outbox.js";
import { Down } from "./protocol.js";

const MAX_WATCHES = 256;
/** Of the events that the sandbox has not taken in yet, each counted as this much and its value. Above
 *  that it gets the last value only, once it has caught up. */
const MAX_UNSEEN_BYTES = 16 * 1024 * 1024;
const EVENT_BYTES = 64 * 1024;

interface Watch {
  stop(): void;
  /** The sizes of the events on their way. */
  readonly unseen: number[];
  late: { readonly value: unknown } | undefined;
}

/** What one sandbox watches. */
export class Watches {
  readonly #out: Outbox;
  readonly #maxBytes: number;
  readonly #open = new Map<number, Watch>();
  #unseenBytes = 0;

  /** @param maxBytes of an event: of what is larger, the sandbox gets the error, as it would if it asked for it. */
  constructor(out: Outbox, maxBytes: number) {
    this.#out = out;
    this.#maxBytes = maxBytes;
  }

  async add(id: number, kv: KvStore, key: string): Promise<void> {
    if (this.#open.size >= MAX_WATCHES) throw exceeded(`${MAX_WATCHES + 1} watches; the limit is ${MAX_WATCHES}`);
    const watch: Watch = { stop: () => undefined, unseen: [], late: undefined };
    watch.stop = kv.watch(key, (value) => this.#changed(id, watch, value));
    this.#open.set(id, watch);
  }

  #changed(id: number, watch: Watch, value: unknown): void {
    const { unseen } = watch;
    // A watch of which nothing is on its way would never be told to go on.
    const isBehind = this.#unseenBytes > MAX_UNSEEN_BYTES && unseen.length > 0;
    // Nor may a value overtake one that is late.
    if (isBehind || watch.late !== undefined) {
      watch.late = { value };
      return;
    }
    let bytes = EVENT_BYTES;
    try {
      bytes += within(value, this.#maxBytes);
      this.#out.value(Down.Event, id, value);
    } catch (error) {
      this.#out.error(Down.Error, id, error);
    }
    unseen.push(bytes);
    this.#unseenBytes += bytes;
  }

  /** The sandbox has taken in an event. */
  seen(id: number): void {
    const watch = this.#open.get(id);
    const bytes = watch?.unseen.shift();
    if (watch === undefined || bytes === undefined) return;
    this.#unseenBytes -= bytes;
    const { late } = watch;
    watch.late = undefined;
    if (late !== undefined) this.#changed(id, watch, late.value);
  }

  stop(id: number): void {
    const watch = this.#open.get(id);
    if (watch === undefined) return;
    watch.stop();
    this.#open.delete(id);
    for (const bytes of watch.unseen) this.#unseenBytes -= bytes;
  }

  end(): void {
    for (const id of [...this.#open.keys()]) this.stop(id);
  }
}
