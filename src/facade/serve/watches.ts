import type { KvStore } from "../stores/kv.js";
import { exceeded } from "./grant.js";
import { within } from "./inbox.js";
import type { Outbox } from "./outbox.js";
import { Down } from "./protocol.js";

const MAX_WATCHES = 256;
/** The limit for unacknowledged events. Each counts as EVENT_BYTES plus its value. Above the limit the sandbox
 *  gets only the latest value, once it has caught up. */
const MAX_UNSEEN_BYTES = 16 * 1024 * 1024;
const EVENT_BYTES = 64 * 1024;

interface Watch {
  stop(): void;
  /** The sizes in bytes of the unacknowledged events, oldest first. */
  readonly unseen: number[];
  late: { readonly value: unknown } | undefined;
}

/** The watches of one sandbox. */
export class Watches {
  readonly #out: Outbox;
  readonly #maxBytes: number;
  readonly #open = new Map<number, Watch>();
  #unseenBytes = 0;

  /** @param maxBytes the largest event; for a larger value the sandbox gets the error that a read would give it */
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
    // A watch without unacknowledged events would never resume, so it is never held back.
    const isBehind = this.#unseenBytes > MAX_UNSEEN_BYTES && unseen.length > 0;
    // A value must not overtake one that is held back.
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

  /** Handles the sandbox's acknowledgement of an event. */
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
