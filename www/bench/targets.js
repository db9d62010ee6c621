/** What patchstore wants to reach, next to plain IndexedDB and to Replicache in the same run. */
import { ratio } from "./report.js";
import { COMPARED } from "./work/op-log.js";
import { work } from "./work/index.js";

const faster = (title, item, atLeast, than = "indexeddb") => ({
  title,
  item,
  unit: "×",
  atLeast,
  reach: (cells) => ratio(cells, item, "patchstore", than),
});

/** What the op-log costs: the same work with it and without it. */
const logged = (id) => {
  const item = `logged-${id}`;
  const median = (cells, item) => cells[item]?.patchstore?.median;
  return {
    title: `${work.find(({ id }) => id === item).title}: of the time without`,
    item,
    unit: "×",
    atMost: 1.5,
    reach: (cells) => median(cells, item) / median(cells, `un${item}`),
  };
};

/** What encryption costs: the same work with it and without it. */
const UNENCRYPTED = ["load", "memory"];
const AWAITED = ["put", "update", "get", "real-put", ...work.map(({ id }) => id).filter((id) => /^[gs]et-/.test(id))];
const atMost = (id) => (AWAITED.includes(id) ? 1.1 : /open/.test(id) ? 1.5 : 1.3);
const encrypted = ({ id, title }) => ({
  title: `encrypted: ${title}: of the time in the clear`,
  item: id,
  unit: "×",
  atMost: atMost(id),
  reach: (cells) => cells[id]?.encrypted?.median / cells[id]?.patchstore?.median,
});

const difference = (row) => row?.patchstore?.median - row?.indexeddb?.median;

/** How much longer the first reading takes than that of IndexedDB. */
const later = (title, item, ms) => ({
  title: `${title}: more than IndexedDB takes`,
  item,
  unit: "ms",
  atMost: ms,
  reach: (cells) => difference(cells[item]),
});

/** What is not above the floor by more than that. */
const near = (title, item, atMost) => ({
  title: `${title}: of the floor's time`,
  item,
  unit: "×",
  atMost,
  reach: (cells) => cells[item]?.patchstore?.median / cells[item]?.packed?.median,
});

export const targets = [
  faster("insert 10 000 at once", "bulk", 6),
  faster("insert one, awaited: not slower", "put", 1),
  faster("insert one, awaited: the goal", "put", 1.15),
  faster("set 100 B, awaited: not slower", "set-100", 1),
  faster("set 100 B, awaited: the goal", "set-100", 1.15),
  faster("update one, awaited: not slower", "update", 1),
  faster("update one, awaited: the goal", "update", 1.15),
  faster("5 000 sets at once", "sets", 60),
  faster("5 000 inserts at once", "puts", 60),
  faster("get one, awaited, warm", "get", 60),
  faster("10 000 gets at once", "gets", 25),
  faster("read all, warm", "all", 40),
  faster("equality without an index, 1 %", "where", 20),
  near("read all of what was just written, the first time", "fresh-all", 1.4),
  faster("get one of what was just written, the first time", "fresh-get", 40),
  near("10 000 gets at once of what was just written, the first time", "fresh-gets", 1.5),
  later("reopen and first get", "reopen", 8),
  later("reopen and first get, code compiled", "reopen-compiled", 4),
  faster("read all, the first time after opening", "all-cold", 4),
  faster("read all, the first time after opening: faster than SQLite", "all-cold", 1, "sqlite"),
  faster("set 10 KiB", "set-10k", 1.2),
  faster("set 1 MiB: not slower", "set-1m", 1),
  faster("get 1 MiB: not slower", "get-1m", 1),
  faster("Replicache: get one", "get", 3, "replicache"),
  faster("Replicache: insert 10 000 at once, at most 1.3× the time", "bulk", 1 / 1.3, "replicache"),
  faster("Replicache: insert one, not slower", "put", 1, "replicache"),
  faster("Replicache: read all within 1.5×", "all", 1 / 1.5, "replicache"),
  faster("insert 10 000 with two indexes", "indexed-bulk", 5),
  faster("equality by an index, 1 %, asked before", "indexed-again", 50),
  faster("equality by an index, first read: not slower", "indexed-cold", 1),
  {
    title: "range, sorted, limit 20 of 100 000, warm",
    item: "indexed-range",
    unit: "ms",
    atMost: 1,
    reach: (cells) => cells["indexed-range"]?.patchstore?.median,
  },
  {
    title: "the last of 1 000 pages by `after`: of the time of the first",
    item: "page-1000",
    unit: "×",
    atMost: 1.2,
    reach: (cells) => cells["page-1000"]?.patchstore?.median / cells["page-1"]?.patchstore?.median,
  },
  ...COMPARED.map(logged),
  faster("put 100 × 1 MiB, hashed: at most 1.5× the time", "blobs-put", 1 / 1.5),
  faster("put 256 MiB, hashed: at most 1.5× the time", "blob-put", 1 / 1.5),
  faster("get 100 × 1 MiB: not slower", "blobs-get", 1),
  faster("get 256 MiB: not slower", "blob-get", 1),
  ...[["blobs-again", "blobs-put"], ["blob-again", "blob-put"]].map(([again, put]) => ({
    title: `${work.find(({ id }) => id === again).title}: times as fast as the first time`,
    item: again,
    unit: "×",
    atLeast: 5,
    reach: (cells) => cells[put]?.patchstore?.median / cells[again]?.patchstore?.median,
  })),
  {
    title: "update one of 1 000 beside 1 000 live queries: of the time without",
    item: "watched",
    unit: "×",
    atMost: 3,
    reach: (cells) => cells.watched?.patchstore?.median / cells.unwatched?.patchstore?.median,
  },
  ...work.filter(({ id, asks }) => asks === undefined && !UNENCRYPTED.includes(id)).map(encrypted),
];
