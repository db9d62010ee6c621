import { failureOf } from "./failure.js";
import type { KnownRefs } from "./known.js";
import { Down } from "./protocol.js";
import { refsIn } from "./refs.js";

/** Sends messages to one sandbox. A port whose other end is gone silently discards them. */
export class Outbox {
  readonly #port: MessagePort;
  readonly #known: KnownRefs;

  /** @param known is told of the references that are sent */
  constructor(port: MessagePort, known: KnownRefs) {
    this.#port = port;
    this.#known = known;
  }

  signal(kind: Down.Ping | Down.Pong): void {
    this.#port.postMessage([kind]);
  }

  /** Transfers the buffer if the whole value is an ArrayBuffer or a view of one: nothing else refers to it.
   *  Throws DataCloneError if the value cannot be cloned. */
  value(kind: Down.Result | Down.Old | Down.Event | Down.Part, id: number, value: unknown): void {
    const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
    const moved = buffer instanceof ArrayBuffer ? [buffer] : [];
    const refs = refsIn(value);
    if (refs) this.#known.add(refs);
    this.#port.postMessage(refs ? [kind, id, value, refs] : [kind, id, value], moved);
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
