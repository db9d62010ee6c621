import { failureOf } from "./failure.js";
import { Down } from "./protocol.js";

/** Sends messages to one sandbox. A port whose other end is gone silently discards them. */
export class Outbox {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  signal(kind: Down.Ping | Down.Pong): void {
    this.#port.postMessage([kind]);
  }

  /** Transfers the buffer if the whole value is an ArrayBuffer or a view of one: nothing else refers to it.
   *  Throws DataCloneError if the value cannot be cloned. */
  value(kind: Down.Result | Down.Old | Down.Event | Down.Part, id: number, value: unknown): void {
    const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
    const moved = buffer instanceof ArrayBuffer ? [buffer] : [];
    this.#port.postMessage([kind, id, value], moved);
  }

  error(kind: Down.Error | Down.Close, id: number, error: unknown): void {
    const failure = failureOf(error);
    try {
      this.#port.postMessage([kind, id, failure]);
    } catch {
      // Not every cause can be cloned.
      this.#port.postMessage([kind, id, { ...failure, cause: undefined }]);
    }
  }
}
