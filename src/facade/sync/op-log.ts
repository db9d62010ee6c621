import { invalid } from "../base/errors.js";
import { crossing, describe, key as keyOf } from "../base/names.js";
import { func, known, whole } from "../base/options.js";
import type { OpLog, OpLogEntry } from "../base/types.js";
import type { ApplyPort, OpLogPort, PatchPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { needed, present, rest } from "../bridge/rest.js";
import { sendRows } from "../bridge/slices.js";
import { tell } from "../stores/watch.js";
import { blobsDecoded } from "../values/exact/decode.js";
import { readContents } from "./contents.js";
import { entriesOf, entryRows, violationsOf, type Entry } from "./entries.js";

/** Entries that a watch reads at once. */
const PAGE = 500;

type Refused = Awaited<ReturnType<OpLog["apply"]>>["refused"][number];

/** The op-log of one handle. */
export class PatchLog implements OpLog {
  readonly #handle: Handle;
  readonly #port: OpLogPort;

  constructor(handle: Handle, patch: PatchPort) {
    this.#handle = handle;
    this.#port = handle.now(() => patch.opLog());
  }

  get deviceId(): string {
    return this.#handle.now(() => this.#port.deviceId()) as string;
  }

  now(): string {
    return this.#handle.now(() => this.#port.now()) as string;
  }

  async pending(options?: { after?: number; limit?: number }): Promise<OpLogEntry[]> {
    const given = known("options", options, ["after", "limit"]);
    const after = given.after === undefined ? -1 : numberOf("options.after", given.after);
    const limit = whole("options.limit", given.limit, Infinity);
    return this.#known(() => this.#entries(after, limit, false));
  }

  async count(): Promise<number> {
    return this.#handle.wholeAside((whole) => whole(this.#port).countLater()) as Promise<number>;
  }

  async markSynced(upTo: number | number[]): Promise<number> {
    const [id, ids] = which(upTo);
    return this.#handle.whole((whole) => whole(this.#port).markSyncedLater(id, ids)) as Promise<number>;
  }

  async prune(upTo: number | number[]): Promise<number> {
    const [id, ids] = which(upTo);
    return this.#handle.whole((whole) => whole(this.#port).pruneLater(id, ids)) as Promise<number>;
  }

  async collectTombstones(beforeHlc: string): Promise<number> {
    if (typeof beforeHlc !== "string") throw invalid(`a stamp must be a string, not ${describe(beforeHlc)}`);
    return this.#handle.whole((whole) => whole(this.#port).collectTombstonesLater(crossing(beforeHlc))) as Promise<number>;
  }

  async apply(entries: Iterable<Entry>): ReturnType<OpLog["apply"]> {
    if (typeof (entries as Partial<typeof entries> | null)?.[Symbol.iterator] !== "function") {
      throw invalid(`entries must be iterable, not ${describe(entries)}`);
    }
    this.#handle.check();
    // Taken as they are now: what is refused is named by its stamp.
    const list = [...entries];
    const batch = this.#handle.now(() => this.#port.batch());
    // What is written later is later than what is applied now.
    if (present() === undefined) this.#handle.block(rest());
    const [applied, flat, broken] = (await sendRows(this.#handle, entryRows(list), batch, () => committed(batch))) as [
      number,
      (number | string)[],
      string[],
    ];
    const refused: Refused[] = [];
    for (let at = 0; at + 1 < flat.length; at += 2) {
      const { hlc } = list[flat[at] as number] as Entry;
      refused.push({ hlc, why: flat[at + 1] as Refused["why"] });
    }
    return { applied, refused, violations: violationsOf(broken) };
  }

  async records(path = "", options?: { after?: string; limit?: number }): Promise<Entry[]> {
    const given = known("options", options, ["after", "limit"]);
    const after = given.after === undefined ? undefined : keyOf(given.after, "options.after");
    const limit = whole("options.limit", given.limit, Infinity);
    const at = pathOf(path);
    return this.#known(() => this.#handle.wholeAside((whole) => whole(this.#port).recordsLater(at, after, limit)));
  }

  async merkle(path = ""): Promise<{ hash: string; children: Record<string, string> }> {
    const at = pathOf(path);
    const [hash, ...flat] = (await this.#handle.wholeAside((whole) => whole(this.#port).merkleLater(at))) as [string, ...string[]];
    const children: Record<string, string> = {};
    for (let each = 0; each + 1 < flat.length; each += 2) {
      children[ROOT + (flat[each] as string)] = flat[each + 1] as string;
    }
    return { hash, children };
  }

  watch(listener: (entry: OpLogEntry) => void): () => void {
    func("listener", listener);
    this.#handle.check();
    // What is asked for now is known from now on.
    void this.deviceId;
    let wanted = true;
    const start = () => this.#handle.call(() => this.#port.last()) as Promise<number>;
    let after = start();
    let isWaiting = false;
    const look = (): void => {
      if (isWaiting) return;
      isWaiting = true;
      // Where the beginning could not be read, it begins now.
      after = after.catch(start).then(async (last) => {
        isWaiting = false;
        let told = last;
        const hear = (entry: OpLogEntry): boolean => {
          told = entry.id;
          if (wanted) tell(listener, entry);
          return wanted;
        };
        // Who reads hears of what is wrong; a listener has no place for it. The next commit has it go on from there.
        return this.#tellFrom(last, hear).catch(() => told);
      });
      after.catch(() => {
        isWaiting = false;
      });
    };
    const tail = this.#handle.now(() => this.#port.watch(() => queueMicrotask(look)));
    after.catch(() => {});
    const stop = (): void => {
      if (!wanted) return;
      wanted = false;
      forget();
      tail.free();
    };
    const forget = this.#handle.atEnd(stop);
    return stop;
  }

  /** Tells of all entries above a number; the number of the last one. */
  async #tellFrom(last: number, told: (entry: OpLogEntry) => boolean): Promise<number> {
    for (;;) {
      const before = blobsDecoded;
      const page = entriesOf(await this.#entries(last, PAGE, true));
      const hasBlobs = blobsDecoded !== before;
      for (const entry of page) {
        // (One by one: a page may have many.)
        if (hasBlobs) await readContents(this.#handle.place, [entry.value]);
        last = entry.id;
        if (!told(entry)) return last;
      }
      if (page.length < PAGE) return last;
    }
  }

  /** Entries, with what is in their Blobs read, so that they can be encoded. */
  async #known(read: () => unknown): Promise<OpLogEntry[]> {
    const before = blobsDecoded;
    const entries = entriesOf((await read()) as unknown[]);
    if (blobsDecoded !== before) {
      await readContents(this.#handle.place, entries.map(({ value }) => value));
    }
    return entries;
  }

  #entries(after: number, limit: number, withSynced: boolean): Promise<unknown[]> {
    return this.#handle.wholeAside((whole) => whole(this.#port).entriesLater(after, limit, withSynced)) as Promise<unknown[]>;
  }
}

/** Applies what was pushed to a batch. */
function committed(batch: ApplyPort): Promise<unknown> {
  try {
    return needed()(batch).commitLater();
  } catch (error) {
    batch.free();
    throw error;
  }
}

/** What a path of the tree begins with; whatever stands before the last one of these does not count, so that the path of a
 *  child may be put behind that of its parent. */
const ROOT = ":";

function pathOf(path: unknown): string {
  if (typeof path !== "string") throw invalid(`a path must be a string, not ${describe(path)}`);
  return crossing(path.slice(path.lastIndexOf(ROOT) + 1));
}

function numberOf(what: string, value: unknown): number {
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw invalid(`${what} must be a number, not ${Number.isNaN(value) ? "NaN" : describe(value)}`);
}

/** The number of an entry, or one without end: a fraction would be taken for the entry below it. */
function idOf(what: string, value: unknown): number {
  const id = numberOf(what, value);
  if (id % 1) throw invalid(`${what} must be a whole number, not ${id}`);
  return id;
}

function which(upTo: number | number[]): [number | undefined, Float64Array] {
  if (!Array.isArray(upTo)) return [idOf("the number of an entry", upTo), new Float64Array()];
  return [undefined, Float64Array.from(upTo.map((id, at) => idOf(`ids[${at}]`, id)))];
}
