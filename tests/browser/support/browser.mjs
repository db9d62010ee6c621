/** Chromium, driven by Playwright. */
import { chromium } from "playwright-core";

/** CHROMIUM names another binary of that family. */
export const BINARY = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
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
