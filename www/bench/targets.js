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

const difference = (row) => row?.patchstore?.median - row?.indexeddb?.median;

export const targets = [
  faster("insert 10 000 at once", "bulk", 5),
  faster("insert one, awaited: not slower", "put", 1),
  faster("insert one, awaited: the goal", "put", 1.25),
  faster("set 100 B, awaited: not slower", "set-100", 1),
  faster("set 100 B, awaited: the goal", "set-100", 1.25),
  faster("update one, awaited: not slower", "update", 1),
  faster("update one, awaited: the goal", "update", 1.25),
  faster("5 000 sets at once", "sets", 60),
  faster("5 000 inserts at once", "puts", 60),
  faster("get one, awaited, warm", "get", 60),
  faster("10 000 gets at once", "gets", 25),
  faster("read all, warm", "all", 40),
  faster("equality without an index, 1 %", "where", 20),
  {
    title: "reopen and first get, code compiled: more than IndexedDB takes",
    item: "reopen-compiled",
    unit: "ms",
    atMost: 10,
    reach: (cells) => difference(cells["reopen-compiled"]),
  },
  faster("set 1 MiB: not slower", "set-1m", 1),
  faster("get 1 MiB: not slower", "get-1m", 1),
  faster("Replicache: get one", "get", 3, "replicache"),
  faster("Replicache: insert 10 000 at once, not slower", "bulk", 1, "replicache"),
  faster("Replicache: insert one, not slower", "put", 1, "replicache"),
  faster("Replicache: read all within 1.5×", "all", 1 / 1.5, "replicache"),
  ...COMPARED.map(logged),
];
