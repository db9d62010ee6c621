import { nextTask } from "../base/task.js";
import type { KvStore } from "../stores/kv.js";
import type { Ear, LiveQuery } from "../stores/live.js";
import { exceeded } from "./grant.js";
import { within } from "./inbox.js";
import { weigh } from "./weigh.js";
import type { Outbox } from "./outbox.js";
import { Down } from "./protocol.js";

const MAX_WATCHES = 256;
/** The limit for unacknowledged events. Each counts as EVENT_BYTES plus its value. Above the limit the sandbox
 *  gets only the latest value, once it has caught up. */
const MAX_UNSEEN_BYTES = 16 * 1024 * 1024;
const EVENT_BYTES = 64 * 1024;
/** Most documents of a live query in one message. */
const PART_ITEMS = 2000;
/** The limit for what live queries have found last, all together: the engine keeps it. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;

interface Watch {
  stop(): void;
  /** The sizes in bytes of the unacknowledged events, oldest first. */
  readonly unseen: number[];
  late: { readonly value: unknown } | undefined;
  /** Of a live query, and the size in bytes of the result that it told last. */
  live?: LiveQuery;
  heldBytes: number;
  /** Results that are being sent, one after the other, and how many. */
  sent: Promise<void>;
  sending: number;
}

/** The watches of one sandbox. */
export class Watches {
  readonly #out: Outbox;
  readonly #maxBytes: number;
  readonly #open = new Map<number, Watch>();
  #unseenBytes = 0;
  #heldBytes = 0;

  /** @param maxBytes the largest event; for a larger value the sandbox gets the error that a read would give it */
  constructor(out: Outbox, maxBytes: number) {
    this.#out = out;
    this.#maxBytes = maxBytes;
  }

  async add(id: number, kv: KvStore, key: string): Promise<void> {
    const watch = this.#new();
    watch.stop = kv.watch(key, (value) => this.#changed(id, watch, value));
    this.#open.set(id, watch);
  }

  /** @param begin begins a live query, which tells nothing before it returns */
  async addLive(id: number, begin: (ear: Ear) => LiveQuery): Promise<void> {
    const watch = this.#new();
    const live = begin({
      result: (...told) => {
        live.pause();
        watch.sending += 1;
        watch.sent = watch.sent.then(() => this.#found(id, watch, told));
      },
      end: (error) => this.#fail(id, error),
    });
    Object.assign(watch, { live, stop: live.stop });
    this.#open.set(id, watch);
  }

  #new(): Watch {
    if (this.#open.size >= MAX_WATCHES) throw exceeded(`${MAX_WATCHES + 1} watches; the limit is ${MAX_WATCHES}`);
    return { stop: () => undefined, unseen: [], late: undefined, heldBytes: 0, sent: Promise.resolve(), sending: 0 };
  }

  /** Ends a live query, of which the sandbox would miss something. */
  #fail(id: number, error: unknown): void {
    if (!this.#open.has(id)) return;
    this.stop(id);
    this.#out.error(Down.Error, id, error);
  }

  /** Sends a result in parts, so that no single task is long; nothing more is told meanwhile, nor while the sandbox lags behind. */
  async #found(id: number, watch: Watch, [docs, added, changed, removed]: Parameters<Ear["result"]>): Promise<void> {
    const items = docs.concat(removed);
    let bytes = 0;
    let at = 0;
    const part = (until: number): unknown[] => {
      const some = items.slice(at, until);
      bytes += weigh(some, this.#maxBytes - bytes);
      if (bytes > this.#maxBytes) throw exceeded(`a result of at least ${bytes} bytes; the limit is ${this.#maxBytes}`);
      at = until;
      return some;
    };
    try {
      while (items.length - at > PART_ITEMS) {
        this.#out.value(Down.Part, id, part(at + PART_ITEMS));
        await nextTask();
        if (!this.#open.has(id)) return;
      }
      const last = part(items.length);
      this.#hold(watch, bytes);
      this.#out.value(Down.Event, id, [last, docs.length, added, changed]);
    } catch (error) {
      return this.#fail(id, error);
    }
    watch.sending -= 1;
    watch.unseen.push(bytes + EVENT_BYTES);
    this.#unseenBytes += bytes + EVENT_BYTES;
    this.#resume(watch);
  }

  #hold(watch: Watch, bytes: number): void {
    this.#heldBytes += bytes - watch.heldBytes;
    watch.heldBytes = bytes;
    if (this.#heldBytes > MAX_HELD_BYTES) throw exceeded(`the results of all watches: ${this.#heldBytes} bytes; the limit is ${MAX_HELD_BYTES}`);
  }

  #isBehind({ unseen }: Watch): boolean {
    // A watch without unacknowledged events would never resume, so it is never held back.
    return this.#unseenBytes > MAX_UNSEEN_BYTES && unseen.length > 0;
  }

  #resume(watch: Watch): void {
    if (watch.sending === 0 && !this.#isBehind(watch)) watch.live?.resume();
  }

  #changed(id: number, watch: Watch, value: unknown): void {
    const { unseen } = watch;
    // A value must not overtake one that is held back.
    if (this.#isBehind(watch) || watch.late !== undefined) {
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
    this.#resume(watch);
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
    this.#heldBytes -= watch.heldBytes;
  }

  end(): void {
    for (const id of [...this.#open.keys()]) this.stop(id);
  }
}
