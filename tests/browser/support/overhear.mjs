/** What others could read of a patch: what is said, logged, asked of locks, and stored in this origin. Runs in a page. */

/** All that was heard, of any type. */
export const heard = [];

/** Notes all that is said on channels, asked of locks and logged, in a realm that has loaded nothing yet. */
export function listen(realm) {
  const { BroadcastChannel, LockManager, console } = realm;
  realm.BroadcastChannel = class extends BroadcastChannel {
    constructor(name) {
      super(name);
      heard.push(name);
      // What others say there, as anybody could hear it.
      new BroadcastChannel(name).onmessage = ({ data }) => heard.push(data);
    }
    postMessage(message) {
      heard.push(message);
      super.postMessage(message);
    }
  };
  const { request } = LockManager.prototype;
  LockManager.prototype.request = function (name, ...rest) {
    heard.push(name);
    return request.call(this, name, ...rest);
  };
  for (const level of ["debug", "error", "info", "log", "trace", "warn"]) {
    console[level] = (...what) => heard.push(...what.map((each) => `${each} ${each?.stack}`));
  }
  for (const event of ["error", "unhandledrejection"]) {
    realm.addEventListener(event, ({ message, reason }) => heard.push(`${message} ${reason} ${reason?.stack}`));
  }
}

/** Another realm, which is heard, too; `work` gets the package there. */
export async function otherTab(work) {
  const frame = document.createElement("iframe");
  frame.src = "/tests/browser/engine/page.html";
  await new Promise((resolve) => {
    frame.onload = resolve;
    document.body.append(frame);
  });
  listen(frame.contentWindow);
  const lib = await frame.contentWindow.eval('import("/pkg/index.js")');
  await work(lib);
}

/** All that lies in this origin's storage, as bytes. */
export async function stored() {
  const all = [];
  const take = async (value) => {
    if (value instanceof Blob) return take(await value.arrayBuffer());
    if (value instanceof ArrayBuffer) all.push(new Uint8Array(value));
    else if (ArrayBuffer.isView(value)) all.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    else if (typeof value === "object" && value !== null) for (const each of Object.entries(value).flat()) await take(each);
    else all.push(new TextEncoder().encode(String(value)));
  };
  const asked = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  for (const { name } of await indexedDB.databases()) {
    await take(name);
    const database = await asked(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      await take(store);
      const reading = database.transaction(store).objectStore(store);
      const [keys, values] = await Promise.all([asked(reading.getAllKeys()), asked(reading.getAll())]);
      await take(keys);
      await take(values);
    }
    database.close();
  }
  await take([{ ...localStorage }, { ...sessionStorage }, document.cookie, await caches.keys()]);
  return all;
}
