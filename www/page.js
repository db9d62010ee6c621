/** Small helps with the page: elements, numbers, times, errors. */
import { isPatchStoreError } from "patchstore";

export const element = (id) => document.getElementById(id);

/** A new element with a text in it. */
export function make(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Shows rows in place of others. Those that read the same stay, with the focus that may be in them. */
export function showRows(body, rows) {
  rows.forEach((row, at) => {
    const old = body.children[at];
    if (old === undefined) body.append(row);
    else if (old.textContent !== row.textContent) old.replaceWith(row);
  });
  while (body.children.length > rows.length) body.lastElementChild.remove();
}

const grouped = new Intl.NumberFormat("en", { useGrouping: true });
export const count = (n) => grouped.format(n).replaceAll(",", "\u202f");

export function bytes(n) {
  if (n < 1024) return `${n} B`;
  if (n < 1024 ** 2) return `${(n / 1024).toFixed(1)} KiB`;
  if (n < 1024 ** 3) return `${(n / 1024 ** 2).toFixed(1)} MiB`;
  return `${(n / 1024 ** 3).toFixed(1)} GiB`;
}

export const ms = (duration) => `${duration.toFixed(duration < 10 ? 2 : 0)} ms`;

/** What the work came to and how long it took, in milliseconds. */
export async function timed(work) {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

const REMEDIES = {
  "fix-call": "This is a mistake in the page.",
  retry: "Trying again may help.",
  "free-space": "Free some space and try again.",
  reopen: "Reload the page.",
  reload: "Reload the page.",
  restore: "The stored data is damaged.",
};

/** Shows an error on the page, with what helps. */
export function report(error) {
  console.error(error);
  const known = isPatchStoreError(error);
  const text = known ? `${error.code}: ${error.message}. ${REMEDIES[error.remedy]}` : String(error);
  const problem = element("problem");
  problem.append(make("p", text));
  problem.hidden = false;
}

/** A listener that reports what the work throws. */
export const guarded = (work) => async (event) => {
  try {
    await work(event);
  } catch (error) {
    report(error);
  }
};

/** Whether an error says no more than that the patch is closed: the section that it belongs to says so. */
export const isClosed = (error) => isPatchStoreError(error) && error.code === "Closed";

/** Does the work when it is asked for, and once more if it is asked for meanwhile: what is shown last is the latest. */
export function renewing(work) {
  let running, isStale;
  async function run() {
    try {
      do {
        isStale = false;
        await work();
      } while (isStale);
    } catch (error) {
      if (!isClosed(error)) report(error);
    } finally {
      running = undefined;
    }
  }
  return () => {
    isStale = true;
    running ??= run();
    return running;
  };
}
