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

/** The origin's usage and quota in bytes, and the ratio of the two. */
export async function storageEstimate(): Promise<{ usage: number; quota: number; ratio: number }> {
  const { usage, quota } = await originEstimate();
  return { usage, quota, ratio: quota > 0 ? usage / quota : 0 };
}
