/** A whole database out as a file, and in again, beside the open one: milliseconds for each MB of the file. */
import { check } from "../check.js";

const TURNS = 3;
const MB = 1e6;

const item = (id, title, needs, work) => ({
  id,
  title: `${title}, 100 000 documents: per MB`,
  needs,
  asks: "archives",
  times: 1,
  async run({ system, name, noted }) {
    const again = `${name}-imported`;
    for (let turn = 0; turn < TURNS; turn++) {
      const start = performance.now();
      const made = await system.archives.out(name);
      const out = performance.now();
      const records = await system.archives.in(again, made);
      const end = performance.now();
      check(records >= 100_000, `${records} records were imported`);
      await system.remove(again);
      noted(work(out - start, end - out) / (made.size / MB));
    }
  },
});

export const archiveOut = item("export", "export", "large", (out) => out);
export const archiveIn = item("import", "import", "large", (_, into) => into);
