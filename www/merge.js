/** How two devices merge. Here both are in one page; between them goes what a connection would carry. */
import { decodeEntries, encodeEntries } from "patchstore";

/** One direction: what waits on a device goes to the other one as bytes, and is applied there. */
export async function exchange(from, to) {
  const entries = await from.opLog.pending();
  const sent = encodeEntries(entries);
  const { applied, refused } = await to.opLog.apply(decodeEntries(sent));
  // By their ids: what was refused, or written meanwhile, goes on waiting.
  const stay = new Set(refused.map(({ hlc }) => hlc));
  await from.opLog.markSynced(entries.filter(({ hlc }) => !stay.has(hlc)).map(({ id }) => id));
  return { from, to, entries, size: sent.length, applied, refused: refused.length };
}

/** Fetches what another device has and this one lacks, where their digests differ; how much of it was new. */
export async function pull(mine, theirs, path = "") {
  const [here, there] = await Promise.all([mine.merkle(path), theirs.merkle(path)]);
  if (here.hash === there.hash) return 0;
  const below = [here, there].map(({ children }) => Object.keys(children));
  // A leaf, or one of them holds nothing here: what was removed is in no digest, but comes along.
  if (below.some((paths) => paths.length === 0)) {
    const records = await theirs.records(path);
    return (await mine.apply(decodeEntries(encodeEntries(records)))).applied;
  }
  let applied = 0;
  for (const each of new Set(below.flat())) {
    if (here.children[each] !== there.children[each]) applied += await pull(mine, theirs, each);
  }
  return applied;
}
