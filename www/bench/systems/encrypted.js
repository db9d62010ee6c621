/** This package, with the patch encrypted under a key of 32 bytes: nothing is derived when it is opened. */
import { openPatch } from "patchstore";
import patchstore, { opened } from "./patchstore.js";

const encryption = { key: new Uint8Array(32).fill(7) };

export default {
  ...patchstore,
  title: "patchstore, encrypted",
  // (What it costs is compared without.)
  logs: false,
  watches: false,
  indexes: false,
  pages: false,
  archives: undefined,
  open: async (name) => opened(await openPatch(name, { encryption })),
};
