import { invalid } from "../errors.js";
import type { PatchPort } from "../glue.js";
import type { Handle } from "../handle.js";
import type { Grant } from "../types.js";
import { permitOf } from "./grant.js";
import { Session } from "./session.js";

/** The sandboxes that one handle on a patch serves. */
export class Sandboxes {
  readonly #sessions = new Set<Session>();

  /** Throws InvalidArgument, Closed. */
  serve(handle: Handle, patch: PatchPort, port: MessagePort, grant: Grant): { close(): void } {
    handle.check();
    if (!isPort(port)) throw invalid("serve needs a MessagePort");
    const permit = permitOf(grant);
    const session = new Session(handle, patch, port, permit, (ended) => {
      this.#sessions.delete(ended);
    });
    this.#sessions.add(session);
    return { close: () => session.end() };
  }

  end(): void {
    for (const session of [...this.#sessions]) session.end();
  }
}

function isPort(port: unknown): port is MessagePort {
  return (
    typeof port === "object" &&
    port !== null &&
    ["postMessage", "start", "close", "addEventListener"].every(
      (name) => typeof (port as Record<string, unknown>)[name] === "function",
    )
  );
}
