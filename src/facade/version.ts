import { abortable, throwIfAborted } from "./base/abort.js";
import { invalid } from "./base/errors.js";
import { describe } from "./base/names.js";
import { func } from "./base/options.js";
import { CallOrder } from "./base/order.js";
import type { Tx } from "./base/types.js";
import { BlobPlace } from "./bridge/blobs.js";
import { supersede, restore, type Engine } from "./bridge/engines.js";
import type { PatchPort, TransactionPort } from "./bridge/glue.js";
import { Handle } from "./bridge/handle.js";
import { needed, rest, type Whole } from "./bridge/rest.js";
import { guarded, settled } from "./bridge/trap.js";
import { RETRIES, runs } from "./stores/transaction.js";

type Migrate = (tx: Tx, from: number) => Promise<void>;

/** What a call of openPatch says of the data's shape. */
export interface Shape {
  readonly version: number | undefined;
  readonly migrate: Migrate | undefined;
}

/** What `PatchPort.declare` answers. */
const DECLARED = 0;
const LOWER = 1;

/** How long a migration waits for other tabs to end, ms. Those that run need less; the others hear of it when they do, and nothing of theirs counts. */
const GRACE_MS = 500;
const LOOK_MS = 20;

/** Checks the options of openPatch. */
export function shapeOf(version: unknown, migrate: unknown): Shape {
  if (version !== undefined && !(Number.isSafeInteger(version) && (version as number) > 0)) {
    throw invalid(`options.version must be a positive integer, not ${typeof version === "number" ? version : describe(version)}`);
  }
  if (migrate !== undefined) {
    func("options.migrate", migrate);
    if (version === undefined) throw invalid("options.migrate needs options.version, to which it migrates");
  }
  return { version, migrate } as Shape;
}

/**
 * Sees to it that the data of a patch that has just been opened are of the wanted version: migrates them, waits for whoever does,
 * or throws. From then on the engine ends where they become of another one. False where the patch is to be opened again: this
 * page has it open with another version.
 */
export async function agree(engine: Engine, port: PatchPort, shape: Shape, signal: AbortSignal | undefined): Promise<boolean> {
  const { version } = shape;
  /** False if the engine ends: it may have met the migration that leaves it behind. */
  const refresh = async () => {
    try {
      await settled(guarded(() => port.refresh()));
    } catch (error) {
      if (engine.isGone !== true) throw error;
    }
    return engine.isGone !== true;
  };
  if (engine.users > 1 && !(await refresh())) return false;
  for (;;) {
    throwIfAborted(signal);
    const { raising } = engine;
    if (raising !== undefined) {
      const failure = await abortable(raising.ended, signal);
      // What its caller has aborted says nothing to others.
      if (failure !== undefined && version === raising.version && !failure.isAborted) throw failure.error;
      if (failure !== undefined && engine.former !== undefined) return false;
      continue;
    }
    if (version === undefined) {
      return !guarded(() => port.isMarked()) || underLock(engine, "shared", signal, refresh);
    }
    if (engine.version !== undefined && engine.version < version) {
      supersede(engine);
      return false;
    }
    const found = guarded(() => port.declare(version, false));
    if (found === DECLARED) break;
    if (found === LOWER) {
      await raise(engine, port, { ...shape, version }, signal);
      continue;
    }
    // Some tab is migrating the data to a later version, or has died over it.
    const excuse = async () => (await refresh()) && guarded(() => port.declare(version, true)) === DECLARED;
    if (await underLock(engine, "shared", signal, excuse)) break;
    if (engine.isGone === true) return false;
  }
  engine.version = version;
  engine.former = undefined;
  return true;
}

/** Has the data migrated, once nobody else does. What others of this page wait for. */
async function raise(engine: Engine, port: PatchPort, shape: Shape & { version: number }, signal: AbortSignal | undefined): Promise<void> {
  let end!: (failure?: { error: unknown; isAborted: boolean }) => void;
  const ended = new Promise<{ error: unknown; isAborted: boolean } | undefined>((resolve) => (end = resolve));
  engine.raising = { version: shape.version, ended };
  try {
    // (Before others wait for the lock.)
    if (shape.migrate !== undefined) await abortable(rest(), signal);
    await underLock(engine, "exclusive", signal, () => raiseNow(engine, port, shape, signal));
    engine.raising = undefined;
    end();
  } catch (error) {
    engine.raising = undefined;
    restore(engine);
    end({ error, isAborted: signal?.aborted === true });
    throw error;
  }
}

async function raiseNow(engine: Engine, port: PatchPort, { version, migrate }: Shape & { version: number }, signal: AbortSignal | undefined) {
  await settled(guarded(() => port.refresh()));
  // Somebody else may have done it meanwhile.
  if (guarded(() => port.declare(version, false)) !== LOWER) return;
  if (migrate === undefined) {
    if (await settled(guarded(() => port.adopt(version)))) return;
    throw invalid(`the patch holds data of a version below ${version}: options.migrate is needed`);
  }
  const whole = needed();
  const attempt = await settled(guarded(() => whole(port).markLater(version)));
  if (attempt === 0) return;
  try {
    const former = await engine.former?.port;
    if (former !== undefined) await settled(guarded(() => former.refresh())).catch(ignore);
    await othersEnded(engine);
    throwIfAborted(signal);
    await run(engine, port, whole, version, migrate, signal);
  } catch (error) {
    await settled(guarded(() => whole(port).unmarkLater(attempt))).catch(ignore);
    throw error;
  }
}

/** Resolves when no other engine has the database open, or has had time to end. Every connection shares a Web Lock. */
async function othersEnded({ settings: { database, backend } }: Engine): Promise<void> {
  const locks = backend === "memory" ? undefined : globalThis.navigator?.locks;
  for (let waited = 0; locks !== undefined && waited < GRACE_MS; waited += LOOK_MS) {
    const { held = [] } = await locks.query().catch((): LockManagerSnapshot => ({}));
    if (held.filter(({ name }) => name === `patchstore:${database}`).length <= 1) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Says that another tab has done it. */
const DONE = Symbol("done");

async function run(engine: Engine, port: PatchPort, whole: Whole, version: number, migrate: Migrate, signal: AbortSignal | undefined): Promise<void> {
  const place = new BlobPlace(port, engine.settings.backend === "memory" && !port.isEncrypted());
  const handle = new Handle("the migration", new CallOrder(), place);
  const ends = {
    begin: (inTurn: boolean) => whole(port).beginMigrationLater(inTurn),
    commit: (transaction: TransactionPort) => whole(transaction).finishLater(version),
  };
  const work = async (tx: Tx, transaction: TransactionPort) => {
    const from = (await handle.call(() => whole(transaction).versionLater())) as number;
    if (from >= version) throw DONE;
    await migrate(tx, from);
  };
  try {
    await runs(handle, ends, work, RETRIES, signal);
  } catch (error) {
    if (error !== DONE) throw error;
  } finally {
    handle.end();
  }
}

/** Runs `work` under the lock of migrations: whoever migrates holds it alone. Where there are no Web Locks, at once. */
async function underLock<T>(
  { settings: { database, backend } }: Engine,
  mode: LockMode,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const { locks } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  if (backend === "memory" || locks === undefined) return work();
  let begun = false;
  const begin = () => {
    begun = true;
    return work();
  };
  try {
    return await locks.request(`patchstore migrate ${database}`, signal === undefined ? { mode } : { mode, signal }, begin);
  } catch (error) {
    throwIfAborted(signal);
    // Some contexts have no locks to give.
    if (begun) throw error;
    return work();
  }
}

function ignore(): void {}
