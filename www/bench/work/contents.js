/** Large binaries: a hundred of 1 MiB, and one of 256 MiB; their bytes are in memory before, and read afterwards. */
import { check } from "../check.js";

const MIB = 1 << 20;

/** Bytes that no other of these have, and that cannot be compressed. */
function bytesOf(seed, length) {
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer);
  let state = seed * 2_654_435_761;
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    words[at] = state;
  }
  return bytes;
}

const many = () => Array.from({ length: 100 }, (_, n) => bytesOf(n + 1, MIB));
const putAll = (files, all) => Promise.all(all.map((bytes, n) => files.put(`${n}`, bytes)));
const getAll = async (files, count) => {
  const all = await Promise.all(Array.from({ length: count }, async (_, n) => new Uint8Array(await files.get(`${n}`))));
  return all;
};

/** @param work gets the files and what they are of; resolves to what is checked */
const item = (id, title, times, work) => ({
  id,
  title,
  asks: "files",
  times,
  async run({ system, name, timed }) {
    const files = await system.files(name);
    try {
      await work(files, timed);
    } finally {
      await files.close();
    }
  },
});

const isSame = (found, expected) =>
  check(found.length === expected.length && found.every((byte, at) => at % 997 > 0 || byte === expected[at]), "the bytes are others");

export const contents = [
  item("blobs-put", "put 100 × 1 MiB", 100, async (files, timed) => {
    const all = many();
    await timed(() => putAll(files, all));
  }),
  item("blobs-again", "the same 100 × 1 MiB again", 100, async (files, timed) => {
    const all = many();
    await timed(() => putAll(files, all));
  }),
  item("blobs-get", "get 100 × 1 MiB", 100, async (files, timed) => {
    const found = await timed(() => getAll(files, 100));
    many().forEach((bytes, n) => isSame(found[n], bytes));
  }),
  item("blob-put", "put 256 MiB", 1, async (files, timed) => {
    const bytes = bytesOf(1_000, 256 * MIB);
    await timed(() => files.put("large", bytes));
  }),
  item("blob-again", "the same 256 MiB again", 1, async (files, timed) => {
    const bytes = bytesOf(1_000, 256 * MIB);
    await timed(() => files.put("large", bytes));
  }),
  item("blob-get", "get 256 MiB", 1, async (files, timed) => {
    const found = await timed(async () => new Uint8Array(await files.get("large")));
    isSame(found, bytesOf(1_000, 256 * MIB));
  }),
];
for (const [at, each] of contents.entries()) if (at % 3 > 0) each.needs = contents[at - 1].id;
