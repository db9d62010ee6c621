/** The names of the Web Locks that are held and begin like this; none where that cannot be told. */
export const heldLocks = async (prefix) => {
  try {
    const { held } = await navigator.locks.query();
    return held.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
};
