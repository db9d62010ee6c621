/** Chromium, driven by Playwright. */
import { chromium } from "playwright-core";

/** CHROMIUM names another binary of that family. */
export const BINARY = process.env.CHROMIUM ?? "/usr/bin/chromium";

/**
 * What lies under IndexedDB. Chromium is moving from LevelDB to SQLite; by stages of this feature, of which the last but one migrates what is
 * there, some time after the last connection was closed. IDB=sqlite has all tests use SQLite.
 */
export const STORAGE = Object.fromEntries(
  Object.entries({ leveldb: "UseLevelDbOnly", migrating: "MigrateDataToSqliteGentle", sqlite: "UseSqliteOnly" })
    .map(([name, stage]) => [name, [`--enable-features=IdbSqliteOnDiskRollout:stage/${stage}`]]),
);
const { IDB } = process.env;
/** Whether tests have nothing to look for in other browsers: they have not got several storages. */
export const ONLY_CHROMIUM = Boolean(IDB);
if (IDB && !STORAGE[IDB]) throw new Error(`IDB=${IDB}: there are ${Object.keys(STORAGE)}`);

export const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  ...(IDB ? STORAGE[IDB] : []),
];

/**
 * Starts headless Chromium.
 * @param {{profile?: string, args?: string[]}} options `profile`: the directory that keeps its
 *   data from one start to the next; without it nothing is kept.
 * @returns what has newPage() and close()
 */
export function openBrowser({ profile, args = [] } = {}) {
  const options = {
    executablePath: BINARY,
    args: [...ARGS, ...args],
  };
  return profile === undefined
    ? chromium.launch(options)
    : chromium.launchPersistentContext(profile, options);
}
