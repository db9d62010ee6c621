import { PatchStoreError } from "../base/errors.js";
import * as glue from "./glue.js";
import { init, laterWasm } from "./load.js";
import { notCompiled, wasmOf } from "./wasm.js";

/** Called with a port, it gives all of that, also what is in the later part of the wasm; and a function that is there. */
export interface Whole {
  readonly convertPort: typeof glue.convertPortLater;
  (port: glue.PatchPort): glue.WholePatchPort;
  (port: glue.TransactionPort): glue.WholeTransactionPort;
  (port: glue.OpLogPort): glue.WholeOpLogPort;
  (port: glue.ApplyPort): glue.WholeApplyPort;
}

/** How long it may take to load. */
const PATIENCE_MS = 30_000;

let loading: Promise<Whole> | undefined;
let there: Whole | undefined;
let failure: unknown;

/** The later part of the wasm, if it is there. */
export const present = (): Whole | undefined => there;

/** Loads the later part of the wasm, once. After a failure the next call tries again. Throws Unavailable, also where it takes too long: calls may wait behind this one. */
export function rest(): Promise<Whole> {
  loading ??= intime(load()).catch((error: unknown) => {
    // planted: later-once
    loading = undefined;
    failure = error;
    throw error;
  });
  return loading;
}

/** It is to be there: otherwise, why it could not be loaded. */
export function needed(): Whole {
  if (there === undefined) throw failure;
  return there;
}

function intime<T>(loaded: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new PatchStoreError("Unavailable", `the later part of the wasm could not be loaded within ${PATIENCE_MS} ms`));
    const timer = setTimeout(late, PATIENCE_MS);
    loaded.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function load(): Promise<Whole> {
  await init();
  const wasm = await (laterWasm?.() ?? wasmOf(new URL("patchstore_later_bg.wasm", import.meta.url)));
  // (One that came late, when another was asked for.)
  if (there !== undefined) return there;
  await glue.loadLater(wasm).catch((cause: unknown) => {
    throw notCompiled(" (its later part)", cause);
  });
  there = Object.assign((port: any) => port, { convertPort: glue.convertPortLater });
  return there;
}
