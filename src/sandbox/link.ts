import { Down, Heartbeat, Up, type Failure } from "../facade/serve/protocol.js";
import { copy } from "./copy.js";
import { failure, invalid, revived } from "./failure.js";

/** The most rows in one message, so that a large batch does not block the host. */
const PART_ROWS = 1000;

type Change = (old: any) => unknown;

/** A call that waits for its answer. */
interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** For an update: the function, and the last new value that it returned. */
  readonly change?: Change | undefined;
  made?: unknown;
  /** The parts of the list that have arrived. */
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
  readonly #listeners = new Map<number, (value: any) => void>();
  readonly #onHide = (event: Event) => (event as PageTransitionEvent).persisted || this.close();
  #lastId = 0;
  #beat: Heartbeat | undefined;
  #isOpen = true;

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

  async call(method: string, store: string | null, args: unknown[], options: CallOptions = {}): Promise<any> {
    this.check();
    const id = ++this.#lastId;
    const { change, rows = [], transfer } = options;
    try {
      while (rows.length > PART_ROWS) this.#post([Up.Part, id, rows.splice(0, PART_ROWS)]);
      this.#post([Up.Call, id, method, store, args], transfer);
    } catch (error) {
      throw invalid(String(error));
    }
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, change }));
  }

  watch(store: string | null, key: string, listener: (value: any) => void): () => void {
    this.check();
    const opened = this.call("kv.watch", store, [key]);
    const id = this.#lastId;
    this.#listeners.set(id, listener);
    opened.catch((error) => this.#listeners.delete(id) && reportError(error));
    return () => {
      if (this.#listeners.delete(id)) this.#post([Up.Stop, id]);
    };
  }

  close(error: Error = failure("Closed", "the connection is closed")): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#port.postMessage([Up.Close]);
    this.#port.close();
    this.#beat?.stop();
    removeEventListener("pagehide", this.#onHide);
    this.#listeners.clear();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #post(message: unknown[], transfer: Transferable[] = []): void {
    if (!this.#isOpen) return;
    this.#port.postMessage(message, transfer);
    this.#beat ??= new Heartbeat(
      () => this.#post([Up.Ping]),
      () => this.close(),
    );
  }

  readonly #hear = ({ data: [kind, id, value] }: MessageEvent<[Down, number, any]>) => {
    this.#beat?.heard();
    if (kind === Down.Ping) return this.#post([Up.Pong]);
    if (kind === Down.Close) return this.close(revived(value as Failure));
    const call = this.#pending.get(id);
    if (kind === Down.Old) return call && this.#change(id, call, value);
    if (kind === Down.Part) return call && void (call.parts ??= []).push(value);
    // Acknowledge before the caller learns of it: a call that it makes in response must not count one more in flight.
    this.#post([Up.Seen, id]);
    if (kind === Down.Event) return this.#tell(id, value);
    this.#pending.delete(id);
    if (kind === Down.Result) call?.resolve(call.change ? call.made : call.parts ? call.parts.concat([value]).flat() : value);
    if (kind === Down.Error) {
      const error = revived(value as Failure);
      if (call) call.reject(error);
      else if (this.#listeners.has(id)) reportError(error);
    }
  };

  #change(id: number, call: Pending, old: unknown): void {
    try {
      const made: any = call.change?.(old);
      if (typeof made?.then === "function") throw invalid("change must be synchronous: it returned a promise");
      const value = copy(made);
      call.made = structuredClone(value);
      this.#post([Up.Put, id, value]);
    } catch (error) {
      this.#pending.delete(id);
      this.#post([Up.Stop, id]);
      call.reject(error);
    }
  }

  #tell(id: number, value: unknown): void {
    try {
      this.#listeners.get(id)?.(value);
    } catch (error) {
      reportError(error);
    }
  }
}
