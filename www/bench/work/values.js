/** The key-value side: text of several sizes, written and read one awaited call after the other. */
import { valueOf } from "../documents.js";
import { check } from "../check.js";

const SIZES = [
  ["100", "100 B", 100, 300],
  ["10k", "10 KiB", 10 << 10, 100],
  ["1m", "1 MiB", 1 << 20, 8],
];

function writing([id, title, bytes, times]) {
  return {
    id: `set-${id}`,
    title: `set a value of ${title}, awaited`,
    times,
    async run({ store, times, timed }) {
      const values = Array.from({ length: times }, (_, at) => valueOf(at + bytes, bytes));
      await timed(async () => {
        for (const [at, value] of values.entries()) await store.set(`${id}-${at}`, value);
      });
      const found = await store.read(`${id}-${times - 1}`);
      check(found === values.at(-1), `the value of ${title} is another`);
    },
  };
}

function reading([id, title, bytes, times]) {
  return {
    id: `get-${id}`,
    title: `get a value of ${title}, awaited`,
    times,
    needs: `set-${id}`,
    async run({ system, store, times, timed }) {
      const written = system.fewer?.[`set-${id}`] ?? times;
      const found = [];
      await timed(async () => {
        for (let at = 0; at < times; at++) found.push(await store.read(`${id}-${at % written}`));
      });
      found.forEach((value, at) =>
        check(value === valueOf((at % written) + bytes, bytes), `value ${at} of ${title} is another`));
    },
  };
}

export const values = SIZES.flatMap((size) => [writing(size), reading(size)]);

export const sets = {
  id: "sets",
  title: "5 000 sets of 100 B at once, each",
  times: 5000,
  async run({ store, times, timed }) {
    const values = Array.from({ length: times }, (_, at) => valueOf(at, 100));
    await timed(() => Promise.all(values.map((value, at) => store.set(`at-once-${at}`, value))));
    for (let at = 0; at < times; at += 50) {
      check((await store.read(`at-once-${at}`)) === values[at], `value ${at} is another`);
    }
  },
};
