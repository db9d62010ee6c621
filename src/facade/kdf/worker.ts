/** The worker in which keys are derived: says that it runs, derives one key, and is ended. */
import { derived, type Derivation } from "./derive.js";

const here = globalThis as unknown as {
  onmessage: (event: MessageEvent<Derivation>) => void;
  postMessage(message: unknown): void;
};
here.onmessage = ({ data }) => {
  derived(data).then(
    (key) => here.postMessage({ key }),
    (error: unknown) => here.postMessage({ why: String(error) }),
  );
};
here.postMessage({});
