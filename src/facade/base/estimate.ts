/** The origin's usage and quota in bytes, as the browser reports them; zeros if it does not. */
export async function originEstimate(): Promise<{ usage: number; quota: number }> {
  try {
    const { usage = 0, quota = 0 } = (await navigator.storage.estimate()) ?? {};
    return { usage, quota };
  } catch {
    // No storage manager here (an insecure context, a server), or an opaque origin.
    return { usage: 0, quota: 0 };
  }
}

/** What the browser has said when it was asked for persistence by this page or worker. */
let answer: boolean | null = null;
let asking: Promise<boolean> | undefined;

/**
 * Asks the browser not to evict this origin's storage; some ask the user. True when it will not. False where it cannot be
 * asked (a server, an insecure context, an opaque origin); a worker only learns whether it was granted before.
 */
export function requestPersistence(): Promise<boolean> {
  asking ??= ask().finally(() => (asking = undefined));
  return asking;
}

async function ask(): Promise<boolean> {
  try {
    const { storage } = navigator;
    answer = (await (storage.persist === undefined ? storage.persisted() : storage.persist())) === true;
  } catch {
    answer = false;
  }
  return answer;
}

/** The last answer; null before it was asked. */
export const persisted = (): boolean | null => answer;

/** The origin's usage and quota in bytes, and how full that is. */
export async function storageEstimate(): Promise<{ usage: number; quota: number; ratio: number }> {
  const { usage, quota } = await originEstimate();
  return { usage, quota, ratio: quota > 0 ? usage / quota : 0 };
}
