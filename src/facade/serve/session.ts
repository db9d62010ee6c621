import { closed, invalid } from "../base/errors.js";
import type { PatchPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { page } from "../stores/iterate.js";
import type { KvStore } from "../stores/kv.js";
import type { DocWrites } from "../stores/writes.js";
import { key } from "../base/names.js";
import { rangeOf } from "../values/ranges.js";
import { nextTask } from "../base/task.js";
import { exchange, slotOf } from "../stores/update.js";
import type { FindOptions, Query } from "../base/types.js";
import { SandboxContents } from "./contents.js";
import { exceeded, type Permit } from "./grant.js";
import { Inbox, within, type Call } from "./inbox.js";
import { KnownRefs } from "./known.js";
import { Outbox } from "./outbox.js";
import { Down, Heartbeat, Up } from "./protocol.js";
import { Rooms } from "./rooms.js";
import { Watches } from "./watches.js";
import { weigh } from "./weigh.js";

/** No further read begins while this many run, or while this many bytes of answers are unacknowledged. */
const MAX_READS = 16;
const MAX_UNSEEN_BYTES = 64 * 1024 * 1024;
/** Most items of a list in one message. */
const PART_ITEMS = 2000;

const NO_MESSAGE = "not a message of this protocol";

/** A write that waits for the sandbox to send what is to be stored. */
interface Turn {
  readonly id: number;
  /** How many documents were asked of; undefined: one value. */
  readonly count: number | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * The host's end of one sandbox's port. Calls run in the order of arrival. Nothing that arrives over
 * the port is trusted.
 */
export class Session {
  readonly #port: MessagePort;
  readonly #handle: Handle;
  readonly #permit: Permit;
  /** The limit for an answer, an event, and the old value of an update. */
  readonly #maxBytes: number;
  readonly #out: Outbox;
  readonly #inbox: Inbox;
  readonly #watches: Watches;
  readonly #known = new KnownRefs();
  readonly #contents: SandboxContents;
  readonly #peers: Set<Session>;
  readonly #queue: Call[] = [];
  #reads = 0;
  /** While a call runs that asks the sandbox, every later call waits. */
  #updating = false;
  #turn: Turn | undefined;
  #beat: Heartbeat | undefined;
  #isOpen = true;

  constructor(
    handle: Handle,
    patch: PatchPort,
    port: MessagePort,
    permit: Permit,
    peers: Set<Session>,
  ) {
    this.#port = port;
    this.#handle = handle.guest();
    this.#permit = permit;
    this.#maxBytes = Math.max(MAX_UNSEEN_BYTES, permit.maxValueBytes);
    this.#peers = peers;
    peers.add(this);
    this.#out = new Outbox(port, this.#known);
    this.#inbox = new Inbox(permit, new Rooms(this.#handle, patch, permit), this.#known);
    this.#contents = new SandboxContents(this.#handle, patch, permit);
    this.#watches = new Watches(this.#out, this.#maxBytes);
    port.addEventListener("message", this.#hear);
    port.start();
  }

  /** Tells the sandbox and releases everything. Idempotent. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#beat?.stop();
    this.#port.removeEventListener("message", this.#hear);
    this.#out.error(Down.Close, 0, closed("the connection"));
    this.#port.close();
    this.#watches.end();
    this.#contents.end();
    this.#handle.end();
    this.#inbox.end();
    this.#queue.length = 0;
    this.#turn?.reject(closed("the connection"));
    this.#peers.delete(this);
  }

  readonly #hear = ({ data }: MessageEvent<unknown>): void => {
    // The heartbeat begins with the first message, since a sandbox may be slow to start.
    this.#beat ??= new Heartbeat(
      () => this.#out.signal(Down.Ping),
      () => this.end(),
    );
    this.#beat.heard();
    const message: readonly unknown[] = Array.isArray(data) ? data : [];
    try {
      this.#take(message);
    } catch (error) {
      const id = message[1] as number;
      this.#out.error(Down.Error, Number.isSafeInteger(id) ? id : 0, error);
    }
  };

  #take(message: readonly unknown[]): void {
    const [kind, id] = message as [unknown, number];
    switch (kind) {
      case Up.Ping:
        return this.#out.signal(Down.Pong);
      case Up.Pong:
        return;
      case Up.Close:
        return this.end();
    }
    // From here on the id is well-formed, though it need not refer to anything.
    if (!Number.isSafeInteger(id)) throw invalid(NO_MESSAGE);
    switch (kind) {
      case Up.Call:
        this.#queue.push(this.#inbox.admit(message));
        return this.#pump();
      case Up.Part:
        return this.#inbox.addPart(id, message[2], message[3]);
      case Up.Put:
        return this.#put(id, message[2], message[3]);
      case Up.Stop:
        return this.#stop(id);
      case Up.Seen:
        if (this.#inbox.seen(id)) this.#pump();
        else this.#watches.seen(id);
        return;
      default:
        throw invalid(NO_MESSAGE);
    }
  }

  #put(id: number, value: unknown, refs: unknown): void {
    const turn = this.#turn;
    if (turn?.id !== id) throw invalid(NO_MESSAGE);
    this.#turn = undefined;
    try {
      if (turn.count !== undefined && (!Array.isArray(value) || value.length !== turn.count)) throw invalid(NO_MESSAGE);
      const most = this.#permit.maxValueBytes;
      if (turn.count === undefined) within(value, most);
      else for (const each of value as unknown[]) within(each, most);
      turn.resolve(this.#known.admit(value, refs));
    } catch (error) {
      turn.reject(error);
    }
  }

  #stop(id: number): void {
    const waiting = this.#queue.find((call) => call.id === id);
    if (waiting !== undefined) waiting.isWanted = false;
    const turn = this.#turn;
    if (turn?.id === id) {
      this.#turn = undefined;
      turn.reject(closed("the update"));
    }
    this.#watches.stop(id);
  }

  /** Starts the queued calls that may run now. */
  #pump(): void {
    while (!this.#updating) {
      const call = this.#queue[0];
      if (call === undefined) return;
      const isRead = !call.method.writes;
      if (isRead && (this.#reads >= MAX_READS || this.#inbox.unseenBytes > MAX_UNSEEN_BYTES)) return;
      this.#queue.shift();
      if (isRead) this.#reads += 1;
      const isUpdate = asks(call);
      this.#updating = isUpdate;
      void this.#answer(call).then(() => {
        if (isRead) this.#reads -= 1;
        if (isUpdate) this.#updating = false;
        if (this.#isOpen) this.#pump();
      });
    }
  }

  async #answer(call: Call): Promise<void> {
    const { id } = call;
    try {
      const result = call.isWanted ? await this.#run(call) : undefined;
      if (!this.#isOpen) return;
      this.#inbox.answered(id, await this.#send(id, result));
    } catch (error) {
      if (!this.#isOpen) return;
      this.#inbox.answered(id, 0);
      this.#out.error(Down.Error, id, error);
    }
  }

  /** Sends an answer and returns its weight in bytes. A long list goes in parts, so that no single task is long. */
  async #send(id: number, result: unknown): Promise<number> {
    const most = this.#maxBytes;
    let bytes = 0;
    // Weigh before sending: a transferred buffer has length 0.
    const weighed = (part: unknown) => {
      bytes += weigh(part, most - bytes);
      if (bytes > most) throw exceeded(`an answer of at least ${bytes} bytes; the limit is ${most}: ask for it in parts (limit, iterate)`);
      return part;
    };
    let at = 0;
    if (Array.isArray(result)) {
      for (; result.length - at > PART_ITEMS; at += PART_ITEMS) {
        this.#out.value(Down.Part, id, weighed(result.slice(at, at + PART_ITEMS)));
        await nextTask();
        if (!this.#isOpen) return bytes;
      }
    }
    this.#out.value(Down.Result, id, weighed(at > 0 ? (result as unknown[]).slice(at) : result));
    return bytes;
  }

  /** Issues the call to the store before returning. */
  #run({ id, room, method, args }: Call): unknown {
    const [first] = args;
    if (method.kind === "db" && method.name === "watch") {
      const [, query, options, mark] = args as [unknown, object, object, unknown];
      return this.#watches.addLive(id, (ear) => room.db.live(first as string, query, options, () => ear, mark));
    }
    if (method.kind === "blobs") return this.#contents.run(method.name, args);
    if (method.kind === "kv") {
      switch (method.name) {
        case "page":
          return page(this.#handle, room.kvPort, rangeOf(first as object));
        case "getMany":
          return getMany(room.kv, first);
        case "watch":
          return this.#watches.add(id, room.kv, first as string);
        case "update":
          return exchange(this.#handle, slotOf(room.kvPort, key(first)), (old) => this.#ask(id, old)).then(() => {});
      }
    }
    if (method.name === "modify") {
      return room.writes.exchange(first as string, args[1] as string, (old) => this.#ask(id, old));
    }
    if (method.mayCheck) return this.#check(id, room.writes, method.name, args.slice(0, method.arity - 1), asks({ method, args }));
    if (method.name === "drop") return room.db.drop(first as string, this.#permit.define);
    const { finder } = room.db;
    const [collection, query, options, mark] = args as [string, Query | undefined, FindOptions | undefined, unknown];
    switch (method.kind === "db" && method.name) {
      case "find":
        return finder.marked(collection, query, options, { mark, page: false });
      case "findOne":
        return finder.marked(collection, query, options, { mark, page: false }, 1);
      case "page":
        return finder.marked(collection, query, options, { mark, page: true });
    }
    // The name comes from the method table, not from the sandbox.
    const store = room[method.kind as "kv" | "db"] as unknown as Record<string, (...args: unknown[]) => unknown>;
    return store[method.name]?.(...args);
  }

  #check(id: number, writes: DocWrites, name: string, args: unknown[], isChecked: boolean): unknown {
    const check = isChecked ? { later: (docs: object[]) => this.#ask(id, docs, docs.length) } : undefined;
    // (Options that were left out have their place, so that the check comes behind them.)
    args.length = name === "upsert" ? 3 : 4;
    return (writes as unknown as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args, check);
  }

  /** What the sandbox makes of what would be changed or stored. */
  #ask(id: number, old: unknown, count?: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) throw closed("the connection");
      within(old, this.#maxBytes);
      this.#out.value(Down.Old, id, old);
      this.#turn = { id, count, resolve, reject };
    });
  }
}

/** Whether a call asks the sandbox while it runs. */
function asks({ method: { kind, name, mayCheck, arity }, args }: Pick<Call, "method" | "args">): boolean {
  return name === (kind === "kv" ? "update" : "modify") || (mayCheck && args[arity - 1] === true);
}

/** Reads each distinct key once, so that a short list that repeats a key does not make a huge answer. */
async function getMany(kv: KvStore, keys: unknown): Promise<unknown[]> {
  if (!Array.isArray(keys)) return kv.getMany(keys as string[]);
  const each = [...new Set<string>(keys)];
  const values = await kv.getMany(each);
  const found = new Map(each.map((key, at) => [key, values[at]]));
  return keys.map((key) => found.get(key));
}
