import { abortable, throwIfAborted } from "../base/abort.js";
import { PatchStoreError } from "../base/errors.js";
import type { PatchPort, TransactionPort } from "../bridge/glue.js";
import { Handle } from "../bridge/handle.js";
import { func, known, signalOf, whole } from "../base/options.js";
import { CallOrder } from "../base/order.js";
import { Stores } from "./stores.js";
import type { Tx } from "../base/types.js";

export interface TransactionOptions {
  retries?: number;
  signal?: AbortSignal;
}

type Work<T> = (tx: Tx) => Promise<T>;

/** The result of one run. */
type Run<T> = { readonly committed: true; readonly result: T } | { readonly committed: false };

export const RETRIES = 10;
/** This many runs are optimistic. Later runs take a turn, and other writers wait for them. */
const UNHINDERED = 2;

/** How runs begin and end. */
export interface Ends {
  begin(inTurn: boolean): Promise<TransactionPort>;
  /** False: another commit touched what it read. */
  commit(run: TransactionPort): Promise<boolean>;
}

/** Runs `work` in transactions until one of them commits. */
export async function transact<T>(
  patch: Handle,
  port: PatchPort,
  work: Work<T>,
  options: TransactionOptions | undefined,
): Promise<T> {
  func("work", work);
  const given = known("options", options, ["retries", "signal"]);
  const retries = whole("options.retries", given.retries, RETRIES);
  const signal = signalOf("options.signal", given.signal);
  const ends = { begin: (inTurn: boolean) => port.begin(inTurn), commit: (run: TransactionPort) => run.commit() };
  return runs(patch, ends, work, retries, signal);
}

/** The same, for those who begin and end them in another way. */
export async function runs<T>(
  patch: Handle,
  ends: Ends,
  work: (tx: Tx, run: TransactionPort) => Promise<T>,
  retries: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let run = 0; run <= retries; run++) {
    throwIfAborted(signal);
    const inTurn = run >= UNHINDERED;
    const transaction = (await patch.call(() => ends.begin(inTurn))) as TransactionPort;
    const outcome = await runOnce(patch, transaction, ends, work, signal);
    if (outcome.committed) return outcome.result;
  }
  throw new PatchStoreError(
    "Conflict",
    `the transaction conflicted with other commits ${retries + 1} times; nothing was written`,
  );
}

async function runOnce<T>(
  patch: Handle,
  port: TransactionPort,
  ends: Ends,
  work: (tx: Tx, run: TransactionPort) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<Run<T>> {
  const handle = new Handle("the transaction", new CallOrder(), patch.place, patch);
  try {
    const result = await abortable(runWork(work, new Stores(handle, port), port), signal);
    // Calls that the work issued without awaiting belong to the transaction too.
    await handle.idle();
    throwIfAborted(signal);
    const committed = await patch.call(() => {
      handle.end();
      return ends.commit(port);
    });
    return committed ? { committed: true, result } : { committed: false };
  } catch (error) {
    // The snapshot was removed during the run, so the error says nothing about the work: retry.
    if (port.isDoomed()) return { committed: false };
    throw error;
  } finally {
    handle.end();
    port.abandon();
  }
}

async function runWork<T>(work: (tx: Tx, run: TransactionPort) => Promise<T>, tx: Tx, run: TransactionPort): Promise<T> {
  return work(tx, run);
}
