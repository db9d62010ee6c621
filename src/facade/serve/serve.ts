import { invalid } from "../base/errors.js";
import type { PatchPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import type { Grant } from "../base/types.js";
import { permitOf } from "./grant.js";
import { Session } from "./session.js";

/** The sandboxes that one handle of a patch serves. */
export class Sandboxes {
  readonly #sessions = new Set<Session>();
  /** A sandbox in a shared worker outlives the page and would otherwise wait for it. */
  readonly #onHide = (event: Event) => {
    if (!(event as PageTransitionEvent).persisted) this.end();
  };

  /** Throws InvalidArgument or Closed. */
  serve(handle: Handle, patch: PatchPort, port: MessagePort, grant: Grant): { close(): void } {
    handle.check();
    // `start` tells a MessagePort from a window or a worker.
    if (typeof (port as Partial<MessagePort> | null)?.start !== "function") throw invalid("serve needs a MessagePort");
    globalThis.addEventListener?.("pagehide", this.#onHide);
    const session = new Session(handle, patch, port, permitOf(grant), this.#sessions);
    return { close: () => session.end() };
  }

  end(): void {
    globalThis.removeEventListener?.("pagehide", this.#onHide);
    for (const session of this.#sessions) session.end();
  }
}
