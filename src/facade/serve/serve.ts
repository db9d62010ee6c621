import { invalid } from "../base/errors.js";
import type { PatchPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import type { Grant } from "../base/types.js";
import { failureOf } from "./failure.js";
import { permitOf } from "./grant.js";
import { Down } from "./protocol.js";
import { part } from "../bridge/later.js";
import type { Session } from "./session.js";

interface Coming {
  isWanted: boolean;
}

/** The sandboxes that one handle of a patch serves. */
export class Sandboxes {
  readonly #sessions = new Set<Session>();
  /** Those whose code is being loaded. */
  readonly #coming = new Set<Coming>();
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
    const permit = permitOf(grant);
    let session: Session | undefined;
    // What arrives while the code is loaded waits in the port.
    const coming: Coming = { isWanted: true };
    this.#coming.add(coming);
    const begin = ({ Session }: typeof import("./later.js")): void => {
      session = new Session(handle, patch, port, permit, this.#sessions);
      // (It tells the sandbox.)
      if (!coming.isWanted) session.end();
    };
    part("serve.js", () => import("./later.js"))
      .then(begin)
      .catch((error: unknown) => {
        port.postMessage([Down.Close, 0, { ...failureOf(error), cause: undefined }]);
        port.close();
      })
      .finally(() => this.#coming.delete(coming));
    return { close: () => (session === undefined ? void (coming.isWanted = false) : session.end()) };
  }

  end(): void {
    globalThis.removeEventListener?.("pagehide", this.#onHide);
    for (const coming of this.#coming) coming.isWanted = false;
    for (const session of this.#sessions) session.end();
  }
}
