/** The origin-private file system, as a page writes and reads files of it. */

const folderOf = async (name) => (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });

export default {
  title: "OPFS",
  packages: [],
  acknowledges: "closed",
  only: ["files"],
  async files(name) {
    const folder = await folderOf(name);
    return {
      async put(key, bytes) {
        const file = await folder.getFileHandle(key, { create: true });
        const writable = await file.createWritable();
        await writable.write(bytes);
        await writable.close();
      },
      get: async (key) => (await (await folder.getFileHandle(key)).getFile()).arrayBuffer(),
      close: async () => {},
    };
  },
  async remove(name) {
    await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true });
  },
};
