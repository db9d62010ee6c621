/**
 * Derives keys from passphrases, in a worker where there can be one: a module of its own, loaded with the first passphrase.
 */
import { derived, type Derivation } from "./kdf/derive.js";

/** How long a worker may take to say that it runs, ms. Where its script is refused, some browsers say nothing. */
const START_MS = 5_000;
/** And to derive a key: that of the dearest slot takes seconds. Some browsers end a worker without a word. */
const DERIVE_MS = 120_000;

/**
 * The key: 32 bytes. The page goes on meanwhile; where no worker can be had (in service workers, in Node, or if the page's
 * Content-Security-Policy forbids it), it waits.
 */
export async function derive(derivation: Derivation): Promise<Uint8Array> {
  const worker = await running();
  if (worker === undefined) return derived(derivation);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no key within ${DERIVE_MS / 1000} s`)), DERIVE_MS);
      worker.onmessage = ({ data }: MessageEvent<{ key?: Uint8Array; why?: string }>) =>
        data.key ? resolve(data.key) : reject(new Error(data.why));
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(derivation);
    });
  } finally {
    clearTimeout(timer);
    // Its memory held the passphrase.
    worker.terminate();
  }
}

function running(): Promise<Worker | undefined> {
  if (typeof Worker !== "function") return Promise.resolve(undefined);
  let worker: Worker;
  try {
    worker = new Worker(new URL("kdf-worker.js", import.meta.url), { type: "module", name: "patchstore" });
  } catch {
    return Promise.resolve(undefined);
  }
  return new Promise((resolve) => {
    const give = (found: Worker | undefined): void => {
      clearTimeout(timer);
      if (found === undefined) worker.terminate();
      resolve(found);
    };
    const timer = setTimeout(give, START_MS, undefined);
    worker.onmessage = () => give(worker);
    worker.onerror = (event) => {
      event.preventDefault();
      give(undefined);
    };
  });
}
