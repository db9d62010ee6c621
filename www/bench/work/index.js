/**
 * What is measured, in order. Each item is a module whose default export is:
 *
 *   id, title     how it is called in files and in tables
 *   needs         optional: the item that has to be run before
 *   asks          optional: what a system must have, by the name in its description
 *   times         how many operations one sample is divided by
 *   run(context)  does the work and checks its result, with these at hand:
 *     store, system, name   the open database, its system and its name
 *     state                 what items leave to later ones, as JSON (ids)
 *     times                 as above, or fewer where the system says so
 *     timed(work)           takes the time of `work`; resolves to what it gives. Called more than
 *                           once, the median counts. What is outside of it is not measured.
 *     noted(number)         records something other than a time
 *     begun                 when the phase began, before the system's code was loaded (`performance.now()`)
 *
 * A phase is a page of its own: nothing that an earlier phase read is in memory.
 */
import { archiveIn, archiveOut } from "./archive.js";
import bulk from "./bulk.js";
import { contents } from "./contents.js";
import { deleteHalf } from "./delete.js";
import { bytesOnDisk, memory } from "./footprint.js";
import { fresh } from "./fresh.js";
import { get, gets } from "./get.js";
import { indexed, indexedCold, indexedLarge } from "./indexed.js";
import { large, largeAll, largeReopen, largeWhere } from "./large.js";
import { live } from "./live.js";
import { moviesAll, moviesBulk, moviesWhere } from "./movies.js";
import { load, open, reopen, reopenCompiled } from "./open.js";
import { opLog } from "./op-log.js";
import { put, puts } from "./put.js";
import { all, allCold } from "./all.js";
import { start } from "./start.js";
import { tabs } from "./tabs.js";
import { realAll, realBulk, realPut, realWhere } from "./real.js";
import { sets, values } from "./values.js";
import update from "./update.js";
import where from "./where.js";

export const phases = {
  fill: [open, bulk, put, puts, get, gets, all, where, bytesOnDisk, sets],
  ...fresh,
  reopen: [load, reopen],
  "reopen-compiled": [reopenCompiled],
  cold: [allCold, memory],
  start,
  tabs,
  change: [update, deleteHalf, ...values],
  real: [realBulk, realPut, realAll, realWhere],
  movies: [moviesBulk, moviesAll, moviesWhere],
  "op-log": opLog,
  live,
  contents,
  indexed,
  "indexed-cold": indexedCold,
  "indexed-large": indexedLarge,
  large: [large, largeAll, largeWhere],
  "large-reopen": [largeReopen],
  "large-archive": [archiveOut, archiveIn],
};

/** How often a phase is run in each round. */
export const REPEATS = { reopen: 2, "reopen-compiled": 2 };

/** How many other tabs have the same database open meanwhile. Such phases, and those of a browser just started, need a driver. */
export const BESIDE = { tabs: 3 };
export const AFRESH = new Set(["start"]);

/** The items that need no driver of the browser. */
export const undriven = (items = work) => items.filter(({ id }) => !phases.tabs.concat(phases.start).some((item) => item.id === id));

/** Phases of the first round only: they take long. */
export const ONCE = new Set(["large", "large-reopen", "large-archive", "indexed-large"]);

/** Phases that open their databases by themselves. */
export const OPENS_ITSELF = new Set(["start", "reopen", "reopen-compiled", "op-log", "live", "contents", "indexed", "indexed-cold", "indexed-large", "large-reopen", "large-archive"]);

export const work = Object.values(phases).flat();

/** The ids of the items that have to be run for those of `ids`. */
export function closure(ids) {
  const found = new Set(ids);
  // A Set hands out what is added while it is walked.
  for (const id of found) {
    const item = work.find((item) => item.id === id);
    if (!item) throw new Error(`no work item is called ${id}: ${work.map((item) => item.id).join(", ")}`);
    if (item.needs) found.add(item.needs);
  }
  return found;
}
