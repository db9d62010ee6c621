import { isPromise } from "../facade/base/validate.js";
import { Down, Heartbeat, Up, type Failure } from "../facade/serve/protocol.js";
import { refsIn, revived as revivedRefs } from "../facade/serve/refs.js";
import { cloned, copy } from "./copy.js";
import { failure, invalid, revived } from "./failure.js";

/** The most rows in one message, so that a large batch does not block the host. */
const PART_ROWS = 1000;

type Change = (old: any) => unknown;

/** A call that waits for its answer. */
interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** For a call that asks: the function, and what it last returned, which is the result of a key's update. */
  readonly change?: Change | undefined;
  made?: unknown;
  /** The parts of the list that have arrived. */
  parts?: unknown[][];
}

/** Who hears of a watch. */
export interface Ear {
  hear(value: any): void;
  /** Hears why the watch has ended; without it, errors are reported and the watch goes on. */
  readonly end?: (error: unknown) => void;
  /** The parts of the next event that have arrived. */
  parts?: unknown[][];
}

export interface CallOptions {
  readonly change?: Change;
  readonly rows?: unknown[] | undefined;
  readonly transfer?: Transferable[] | undefined;
}

/** The connection to a host over one port, with its pending calls. */
export class Link {
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<number, Ear>();
  /** The marks of the documents that were the last ones of a result, and what they belong to. */
  readonly ends = new WeakMap<object, { readonly of: string | undefined; readonly mark: unknown }>();
  readonly #onHide = (event: Event) => (event as PageTransitionEvent).persisted || this.close();
  #lastId = 0;
  #beat: Heartbeat | undefined;
  #isOpen = true;
  /** Aborts when the connection ends. */
  readonly ended = new AbortController();
  /** Ends when a call that waits for its value has been issued. */
  #gate: Promise<void> | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.addEventListener("message", this.#hear);
    port.start();
    globalThis.addEventListener?.("pagehide", this.#onHide);
  }

  /** Throws Closed. */
  check(): void {
    if (!this.#isOpen) throw failure("Closed", "the connection is closed");
  }

  call(method: string, store: string | null, args: unknown[], options?: CallOptions): Promise<any> {
    const issue = () => this.#issue(method, store, args, options);
    return this.#gate === undefined ? issue() : this.#gate.then(issue);
  }

  /** Makes a call with what is given or, later, what the promise of it comes to: then later calls wait behind it. */
  async hold(method: string, store: string | null, given: unknown, argsOf: (made: unknown) => [args: unknown[], options?: CallOptions]): Promise<any> {
    if (!isPromise(given)) return this.call(method, store, ...argsOf(given));
    this.check();
    let answer: Promise<any> | undefined;
    const issued = Promise.all([given, this.#gate]).then(([made]) => {
      answer = this.#issue(method, store, ...argsOf(made));
      answer.catch(() => {});
    });
    const gate: Promise<void> = issued.catch(() => {}).then(() => {
      if (this.#gate === gate) this.#gate = undefined;
    });
    this.#gate = gate;
    await issued;
    return answer;
  }

  async #issue(method: string, store: string | null, args: unknown[], options: CallOptions = {}): Promise<any> {
    this.check();
    const id = ++this.#lastId;
    const { change, rows = [], transfer } = options;
    try {
      while (rows.length > PART_ROWS) this.#send([Up.Part, id, rows.splice(0, PART_ROWS)]);
      this.#send([Up.Call, id, method, store, args], transfer);
    } catch (error) {
      throw invalid(String(error));
    }
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, change }));
  }

  watch(method: string, store: string | null, args: unknown[], ear: Ear): () => void {
    this.check();
    const opened = this.#issue(method, store, args);
    const id = this.#lastId;
    this.#listeners.set(id, ear);
    opened.catch((error) => this.#listeners.delete(id) && run(ear.end ?? reportError, error));
    return () => {
      if (this.#listeners.delete(id)) this.#post([Up.Stop, id]);
    };
  }

  close(error: Error = failure("Closed", "the connection is closed")): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.ended.abort(error);
    this.#port.postMessage([Up.Close]);
    this.#port.close();
    this.#beat?.stop();
    removeEventListener("pagehide", this.#onHide);
    const ears = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const { end } of ears) if (end) run(end, error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** Posts a message with the references in it. */
  #send(message: unknown[], transfer?: Transferable[]): void {
    const refs = refsIn(message);
    this.#post(refs ? [...message, refs] : message, transfer);
  }

  #post(message: unknown[], transfer: Transferable[] = []): void {
    if (!this.#isOpen) return;
    this.#port.postMessage(message, transfer);
    this.#beat ??= new Heartbeat(
      () => this.#post([Up.Ping]),
      () => this.close(),
    );
  }

  readonly #hear = ({ data: [kind, id, sent, refs] }: MessageEvent<[Down, number, any, unknown]>) => {
    this.#beat?.heard();
    const value = revivedRefs(sent, refs);
    if (kind === Down.Ping) return this.#post([Up.Pong]);
    if (kind === Down.Close) return this.close(revived(value as Failure));
    const call = this.#pending.get(id);
    if (kind === Down.Old) return call && this.#change(id, call, value);
    const ear = this.#listeners.get(id);
    const taking: { parts?: unknown[][] } = call ?? ear ?? {};
    if (kind === Down.Part) return void (taking.parts ??= []).push(value);
    // Acknowledge before the caller learns of it: a call that it makes in response must not count one more in flight.
    this.#post([Up.Seen, id]);
    if (kind === Down.Event) return ear && run(ear.hear, value);
    this.#pending.delete(id);
    if (kind === Down.Result) call?.resolve(value === undefined && call.change ? call.made : call.parts ? call.parts.concat([value]).flat() : value);
    if (kind === Down.Error) {
      const error = revived(value as Failure);
      if (call) call.reject(error);
      else if (ear?.end) this.#listeners.delete(id) && run(ear.end, error);
      else if (ear) reportError(error);
    }
  };

  #change(id: number, call: Pending, old: unknown): void {
    try {
      const made: any = call.change?.(old);
      if (isPromise(made)) throw invalid("change must be synchronous: it returned a promise");
      const value = copy(made);
      call.made = cloned(value);
      this.#send([Up.Put, id, value]);
    } catch (error) {
      this.#pending.delete(id);
      this.#post([Up.Stop, id]);
      call.reject(error);
    }
  }
}

/** Calls what the user gave. An error that it throws goes to the realm's error handler only. */
function run(listener: (value: any) => void, value: unknown): void {
  try {
    listener(value);
  } catch (error) {
    reportError(error);
  }
}
