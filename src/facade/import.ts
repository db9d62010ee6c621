import { BlobReader } from "./bridge/blobs.js";
import { invalid, PatchStoreError } from "./base/errors.js";
import type { KvPort, PatchPort } from "./bridge/glue.js";
import type { Handle } from "./bridge/handle.js";
import { databasePart, key, name } from "./base/names.js";
import { func, known, oneOf } from "./base/options.js";
import type { Found } from "./plain.js";
import { pushRows, type Row } from "./bridge/slices.js";
import type { ErrorCode, ImportOptions, Scope } from "./base/types.js";
import { snapshot } from "./values/values.js";

/** How much one commit holds, in units of encoded text. */
const COMMIT_UNITS = 4 * 1024 * 1024;

/** A value of the source, ready to be stored. */
interface Item extends Row {
  readonly to: KvPort;
}

/** Copies the contents of a database in the plain layout into the patch. */
export async function importPlain(
  handle: Handle,
  port: PatchPort,
  databaseName: string,
  options: ImportOptions | undefined,
): Promise<{ imported: number; kept: number }> {
  const database = databasePart("databaseName", databaseName);
  const given = known("options", options, ["keyFormat", "scope", "reader"]);
  const format = oneOf("options.keyFormat", given.keyFormat, ["length-prefixed", "colon"], "length-prefixed");
  if (given.scope !== undefined) func("options.scope", given.scope);
  handle.check();
  const { open } = (given.reader as typeof import("./plain.js")) ?? (await theReader());
  const source = await open(database, format).catch(refuse);
  try {
    const target = targets(handle, port, given.scope ?? ((store) => ({ name: store })));
    let [imported, seen] = [0, 0];
    // The first pass checks everything; the second writes.
    for (const isWriting of [false, true]) {
      source.rewind();
      let batch: Item[] = [];
      for (let units = 0, waiting = 0; ; ) {
        handle.check();
        const found = await source.next(units).catch(refuse);
        const items = found.map((each) => itemOf(each, target));
        units = items.reduce((sum, { encoded }) => sum + encoded.length, 0);
        waiting += units;
        if (isWriting) {
          batch.push(...items);
          if (batch.length > 0 && (waiting >= COMMIT_UNITS || found.length === 0)) {
            imported += await add(handle, batch);
            seen += batch.length;
            [batch, waiting] = [[], 0];
          }
        }
        if (found.length === 0) break;
      }
    }
    return { imported, kept: seen - imported };
  } finally {
    source.close();
  }
}

async function theReader(): Promise<typeof import("./plain.js")> {
  try {
    return await import("./plain.js");
  } catch (cause) {
    return refuse(["Unavailable", `plain.js could not be loaded: ${String(cause)}`, cause]);
  }
}

function refuse(refusal: unknown): never {
  const [code, message, cause] = (
    Array.isArray(refusal) ? refusal : ["Internal", String(refusal), refusal]
  ) as [ErrorCode, string, unknown];
  throw new PatchStoreError(code, message, { cause });
}

/** Adds the items whose keys do not exist yet, in one commit. Returns how many. */
async function add(handle: Handle, items: readonly Item[]): Promise<number> {
  const blobs = new BlobReader(handle.place);
  for (const item of items) if (item.gaps !== undefined) await blobs.fill(item);
  const [first] = items as [Item];
  const batch = handle.now(() => first.to.batch());
  try {
    // Adjacent items mostly go to the same store.
    for (let from = 0, until = 0; from < items.length; from = until) {
      const { to } = items[from] as Item;
      while (items[until]?.to === to) until += 1;
      handle.now(() => batch.turnTo(to));
      pushRows(batch, items.slice(from, until));
    }
    return (await handle.call(() => batch.commitNew())) as number;
  } finally {
    batch.free();
  }
}

function itemOf([store, at, value, where]: Found, target: (store: string) => KvPort): Item {
  const to = target(store);
  try {
    return { key: key(at, `the key in ${where}`), to, ...snapshot(value) };
  } catch (error) {
    const { code, path, cause, message } = error as PatchStoreError;
    if (code !== "NotStorable") throw error;
    throw new PatchStoreError(code, `${message}, under ${where}`, { path, cause });
  }
}

/** Maps stores of the source to stores of the patch. Calls `scope` once for each. */
function targets(
  handle: Handle,
  port: PatchPort,
  scope: (store: string) => Scope,
): (store: string) => KvPort {
  const known = new Map<string, KvPort>();
  return (store) => {
    let to = known.get(store);
    if (to === undefined) {
      const what = `the scope of the store ${JSON.stringify(store)}`;
      let given: { node?: unknown; name?: unknown };
      try {
        given = scope(store);
      } catch (cause) {
        throw new PatchStoreError("InvalidArgument", `${what}: options.scope threw ${String(cause)}`, { cause });
      }
      const isNode = given?.node !== undefined;
      if (isNode === (given?.name !== undefined)) throw invalid(`${what} must be {node} or {name}`);
      const n = name(isNode ? given.node : given.name, what);
      to = handle.now(() => port.kv(n, isNode));
      known.set(store, to);
    }
    return to;
  };
}
