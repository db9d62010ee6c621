/** Options for tests of plain patches that go for encrypted ones, too. Loaded by pages. */

/** Those of `openPatch`; every realm has the same key. */
export const keyed = (encrypted) => (encrypted ? { encryption: { key: new Uint8Array(32).fill(7) } } : {});
