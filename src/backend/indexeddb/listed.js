/**
 * Whether there is a database of this name; true where that cannot be told without opening it. In WebKit an opening
 * that is refused, since there is none, leaves one of version 0 behind.
 */
export const isListed = async (name) => {
  try {
    return (await indexedDB.databases()).some((each) => each.name === name && each.version !== 0);
  } catch {
    return true;
  }
};
