import { nowMs } from "../base/clock.js";
import { invalid, isPatchStoreError, PatchStoreError } from "../base/errors.js";
import { crossing, describe, key } from "../base/names.js";
import type { Expiry, ImportedLines, KV } from "../base/types.js";
import type { Exported } from "../lines/export.js";
import { LineError, type Row, type Sink } from "../lines/import.js";
import type { OnConflict } from "../lines/options.js";
import { rangeOf } from "../values/ranges.js";
import type { Atomic } from "./atomic.js";
import { counts, tried } from "./doc-lines.js";

type Pair = { readonly key: string; readonly value: unknown; readonly expires: number | undefined };
type PairRow = Row<Pair>;

/** The pairs of a store, for lines. */
export async function* pairs(atomic: Atomic): AsyncGenerator<Exported, void, undefined> {
  const all = rangeOf(undefined);
  for (let range = all; ; ) {
    const { entries, expires } = await atomic.kv((kv) => kv.dated(range));
    const last = entries.at(-1);
    if (last === undefined) return;
    range = { ...all, gt: crossing(last[0]) };
    for (const [at, [key, value]] of entries.entries()) {
      const ms = expires[at] as number;
      yield [ms === Infinity ? { key, value } : { key, value, expires: ms }, `the key ${JSON.stringify(key)}`];
    }
  }
}

/** Where the pairs of lines go. */
export class PairSink implements Sink<Pair> {
  readonly level = 0;
  readonly #atomic: Atomic;

  constructor(atomic: Atomic) {
    this.#atomic = atomic;
  }

  take(object: object): Pair {
    const { key: given, value, expires, ...more } = object as Record<string, unknown>;
    key(given);
    if (!("value" in object)) throw invalid("it has no value");
    const [other] = Object.keys(more);
    if (other !== undefined) throw invalid(`${JSON.stringify(other)} is no part of a pair, which has key, value and expires`);
    if (expires !== undefined && !(typeof expires === "number" && Number.isFinite(expires))) {
      throw invalid(`expires must be a finite number of milliseconds, not ${describe(expires)}`);
    }
    return { key: given as string, value, expires: expires as number | undefined };
  }

  async store(rows: readonly PairRow[], onConflict: OnConflict): Promise<Omit<ImportedLines, "lines">> {
    const now = nowMs();
    const live = rows.filter(({ expires = Infinity }) => expires > now);
    try {
      const stored = await this.#atomic.kv((kv) => write(kv, live, onConflict));
      return { ...stored, expired: rows.length - live.length };
    } catch (error) {
      const isOneOfThem = isPatchStoreError(error) && error.code === "NotStorable" && !this.#atomic.isTransaction;
      throw isOneOfThem ? new LineError(await this.#blamed(live, error), error) : error;
    }
  }

  #blamed(rows: readonly PairRow[], error: PatchStoreError): Promise<number> {
    return tried((tries) => this.#atomic.kv((kv) => tries((row) => kv.set(row.key, row.value))), rows, error);
  }
}

async function write(kv: KV, rows: readonly PairRow[], onConflict: OnConflict): Promise<Omit<ImportedLines, "lines">> {
  const there = await Promise.all(rows.map((row) => kv.has(row.key)));
  const chosen = new Map<string, PairRow>();
  let conflicts = 0;
  for (const [at, row] of rows.entries()) {
    const isTaken = there[at] === true || chosen.has(row.key);
    if (isTaken) conflicts += 1;
    if (isTaken && onConflict === "error") {
      throw new LineError(row.line, new PatchStoreError("Exists", `the key ${JSON.stringify(row.key)} already exists`));
    }
    if (!isTaken || onConflict === "replace") chosen.set(row.key, row);
  }
  let taking: PairRow | undefined;
  function* entries(): Generator<[string, unknown] | [string, unknown, Expiry]> {
    for (taking of chosen.values()) {
      const { key, value, expires } = taking;
      yield expires === undefined ? [key, value] : [key, value, { expires }];
    }
    taking = undefined;
  }
  try {
    await kv.setMany(entries());
  } catch (error) {
    throw taking === undefined ? error : new LineError((taking as PairRow).line, error);
  }
  return counts({ inserted: rows.length - conflicts, [onConflict === "skip" ? "skipped" : "replaced"]: conflicts });
}
